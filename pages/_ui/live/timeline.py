"""On Live, below the picture: the whole session so far, for the followed person and both models."""

import streamlit as st

from emotion_core.live.session import LARGEST
from emotion_core.live.stream import LiveStream
from emotion_core.recording.facts import MAX_NOTE, Mark, Notes
from emotion_core.recording.lanes import coarse, session_lanes
from emotion_core.reporting.recording import viewer_data
from pages._ui.live.lanes import lanes_html, lanes_style

_COLUMNS = 300  # most stretches that are drawn: an hour in steps of 12 s
_MARK = "live-mark"


def show_timeline(stream: LiveStream, playing: bool) -> None:
    """Lanes since Start, redrawn each second, and the button that marks a moment."""
    if playing:
        st.html(lanes_style())
        st.fragment(_show_lanes, run_every=1.0)(stream)
        st.fragment(_show_marking)(stream)
    else:
        st.session_state.pop(_MARK, None)


def _show_lanes(stream: LiveStream) -> None:
    face = st.session_state.get("live-face", LARGEST)
    seconds, marks, length = stream.so_far(face)
    step = max(1, round(length / _COLUMNS))
    notes = Notes(tuple(Mark(item.time, item.note) for item in marks))
    lanes = session_lanes(coarse(seconds, step), stream.names, step)
    who = f"face {face}" if face else "the largest face"
    minutes, rest = divmod(round(length), 60)
    st.html(
        '<div class="live-timeline">'
        + lanes_html(viewer_data(lanes, notes, length))
        + f'<div class="live-axis"><span>Start</span><span>{who}</span>'
        f"<span>{minutes}:{rest:02d}</span></div></div>"
    )


def _show_marking(stream: LiveStream) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="live-marking"):
        if st.button(
            "Mark",
            icon=":material/flag:",
            key="live-mark-now",
            shortcut="m",
            help="Marks this moment in the timeline, and in the recording if there is one.",
        ):
            st.session_state[_MARK] = stream.mark()
        number = st.session_state.get(_MARK)
        if number is not None:
            text = st.text_input(
                f"Note on mark {number + 1}",
                max_chars=MAX_NOTE,
                key=f"live-note-{number}",
                placeholder="What happened?",
            )
            stream.note(number, text)
