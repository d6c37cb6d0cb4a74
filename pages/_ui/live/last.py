"""On Live after Stop: the session's figures, also after a reload, and as HTML."""

from collections.abc import Callable

import streamlit as st

from emotion_core.live.kept import KeptSession, SessionShelf
from emotion_core.live.stream import LiveStream
from emotion_core.plots import live as plots
from emotion_core.recording.facts import Mark, Notes
from emotion_core.recording.lanes import lanes_of, told
from emotion_core.reporting.recording import agreement_reading, session_html, viewer_data
from pages._ui.live.lanes import lanes_html, lanes_style
from pages._ui.widgets import show_figure

_KEY = "session"  # in the address
_OWN = "live-kept"  # frames of the session that has the key
_ALSO = "live-forget-also"  # what else goes with the session


@st.cache_resource(show_spinner=False)
def _shelf() -> SessionShelf:
    return SessionShelf()


def show_session(stream: LiveStream, playing: bool) -> None:
    """After Stop: what the session showed.

    It stays in the server's memory under a key in the address, so that a reload shows it again.
    """
    if playing:
        return
    kept = _last(stream)
    if kept is None:
        return
    session = kept.session
    st.header("Last session", anchor=False)
    reading = plots.session_reading(session.summary)
    if not session.rows:
        st.info(reading, icon=":material/info:")
        return
    st.markdown(reading)
    _show_lanes(kept)
    left, right = st.columns([3, 2])
    with left:
        show_figure(plots.session_timeline(session.stretches), "live-session", csv=session.rows)
    with right:
        shares = [
            {
                "emotion": name,
                "seconds": round(value, 2),
                "longest_seconds": round(session.summary.longest.get(name, 0.0), 2),
            }
            for name, value in session.summary.emotion_seconds.items()
        ]
        show_figure(plots.emotion_seconds(session.summary), "live-emotions", csv=shares)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Session as HTML",
            data=session_html(session, kept.titles),  # small; one made later needs this very run
            file_name="live-session.html",
            mime="text/html",
            icon=":material/download:",
            on_click="ignore",
            key="live-session-html",
            help="Lanes, figures and marks in one file. It has no picture of anybody.",
        )
        st.button(
            "Forget this session",
            icon=":material/close:",
            key="live-session-forget",
            on_click=_forget,
            args=(stream,),
            help="It is in the server's memory alone: until you press this, for 12 hours at most.",
        )


def when_forgotten(forget: Callable[[], None]) -> None:
    """Have "Forget this session" call this too; the newest call counts."""
    st.session_state[_ALSO] = forget


def _last(stream: LiveStream) -> KeptSession | None:
    """This tab's last session, or the one that the address names."""
    session = stream.session()
    stamp = (session.summary.frames, session.marks)
    if session.summary.frames and st.session_state.get(_OWN) != stamp:
        _shelf().forget(st.query_params.get(_KEY, ""))
        st.query_params[_KEY] = _shelf().keep(session, stream.names)
        st.session_state[_OWN] = stamp
    return _shelf().find(st.query_params.get(_KEY, ""))


def _forget(stream: LiveStream) -> None:
    _shelf().forget(st.query_params.pop(_KEY, ""))
    if also := st.session_state.get(_ALSO):
        also()
    session = stream.session()
    st.session_state[_OWN] = (session.summary.frames, session.marks)


def _show_lanes(kept: KeptSession) -> None:
    session = kept.session
    notes = Notes(tuple(Mark(item.time, item.note) for item in session.marks))
    lanes = lanes_of(session, kept.titles)
    st.html(lanes_style())
    st.html(lanes_html(viewer_data(lanes, notes, session.summary.seconds)))
    if agreed := agreement_reading(told(lanes, notes)):
        st.caption(agreed)
    for mark in session.marks:
        st.text(f"{mark.time:.0f} s  {mark.note or 'mark'}")
