"""On Live: small pictures of a session's moments, in memory, and only if asked for."""

import streamlit as st

from emotion_core.live.highlights import SecondPictures, highlights
from emotion_core.live.stream import LiveStream
from pages._ui.live.last import when_forgotten

_PICTURES = "live-pictures"
WHAT_IS_KEPT = (
    "One small picture of the largest face per second stays in memory, until you forget the "
    "session, press Start again or close this tab. Nothing is written to disk."
)


def show_highlights_switch(stream: LiveStream) -> None:
    """The switch, off until somebody asks for highlights, and what it keeps."""
    on = st.toggle(
        "Highlights",
        key="live-highlights",
        help="After Stop: pictures of the strongest expression, the longest stretch and the "
        "greatest change.",
    )
    pictures: SecondPictures | None = st.session_state.get(_PICTURES)
    if not on:
        stream.taps = tuple(tap for tap in stream.taps if tap is not pictures)
        st.session_state.pop(_PICTURES, None)
        return
    if pictures is None:
        pictures = st.session_state[_PICTURES] = SecondPictures(lambda: stream.began)
        when_forgotten(pictures.forget)
    if pictures not in stream.taps:
        stream.taps = (*stream.taps, pictures)
    st.caption(WHAT_IS_KEPT)


def show_highlights(stream: LiveStream, playing: bool) -> None:
    """After Stop: the moments, in a row."""
    pictures: SecondPictures | None = st.session_state.get(_PICTURES)
    if playing or pictures is None or not (kept := pictures.seconds()):
        return
    found = highlights(stream.session().largest, kept)
    st.subheader("Highlights", anchor=False)
    if not found:
        st.caption("Nothing stood out: one expression, shown for less than two seconds.")
        return
    with st.container(horizontal=True, key="live-highlight-row"):
        for item in found:
            minutes, seconds = divmod(item.second, 60)
            caption = f"{item.title}: {item.words}, at {minutes}:{seconds:02d}"
            st.image(pictures.jpeg(item.second), caption=caption, width=160)
