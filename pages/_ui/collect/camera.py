"""Tab Add, camera: hold a button or a key to record an expression from the live pipeline."""

import html

import streamlit as st

from emotion_core.collect.capture import NEAR_COPY, Capture
from emotion_core.collect.query import label_counts
from emotion_core.collect.store import Summary
from emotion_core.data.collected import collected_stamp
from emotion_core.labels import EMOTIONS
from emotion_core.live.keeper import Kept, LiveKeeper
from emotion_core.live.stream import LiveStream
from emotion_core.runs.status import now
from pages._ui.collect.pad import show_pad
from pages._ui.live.keeping import show_counter
from pages._ui.live.panel import STYLE, show_nothing_trained
from pages._ui.live.settings import open_stream, usable_runs
from pages._ui.live.sources import CAMERA, show_stream

_KEEPER = "collect-keeper"
_TARGET = 20


def show_camera(chosen: Summary, agreed: bool) -> None:
    """The running picture, and beside it a button to hold per expression.

    Args:
        chosen: Where the faces go.
        agreed: Whether the person agreed to keeping them.
    """
    runs = usable_runs()
    if not runs:
        show_nothing_trained()
        return
    stream = open_stream(runs)
    if stream is None:
        return
    st.html(STYLE)
    keeper = _session(chosen.name)
    keeper.capture.consent = agreed
    # Expressions that are made on purpose are no entry of the diary.
    stream.watcher, stream.keeper, stream.paused = None, keeper, False
    picture, beside = st.columns([3, 2], gap="medium")
    with picture:
        playing = show_stream(stream, CAMERA).state.playing
    with beside:
        target = st.number_input(
            "Faces per expression", 1, 1000, _TARGET, key="collect-target", width=170
        )
        show = st.fragment(_show_recording, run_every=1.0 if playing else None)
        show(stream, keeper, int(target), playing)


def _session(name: str) -> LiveKeeper:
    keeper: LiveKeeper | None = st.session_state.get(_KEEPER)
    if keeper is None or keeper.capture.collection != name:
        capture = Capture(name, f"camera, {now()[:16].replace('T', ' ')}")
        keeper = st.session_state[_KEEPER] = LiveKeeper(capture, source="camera")
    return keeper


def _show_recording(stream: LiveStream, keeper: LiveKeeper, target: int, playing: bool) -> None:
    if (seen := stream.state()).problem and playing:
        st.error(f"The stream was stopped: {seen.problem} Press Stop, then Start.")
    elif playing:
        st.html(f'<div class="live-hint" role="status">{html.escape(seen.hint)}</div>')
    ready = playing and keeper.capture.consent
    name = keeper.capture.collection
    show_pad(
        _counts(name, collected_stamp()),
        target,
        "collect-pad",
        lambda label: keeper.hold(label) if label else keeper.release(),
        told=_words(keeper.state(), ready, playing),
        enabled=ready,
    )
    show_counter(keeper)


@st.cache_data(show_spinner=False, max_entries=4)
def _counts(name: str, stamp: str) -> dict[str, int]:
    return label_counts(name)


def _words(state: Kept, ready: bool, playing: bool) -> str:
    if not playing:
        return "Press Start, then hold a button or one of the keys 1 to 7."
    if not ready:
        return "Agree above first."
    if not state.last:
        return "Hold a button or one of the keys 1 to 7 while you show the expression."
    if state.last in EMOTIONS:
        return f"Last face: kept as {state.last}."
    advice = " Move your head a little, or change the light." if state.last == NEAR_COPY else ""
    return f"Last face: not kept, {state.last}.{advice}"
