"""The Live page while a stream plays: what is seen now, pause and snapshot, the session after it."""

import html
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from emotion_core.access import Action
from emotion_core.live.session import LARGEST
from emotion_core.live.state import LiveState
from emotion_core.live.stream import LiveStream
from pages._ui.access import is_at_computer, offers
from pages._ui.diary.live import show_recording
from pages._ui.live import readout
from pages._ui.live.affect import AFFECT, affect_plane
from pages._ui.live.aliases import show_followed
from pages._ui.live.detector import use_better_detector
from pages._ui.live.keeping import kept_words
from pages._ui.live.my_face import show_my_face_button
from pages._ui.live.wrong import show_wrong
from pages._ui.widgets import show_empty

if TYPE_CHECKING:
    from emotion_core.live.results import Face

_FIRST_PICTURE_SECONDS = 3.0
STYLE = Path(__file__).with_name("live.css")


def show_privacy() -> None:
    """Say what becomes of the pictures."""
    st.html(STYLE)
    where = "on this computer" if is_at_computer() else "on the server"
    record = " or record it" if offers(Action.RECORD, says=False) else ""
    if kept := kept_words():
        st.caption(
            f":material/lock_open: Pictures are processed in memory {where}. {kept} {where}. "
            f"Nothing else is saved unless you download it{record}."
        )
        return
    st.caption(
        f":material/lock: Pictures are processed in memory {where} and never stored. No picture "
        f"is saved unless you download it{record}."
    )


def show_nothing_trained() -> None:
    """Say what to do without a model."""
    show_empty("No trained model is on this machine yet.", "pages/training.py")


def show_controls(stream: LiveStream, playing: bool) -> None:
    """Pause and snapshot."""
    with st.container(horizontal=True, vertical_alignment="center"):
        stream.paused = st.toggle(
            "Pause", key="live-pause", help="Hold the picture; no video is analyzed."
        )
        st.download_button(
            "Snapshot",
            data=lambda: _snapshot(stream),
            file_name="snapshot.png",
            mime="image/png",
            icon=":material/photo_camera:",
            disabled=not playing,
            on_click="ignore",
            help="Save the picture with its boxes on your computer.",
            key="live-snapshot",
        )
        show_recording(stream)
        show_my_face_button(stream, playing)


def show_now(stream: LiveStream, playing: bool) -> None:
    """What is seen at this moment, once a second while the stream plays."""
    st.fragment(_show_now, run_every=1.0 if playing else None)(stream, playing)


def _show_now(stream: LiveStream, playing: bool) -> None:
    use_better_detector(stream.pipeline)
    show_followed()
    seen = stream.state()
    problem = "" if playing and seen.ended else seen.problem  # not that of the session before
    if problem and playing:
        st.session_state["live-stop"] = True
        st.rerun(scope="app")
    if problem:
        st.error(
            f"The stream was stopped: {problem} Press Start to try again.",
            icon=":material/error:",
        )
    if not playing:
        st.info(
            "Press Start to see each face's expression, its probabilities and the last 60 seconds.",
            icon=":material/play_circle:",
        )
        return
    faces = list(seen.result.faces) if seen.result else []
    chosen = pick_face(faces, stream.pipeline.remembered)
    face = next((item for item in faces if chosen in (LARGEST, item.track_id)), None)
    st.html(
        '<div class="live">'
        + f'<div class="live-hint" role="status">{html.escape(_hint(stream, seen))}</div>'
        + readout.headline(face, stream.names)
        + "</div>"
    )
    show_wrong(stream, face, seen.result)
    st.html(
        '<div class="live">'
        + readout.bars(face, stream.names, smoothed=True)
        + readout.minute(stream.minute(chosen))
        + (affect_plane(stream.minute(chosen)) if st.session_state.get(AFFECT) else "")
        + readout.counts(faces, seen.result.left_out if seen.result else 0)
        + readout.tiles(seen, len(faces), stream.paused)
        + "</div>"
    )


def pick_face(faces: "Sequence[Face]", known: set[int], key: str = "live-face") -> int:
    """Which face the bars are of; a choice stays while its number is ``known``."""
    if st.session_state.get(key, LARGEST) not in (LARGEST, *known):
        st.session_state[key] = LARGEST
    chosen = st.session_state.setdefault(key, LARGEST)
    ids = sorted({item.track_id for item in faces} | {chosen} - {LARGEST})
    if len(ids) < 2 and chosen == LARGEST:
        return LARGEST
    return (
        st.segmented_control(
            "Face",
            [LARGEST, *ids],
            required=True,
            format_func=lambda face: f"face {face}" if face else "largest face",
            label_visibility="collapsed",
            key=key,
        )
        or LARGEST
    )


def _hint(stream: LiveStream, seen: LiveState) -> str:
    if stream.paused:
        return "Paused. No video is being analyzed."
    if not seen.frames:
        return "Waiting for the first frame."
    return seen.hint


def _snapshot(stream: LiveStream) -> bytes:
    deadline = time.monotonic() + _FIRST_PICTURE_SECONDS
    while stream.picture() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return stream.snapshot()
