"""Parts of the Live page: what is seen now, the session after it, a photograph."""

import html
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.live.session import LARGEST
from emotion_core.live.stream import LiveState, LiveStream, census, probe_enabled
from emotion_core.plots import live as plots
from pages._ui.live import readout
from pages._ui.live.settings import use_better_detector
from pages._ui.widgets import PHOTO_MEGABYTES, draw_error, empty, figure

if TYPE_CHECKING:
    import numpy as np

    from emotion_core.live.photos import FaceResult
    from emotion_core.live.pipeline import Face
    from emotion_core.models.checkpoint import Classifier

_FIRST_PICTURE_SECONDS = 3.0
_STYLE = Path(__file__).with_name("live.css")


def draw_privacy() -> None:
    """Say what becomes of the pictures."""
    st.html(_STYLE)
    st.caption(
        ":material/lock: Frames are worked on in this server's memory and not kept. Nothing is "
        "saved unless you click a download."
    )


def draw_controls(stream: LiveStream, playing: bool) -> None:
    """Pause and snapshot."""
    with st.container(horizontal=True, vertical_alignment="center"):
        stream.paused = st.toggle(
            "Pause", key="live-pause", help="Hold the picture; no frame is looked at."
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


def draw_now(stream: LiveStream, playing: bool) -> None:
    """What is seen at this moment, once a second while the stream plays."""
    st.fragment(_draw_now, run_every=1.0 if playing or probe_enabled() else None)(stream, playing)


def _draw_now(stream: LiveStream, playing: bool) -> None:
    use_better_detector(stream.pipeline)
    seen = stream.state()
    problem = "" if playing and seen.ended else seen.problem  # not that of the session before
    if problem and playing:
        st.session_state["live-stop"] = True
        st.rerun(scope="app")
    if probe_enabled():
        _draw_probe(seen, playing)
    if problem:
        st.error(
            f"The stream was stopped: {problem} Press START to try again.",
            icon=":material/error:",
        )
    if not playing:
        st.info(
            "Press START. The expression of each face, its probabilities and the last minute "
            "appear here.",
            icon=":material/play_circle:",
        )
        return
    faces = list(seen.result.faces) if seen.result else []
    chosen = _pick_face(faces, stream.pipeline.remembered)
    face = next((item for item in faces if chosen in (LARGEST, item.track_id)), None)
    st.html(
        '<div class="live">'
        + readout.tiles(seen, len(faces), stream.paused)
        + f'<div class="live-hint" role="status">{html.escape(_hint(stream, seen))}</div>'
        + readout.headline(face, stream.names)
        + readout.bars(face, stream.names)
        + readout.minute(stream.minute(chosen))
        + readout.counts(faces)
        + "</div>"
    )


def draw_session(stream: LiveStream, playing: bool) -> None:
    """After STOP: what the session showed."""
    if playing:
        return
    session = stream.session()
    if not session.summary.frames:
        return
    st.subheader("Last session", anchor=False)
    reading = plots.session_reading(session.summary)
    if not session.rows:
        st.info(reading, icon=":material/info:")
        return
    left, right = st.columns([3, 2])
    with left:
        figure(
            plots.session_timeline(session.stretches),
            "live-session",
            reading=reading,
            csv=session.rows,
        )
    with right:
        shares = [
            {
                "emotion": name,
                "seconds": round(value, 2),
                "longest_seconds": round(session.summary.longest.get(name, 0.0), 2),
            }
            for name, value in session.summary.emotion_seconds.items()
        ]
        figure(plots.emotion_seconds(session.summary), "live-emotions", csv=shares)


def draw_photo(stream: LiveStream) -> None:
    """The faces of an uploaded photograph."""
    from emotion_core.live import photos

    upload = st.file_uploader(
        "A photograph",
        type=list(photos.SUFFIXES),
        key="live-photo",
        max_upload_size=PHOTO_MEGABYTES,
    )
    if upload is None:
        return
    pipeline = stream.pipeline
    try:
        with st.spinner("Looking for faces"):
            image, results = _photo(
                upload.getvalue(), upload.name, pipeline.detector.kind, pipeline.classifier
            )
        faces = photos.as_faces(
            results, threshold=pipeline.config.threshold, second=pipeline.second
        )
    except EmotionError as error:
        draw_error(error)
        return
    left, right = st.columns([3, 2])
    drawn = photos.draw_photo(image, faces, names=stream.names)
    left.image(drawn, channels="BGR", width="stretch")
    with right:
        if not faces:
            st.info("No face was found in this picture.", icon=":material/face:")
            return
        ids = {item.track_id for item in faces}
        chosen = _pick_face(faces, ids, key="live-photo-face")
        face = next(item for item in faces if chosen in (LARGEST, item.track_id))
        st.html(
            '<div class="live">'
            + readout.headline(face, stream.names)
            + readout.bars(face, stream.names)
            + readout.counts(faces)
            + "</div>"
        )


@st.cache_data(  # goes with the browser tab, and the last photograph with the next
    show_spinner=False,
    max_entries=1,
    scope="session",
    hash_funcs={"emotion_core.models.checkpoint.Classifier": id},
)
def _photo(
    data: bytes, name: str, detector: str, model: "Classifier"
) -> "tuple[np.ndarray, list[FaceResult]]":
    """A photograph (BGR) and its faces: a touch of a setting looks for them no second time."""
    from emotion_core.live import photos

    image = photos.read_image(data, name)
    return image, photos.classify_photo(image, photos.PhotoDetector(detector), model)


def _pick_face(faces: "Sequence[Face]", known: set[int], key: str = "live-face") -> int:
    """Which face the bars are of; a choice stays while its number is ``known``."""
    if st.session_state.get(key, LARGEST) not in (LARGEST, *known):
        st.session_state[key] = LARGEST
    chosen = st.session_state.get(key, LARGEST)
    ids = sorted({item.track_id for item in faces} | {chosen} - {LARGEST})
    if len(ids) < 2 and chosen == LARGEST:
        return LARGEST
    return (
        st.segmented_control(
            "Face",
            [LARGEST, *ids],
            default=LARGEST,
            required=True,
            format_func=lambda face: f"face {face}" if face else "largest face",
            label_visibility="collapsed",
            key=key,
        )
        or LARGEST
    )


def _hint(stream: LiveStream, seen: LiveState) -> str:
    if stream.paused:
        return "Paused. No frame is looked at."
    if not seen.frames:
        return "Waiting for the first frame."
    return seen.hint


def _draw_probe(seen: LiveState, playing: bool) -> None:
    """Counters for a test in a browser (``EMOTION_LIVE_PROBE=1``)."""
    faces = seen.result.faces if seen.result else []
    shown = census() | {
        "time": time.time(),
        "playing": playing,
        "running": seen.running,
        "frames": seen.frames,
        "failed": seen.failed,
        "fps": seen.fps,
        "latency_ms": seen.latency_ms,
        "longest_gap": seen.longest_gap,
        "timings_ms": seen.result.timings_ms if seen.result else {},
        "hint": seen.hint,
        "problem": seen.problem,
        "faces": [
            {"id": item.track_id, "emotion": item.emotion, "box": item.box_xyxy.tolist()}
            | {"second": item.second.emotion if item.second else None}
            for item in faces
        ],
    }
    st.html(f'<pre id="live-probe" hidden>{html.escape(json.dumps(shown))}</pre>')


def _snapshot(stream: LiveStream) -> bytes:
    deadline = time.monotonic() + _FIRST_PICTURE_SECONDS
    while stream.picture() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return stream.snapshot()


def draw_nothing_trained() -> None:
    """Say what to do without a model."""
    empty("No trained model is on this machine yet.", "pages/training.py")
