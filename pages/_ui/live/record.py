"""On Live: the switch that records, off until the owner turns it on."""

import streamlit as st

from emotion_core.access import Action
from emotion_core.live.stream import LiveStream
from emotion_core.recording.recorder import WHAT_IS_KEPT, About, Recorder
from emotion_core.recording.store import recordings_dir
from emotion_core.text import plain
from pages._ui.access import offers
from pages._ui.live.profiles import short_names

_RECORDER = "live-recorder"


def show_record(stream: LiveStream, source: str, playing: bool) -> None:
    """The switch, what it keeps and, while it records, for how long.

    Args:
        stream: This tab's; gets a recorder, or loses it.
        source: What the page calls it.
        playing: Whether frames arrive.
    """
    recorder: Recorder | None = st.session_state.get(_RECORDER)
    on = offers(Action.RECORD, says=False) and st.toggle(
        "Record", key="live-record", help="Off until you switch it on; off again after a reload."
    )
    if not on:
        stream.taps = tuple(tap for tap in stream.taps if tap is not recorder)
        if recorder:
            recorder.end()
        return
    if recorder is None:
        recorder = st.session_state[_RECORDER] = Recorder(lambda: _about(stream, source))
    recorder.about = lambda: _about(stream, source)
    if recorder not in stream.taps:
        stream.taps = (*stream.taps, recorder)
    st.fragment(_show_state, run_every=1.0 if playing else None)(recorder, playing)


def _about(stream: LiveStream, source: str) -> About:
    used = [item for item in (stream.pipeline.classifier, stream.pipeline.second) if item]
    return About(tuple(item.name for item in used), short_names(used), source.lower())


def _show_state(recorder: Recorder, playing: bool) -> None:
    if recorder.problem:
        st.error(f"Not recorded: {plain(recorder.problem, 'markdown')}", icon=":material/error:")
    elif playing and recorder.seconds:
        left_out = f"; {recorder.left_out} frames left out" if recorder.left_out else ""
        st.markdown(
            f":red[:material/fiber_manual_record:] Recording, {recorder.seconds:.0f} s{left_out}"
        )
    st.caption(WHAT_IS_KEPT.format(place=plain(recordings_dir(), "markdown")))
