"""The Live page's stream with its models, detector and adjustments."""

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from emotion_core.data.faces import is_synthetic
from emotion_core.errors import EmotionError
from emotion_core.live.detect import create_detector, yunet_path
from emotion_core.live.stream import LiveStream, answer_each_frame_once, prepare
from emotion_core.runs.catalog import best_run
from emotion_core.runs.run import Run
from pages._ui import cache as state
from pages._ui.widgets import draw_error, run_label, synthetic_badge

if TYPE_CHECKING:
    from emotion_core.live.pipeline import LivePipeline


def usable_runs() -> list[Run]:
    """Runs with weights, newest first."""
    return [
        run
        for run in state.runs()
        if not run.problem and run.weights_path.exists() and run.model_path.exists()
    ]


def open_stream(runs: Sequence[Run]) -> LiveStream | None:
    """This tab's stream with its models loaded, so that START is quick; None if that failed."""
    if "live-stream" not in st.session_state:
        from streamlit_webrtc.process import AsyncVideoProcessTrack

        prepare()
        answer_each_frame_once(AsyncVideoProcessTrack)
        try:
            st.session_state["live-stream"] = _create_stream(_default_run(runs))
        except EmotionError as error:
            draw_error(error)
            return None
    stream: LiveStream = st.session_state["live-stream"]
    use_better_detector(stream.pipeline)
    return stream


def draw_settings(stream: LiveStream, *, playable: bool) -> None:
    """Models and adjustments; each works at once.

    Args:
        stream: This tab's.
        playable: A touch redraws the settings alone, so that a stream plays on; else the page.
    """
    draw = st.fragment(_draw_settings) if playable else _draw_settings
    draw(stream)


def _draw_settings(stream: LiveStream) -> None:
    runs = usable_runs()  # asked anew: another tab may have deleted one
    if not runs:
        st.rerun()
    with st.container(key="live-settings"):  # live.css moves it below the picture on a phone
        _draw_choices(stream, runs)


def _draw_choices(stream: LiveStream, runs: Sequence[Run]) -> None:
    pipeline = stream.pipeline
    names = [run.name for run in runs]
    present = {run.name: run for run in runs}
    now = pipeline.second.name if pipeline.second else None
    left, right, more = st.columns([3, 3, 1], vertical_alignment="bottom")
    first = left.selectbox(
        "Model",
        names,
        index=names.index(pipeline.classifier.name) if pipeline.classifier.name in names else 0,
        format_func=lambda name: run_label(present[name]),
        key="live-model",
    )
    others: list[str | None] = [None, *(name for name in names if name != first)]
    second = right.selectbox(
        "Compare with",
        others,
        index=others.index(now) if now in others else 0,
        format_func=lambda name: run_label(present[name]) if name else "no second model",
        key="live-second",
        help="Both models name the same faces, at the same moment.",
    )
    if any(is_synthetic(present[name].config().data) for name in (first, second) if name):
        synthetic_badge()
    _set_models(stream, present[first], present[second] if second else None)
    with more.popover("Adjust", icon=":material/tune:", width="stretch", key="live-adjust"):
        _draw_adjustments(stream)


def _default_run(runs: Sequence[Run]) -> Run:
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
        # Asked each time: a run's weights may have changed, and then it is another object.
        pipeline.set_classifier(state.classifier(first))
        threshold = calibrated_threshold(first)
        calibrated = f"{first.name}-{threshold}"
        if st.session_state.get("live-calibrated") != calibrated:
            st.session_state["live-calibrated"] = calibrated
            pipeline.set_config(pipeline.config.replace(threshold=threshold))
        pipeline.set_second(state.classifier(second) if second else None)
    except EmotionError as error:
        draw_error(error)
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
        key=f"live-threshold-{st.session_state.get('live-calibrated')}",
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
        "Mirror the camera",
        value=True,
        key="live-mirror",
        on_change=_set_mirror,
        args=(stream,),
        persist_state="session",
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
        draw_error(error)
    if stream.pipeline.detector.kind == "yunet":
        st.caption("In use: YuNet.")
    else:
        st.caption(f"In use: Haar. {_better_detector().message}")


def _set_mirror(stream: LiveStream) -> None:
    if stream.source is None:
        stream.mirror = st.session_state["live-mirror"]


class _BetterDetector:
    """Fetches YuNet in the background, once a server; without a network Haar goes on.

    Attributes:
        message: Why YuNet is not in use.
    """

    def __init__(self) -> None:
        self.message = ""
        if self.ready:
            return
        if os.environ.get("EMOTION_OFFLINE") == "1":
            self.message = "YuNet's file is not on this machine."
            return
        self.message = "YuNet, which finds more faces, is being downloaded (0.2 MB)."
        threading.Thread(target=self._fetch, daemon=True, name="fetch yunet").start()

    @property
    def ready(self) -> bool:
        """YuNet's file is here, whoever has brought it."""
        return yunet_path() is not None

    def _fetch(self) -> None:
        from emotion_core.live.fetch import fetch_yunet

        try:
            fetch_yunet()
        except (EmotionError, OSError) as error:
            self.message = str(error)


@st.cache_resource(show_spinner=False)
def _better_detector() -> _BetterDetector:
    return _BetterDetector()


def use_better_detector(pipeline: "LivePipeline") -> None:
    """Change from Haar to YuNet once its file has arrived."""
    config, better = pipeline.config, _better_detector()
    if config.detector == "auto" and pipeline.detector.kind == "haar" and better.ready:
        try:
            pipeline.detector = create_detector(
                "auto", side=config.detect_side, min_face=config.min_face
            )
        except EmotionError as error:
            better.message = str(error)
        else:
            st.toast("YuNet, the better face detector, is now in use.")
