"""Parts of the Live page: the stream, what is seen in it, its settings and what is left of it."""

import html
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.labels import EMOTIONS
from emotion_core.live.detect import create_detector, yunet_path
from emotion_core.live.session import LARGEST, Second
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.live.webrtc import (
    LiveState,
    LiveStream,
    answer_each_frame_once,
    census,
    ice_configuration,
    prepare,
    probe_enabled,
)
from emotion_core.plots import live as plots
from emotion_core.runs import Run
from pages._ui import state
from pages._ui.widgets import empty, figure, run_label, synthetic_badge

if TYPE_CHECKING:
    from streamlit_webrtc import WebRtcStreamerContext

    from emotion_core.live.pipeline import Face, LivePipeline, Reading

CAMERA, DEMO, VIDEO, PHOTO = "Camera", "Drawn faces", "Video file", "Photo"
_ICONS = {CAMERA: "videocam", DEMO: "draw", VIDEO: "movie", PHOTO: "image"}
_CAMERA = {
    "video": {
        "width": {"ideal": 640},
        "height": {"ideal": 480},
        "frameRate": {"ideal": 30, "max": 30},
    },
    "audio": False,
}
_DEMO_FPS = 30
_FIRST_PICTURE_SECONDS = 3.0
_STYLE = Path(__file__).with_name("live.css")


def usable_runs() -> list[Run]:
    """Runs with weights, newest first."""
    return [
        run
        for run in state.runs()
        if not run.problem and run.weights_path.exists() and run.model_path.exists()
    ]


def draw_privacy() -> None:
    """Say what becomes of the pictures."""
    st.html(_STYLE)
    st.caption(
        ":material/lock: Frames are worked on in this server's memory and not kept. Nothing is "
        "saved unless you click a download."
    )


def open_stream(runs: Sequence[Run]) -> LiveStream | None:
    """This tab's stream with its models loaded, so that START is quick; None if that failed."""
    if "live-stream" not in st.session_state:
        from streamlit_webrtc.process import AsyncVideoProcessTrack

        prepare()
        answer_each_frame_once(AsyncVideoProcessTrack)
        try:
            st.session_state["live-stream"] = _create_stream(_default_run(runs))
        except EmotionError as error:
            st.error(str(error), icon=":material/error:")
            return None
    stream: LiveStream = st.session_state["live-stream"]
    _use_better_detector(stream.pipeline)
    return stream


def pick_source() -> str:
    """Where frames come from."""
    return (
        st.segmented_control(
            "Source",
            list(_ICONS),
            default=CAMERA,
            required=True,
            format_func=lambda name: f":material/{_ICONS[name]}: {name}",
            label_visibility="collapsed",
            key="live-source",
        )
        or CAMERA
    )


def draw_stream(stream: LiveStream, source: str) -> "WebRtcStreamerContext | None":
    """The picture with START and STOP; None while a source is still to be chosen."""
    from streamlit_webrtc import WebRtcMode, create_video_source_track, webrtc_streamer

    options: dict[str, Any] = {"media_stream_constraints": _CAMERA}
    stream.source = None
    stream.mirror = source == CAMERA and st.session_state.get("live-mirror", True)
    if source != CAMERA:
        stream.source = _demo() if source == DEMO else _uploaded_video()
        if stream.source is None:
            return None
        options = {
            "mode": WebRtcMode.RECVONLY,
            "media_stream_constraints": {"video": True, "audio": False},
            "source_video_track": create_video_source_track(
                _black_frame, key=f"live-{source}-frames", fps=_DEMO_FPS
            ),
        }
    stop = st.session_state.pop("live-stop", False)
    context = webrtc_streamer(
        key=f"live-{source}",
        rtc_configuration=_ice(),
        video_frame_callback=stream.process,
        on_video_ended=stream.end,
        desired_playing_state=False if stop else None,
        sendback_audio=False,
        video_html_attrs={
            "autoPlay": True,
            "controls": False,
            "muted": True,
            "style": {"width": "100%", "borderRadius": "0.6rem"},
        },
        translations={"select_device": "Choose camera"},
        **options,
    )
    if source == CAMERA and not context.state.playing:
        st.caption(
            ":material/info: The browser asks for the camera at START. If it is refused or "
            "missing, allow it in the address bar, close other programs that use it, or take "
            "another source above."
        )
    return context


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
    _use_better_detector(stream.pipeline)
    seen = stream.state()
    if seen.problem and playing:
        st.session_state["live-stop"] = True
        st.rerun(scope="app")
    if probe_enabled():
        _draw_probe(seen, playing)
    if seen.problem:
        st.error(
            f"The stream was stopped: {seen.problem} Press START to try again.",
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
    chosen = _pick_face(faces)
    face = next((item for item in faces if chosen in (LARGEST, item.track_id)), None)
    st.html(
        '<div class="live">'
        + _tiles(seen, len(faces))
        + f'<div class="live-hint" role="status">{html.escape(_hint(stream, seen))}</div>'
        + _headline(face, stream.names)
        + _bars(face, stream.names)
        + _minute(stream.minute(chosen))
        + _counts(faces)
        + "</div>"
    )


@st.fragment
def draw_settings(stream: LiveStream, runs: Sequence[Run]) -> None:
    """Models and adjustments; each works at once, while the stream plays."""
    with st.container(key="live-settings"):  # live.css moves it below the picture on a phone
        _draw_settings(stream, runs)


def _draw_settings(stream: LiveStream, runs: Sequence[Run]) -> None:
    pipeline = stream.pipeline
    names = [run.name for run in runs]
    present = {run.name: run for run in runs}
    left, right, more = st.columns([3, 3, 1], vertical_alignment="bottom")
    first = left.selectbox(
        "Model",
        names,
        index=names.index(pipeline.classifier.name) if pipeline.classifier.name in names else 0,
        format_func=lambda name: run_label(present[name]),
        key="live-model",
    )
    second = right.selectbox(
        "Compare with",
        [None, *names],
        index=[None, *names].index(pipeline.second.name if pipeline.second else None),
        format_func=lambda name: run_label(present[name]) if name else "no second model",
        key="live-second",
        help="Both models name the same faces, at the same moment.",
    )
    if any(_is_synthetic(present[name]) for name in (first, second) if name):
        synthetic_badge()
    _set_models(stream, present[first], present[second] if second else None)
    with more.popover("Adjust", icon=":material/tune:", width="stretch", key="live-adjust"):
        _draw_adjustments(stream)


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
    from emotion_core.live.draw import draw_result
    from emotion_core.live.photos import SUFFIXES, read_image
    from emotion_core.live.pipeline import LivePipeline

    upload = st.file_uploader("A photograph", type=list(SUFFIXES), key="live-photo")
    if upload is None:
        return
    pipeline = stream.pipeline
    config = pipeline.config.replace(detect_side=1280, min_face=20, max_faces=64)
    try:
        image = read_image(upload.getvalue(), upload.name)
        detector = create_detector(
            pipeline.detector.kind, side=config.detect_side, min_face=config.min_face
        )
        alone = LivePipeline(detector, pipeline.classifier, config)
        alone.set_second(pipeline.second)
        result = alone(image, 0.0)
    except EmotionError as error:
        st.error(str(error), icon=":material/error:")
        return
    left, right = st.columns([3, 2])
    drawn = draw_result(image, result, names=stream.names)
    left.image(drawn, channels="BGR", width="stretch")
    with right:
        if not result.faces:
            st.info("No face was found in this picture.", icon=":material/face:")
            return
        chosen = _pick_face(result.faces, key="live-photo-face")
        face = next(item for item in result.faces if chosen in (LARGEST, item.track_id))
        st.html(
            '<div class="live">'
            + _headline(face, stream.names)
            + _bars(face, stream.names)
            + _counts(result.faces)
            + "</div>"
        )


def _default_run(runs: Sequence[Run]) -> Run:
    from emotion_core.live.pipeline import best_run

    try:
        return best_run()
    except EmotionError:
        return runs[0]  # stopped before it had a report


def _create_stream(run: Run) -> LiveStream:
    from emotion_core.live.pipeline import LivePipeline, calibrated_threshold
    from emotion_core.live.settings import LiveConfig

    config = LiveConfig(threshold=calibrated_threshold(run))
    detector = create_detector(config.detector, side=config.detect_side, min_face=config.min_face)
    pipeline = LivePipeline(detector, state.classifier(run), config)
    # The first calls allocate and compile: before START they cost nobody anything.
    detector.detect(np.zeros((480, 640, 3), np.uint8))
    pipeline.classifier.probs(np.zeros((1, 48, 48), np.uint8))
    return LiveStream(pipeline)


def _set_models(stream: LiveStream, first: Run, second: Run | None) -> None:
    from emotion_core.live.pipeline import calibrated_threshold

    pipeline = stream.pipeline
    try:
        if pipeline.classifier.name != first.name:
            pipeline.set_classifier(state.classifier(first))
            pipeline.set_config(pipeline.config.replace(threshold=calibrated_threshold(first)))
        if (pipeline.second.name if pipeline.second else None) != (second and second.name):
            pipeline.set_second(state.classifier(second) if second else None)
    except EmotionError as error:
        st.error(str(error), icon=":material/error:")
    stream.names = _short_names([pipeline.classifier, pipeline.second])


def _short_names(classifiers: Sequence[Any]) -> tuple[str, ...]:
    """Architectures, or letters where two are of the same."""
    names = [item.architecture for item in classifiers if item is not None]
    if len(set(names)) < len(names):
        names = [f"{name} {letter}" for name, letter in zip(names, "AB", strict=False)]
    return tuple(names)


def _draw_adjustments(stream: LiveStream) -> None:
    config = stream.pipeline.config
    detectors = ["auto", "yunet", "haar"] if yunet_path() else ["auto", "haar"]
    threshold = st.slider(
        "Threshold",
        0.0,
        1.0,
        value=config.threshold,
        step=0.01,
        key=f"live-threshold-{stream.pipeline.classifier.name}",
        help="A face whose best probability is below it is called uncertain. It starts where "
        "the model was calibrated on validation faces.",
    )
    half_life = st.slider(
        "Smoothing (seconds)",
        0.0,
        2.0,
        value=config.half_life,
        step=0.05,
        key="live-half-life",
        help="After this time a frame counts half. More is calmer and slower, 0 is raw.",
    )
    detector = st.segmented_control(
        "Face detector",
        detectors,
        default=config.detector if config.detector in detectors else "auto",
        required=True,
        key="live-detector",
        help="YuNet finds more faces; Haar is built in. Auto takes YuNet where its file is there.",
    )
    st.toggle(
        "Mirror the camera", value=True, key="live-mirror", on_change=_set_mirror, args=(stream,)
    )
    overlay = st.toggle("Frame rate in the picture", value=config.overlay, key="live-overlay")
    try:
        stream.pipeline.set_config(
            config.replace(
                threshold=threshold,
                half_life=half_life,
                detector=detector or "auto",
                overlay=overlay,
            )
        )
    except EmotionError as error:
        st.error(str(error), icon=":material/error:")
    if stream.pipeline.detector.kind == "yunet":
        st.caption("In use: YuNet.")
    else:
        st.caption(f"In use: Haar. {_better_detector().message}")


def _set_mirror(stream: LiveStream) -> None:
    if stream.source is None:
        stream.mirror = st.session_state["live-mirror"]


def _pick_face(faces: "Sequence[Face]", key: str = "live-face") -> int:
    """Which face the bars are of; a choice stays while its face is away for a moment."""
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


def _tiles(seen: LiveState, faces: int) -> str:
    shown = {
        "faces": f"{faces}",
        "fps": f"{seen.fps:.0f}",
        "latency": f"{seen.latency_ms:.0f} ms",
        "skipped": f"{seen.failed}",
    }
    items = "".join(
        f"<div><b>{value}</b><small>{name}</small></div>" for name, value in shown.items()
    )
    return f'<div class="live-tiles">{items}</div>'


def _headline(face: "Face | None", names: Sequence[str]) -> str:
    readings = [item for item in (face.reading, face.second) if item] if face else []
    if not readings:
        return '<div class="live-names"><span><b>–</b><small class="live-note">no face</small></span></div>'
    two = len(readings) > 1
    parts = []
    for index, item in enumerate(readings):
        name = f"{names[index]} says" if two and index < len(names) else "expression"
        tone = plots.emotion_color(item.emotion)
        best = EMOTIONS[int(item.probs.argmax())]
        found = item.emotion if item.emotion == best else f"{item.emotion}, {best}"
        parts.append(
            f'<span><small class="live-note">{html.escape(name)}</small>'
            f'<b><i style="--tone:{tone}"></i>{found} {item.confidence:.0%}</b></span>'
        )
    if two:
        parts.append(f'<small class="live-note">{_agreement(*readings)}</small>')
    return f'<div class="live-names">{"".join(parts)}</div>'


def _agreement(first: "Reading", second: "Reading") -> str:
    if first.emotion != second.emotion:
        return "they differ"
    return "both are unsure" if first.emotion == UNCERTAIN else "they agree"


def _bars(face: "Face | None", names: Sequence[str]) -> str:
    readings = [item.probs for item in (face.reading, face.second) if item] if face else []
    rows = []
    for index, name in enumerate(EMOTIONS):
        shares = [float(probs[index]) for probs in readings] or [0.0]
        tracks = "".join(
            f'<u style="--tone:{plots.emotion_color(name)};--share:{share:.1%}"></u>'
            for share in shares
        )
        values = " / ".join(f"{100 * share:.0f}" for share in shares) if readings else "–"
        rows.append(
            f'<span>{name}</span><span class="live-track">{tracks}</span>'
            f'<span class="live-value">{values}</span>'
        )
    if len(readings) > 1:
        note = f"percent; upper bar {names[0]}, lower bar {names[1]}"
    else:
        note = "percent, smoothed"
    return (
        f'<div><div class="live-bars">{"".join(rows)}</div>'
        f'<small class="live-note">{html.escape(note)}</small></div>'
    )


def _minute(seconds: Sequence[Second | None]) -> str:
    """The last minute as sixty columns, each filled by the seven probabilities."""
    columns = "".join(f"<span{_column(item)}></span>" for item in seconds)
    said = Counter(item.emotion for item in seconds if item)
    summary = ", ".join(f"{name} {count} s" for name, count in said.most_common()) or "no face"
    return (
        f'<div><div class="live-minute" role="img" aria-label="Last minute: {summary}">{columns}'
        '</div><div class="live-axis"><span>60 s ago</span><span>probabilities, colours as above'
        "</span><span>now</span></div></div>"
    )


def _column(item: Second | None) -> str:
    if item is None:
        return ""
    stops, low = [], 0.0
    for name, share in zip(EMOTIONS, item.probs, strict=True):
        high = low + 100 * float(share)
        if high - low >= 0.5:
            stops.append(f"{plots.emotion_color(name)} {low:.0f}% {high:.0f}%")
        low = high
    return f' style="background:linear-gradient(0deg,{",".join(stops)})"'


def _counts(faces: "Sequence[Face]") -> str:
    counted = Counter(item.emotion for item in faces)
    text = ", ".join(f"{count} {name}" for name, count in counted.most_common())
    return f'<small class="live-note">In the picture: {text or "nobody"}</small>'


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


def _ice() -> dict[str, Any]:
    secrets: Mapping[str, Any] = {}
    if st.secrets.load_if_toml_exists():
        secrets = st.secrets
    try:
        return ice_configuration(secrets)
    except EmotionError as error:
        st.error(str(error), icon=":material/error:")
        return ice_configuration({})


def _snapshot(stream: LiveStream) -> bytes:
    deadline = time.monotonic() + _FIRST_PICTURE_SECONDS
    while stream.picture() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return stream.snapshot()


def _demo() -> Any:
    from emotion_core.live.demo import DemoStream

    return st.session_state.setdefault("live-demo", DemoStream())


def _uploaded_video() -> Any:
    from emotion_core.live.playback import VideoPlayback
    from emotion_core.live.videos import SUFFIXES

    upload = st.file_uploader("A video, played in a loop", type=list(SUFFIXES), key="live-video")
    if upload is None:
        return None
    name, playback = st.session_state.get("live-playback", ("", None))
    if name != upload.file_id:
        try:
            playback = VideoPlayback(upload.getvalue(), upload.name)
        except EmotionError as error:
            st.error(str(error), icon=":material/error:")
            return None
        st.session_state["live-playback"] = (upload.file_id, playback)
    return playback


def _black_frame(pts: int, time_base: Any) -> av.VideoFrame:
    """The beat of a stream without a camera; ``LiveStream.source`` draws the picture."""
    return av.VideoFrame.from_ndarray(np.zeros((480, 640, 3), np.uint8), format="bgr24")


def _is_synthetic(run: Run) -> bool:
    return run.config().data.startswith("synthetic")


class _BetterDetector:
    """Fetches YuNet in the background, once a server; without a network Haar goes on."""

    def __init__(self) -> None:
        self.message = ""
        self.ready = yunet_path() is not None
        if self.ready:
            return
        if os.environ.get("EMOTION_OFFLINE") == "1":
            self.message = "YuNet's file is not on this machine."
            return
        self.message = "YuNet, which finds more faces, is being downloaded (0.2 MB)."
        threading.Thread(target=self._fetch, daemon=True, name="fetch yunet").start()

    def _fetch(self) -> None:
        from emotion_core.live.fetch import fetch_yunet

        try:
            fetch_yunet()
        except EmotionError as error:
            self.message = str(error)
        else:
            self.ready = True


@st.cache_resource(show_spinner=False)
def _better_detector() -> _BetterDetector:
    return _BetterDetector()


def _use_better_detector(pipeline: "LivePipeline") -> None:
    """Change from Haar to YuNet once its file has arrived."""
    config = pipeline.config
    if _better_detector().ready and config.detector == "auto" and pipeline.detector.kind == "haar":
        pipeline.detector = create_detector(
            "auto", side=config.detect_side, min_face=config.min_face
        )
        st.toast("YuNet, the better face detector, was downloaded and is in use.")


def draw_nothing_trained() -> None:
    """Say what to do without a model."""
    empty("No trained model is on this machine yet.", "pages/training.py")
