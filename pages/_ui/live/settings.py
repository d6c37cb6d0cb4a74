"""The Live page's stream with its models, and the adjustments of its pipeline."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from emotion_core.data.faces import is_synthetic
from emotion_core.errors import EmotionError
from emotion_core.live.detect import create_detector
from emotion_core.live.stream import LiveStream
from emotion_core.live.upstream import prepare
from emotion_core.live.yunet_file import yunet_path
from emotion_core.runs.registry import CHAMPION
from emotion_core.runs.run import Run
from pages._ui import cache
from pages._ui.live.affect import show_affect_switch
from pages._ui.live.aliases import choice_label, choices, follow
from pages._ui.live.detector import show_detector, use_better_detector
from pages._ui.live.profiles import (
    chosen_profile,
    model_for,
    own_profiles,
    pick_profile,
    short_names,
)
from pages._ui.widgets import show_error, synthetic_badge

if TYPE_CHECKING:
    from emotion_core.live.settings import LiveConfig

_CHOICES = "live-choices"  # of both models, kept while another page is open


def usable_runs() -> list[Run]:
    """Runs with weights, newest first."""
    return [
        run
        for run in cache.runs()
        if not run.problem and run.weights_path.exists() and run.model_path.exists()
    ]


def open_stream(runs: Sequence[Run]) -> LiveStream | None:
    """This tab's stream with its models loaded, so that Start is quick; None if that failed."""
    if "live-stream" not in st.session_state:
        from streamlit_webrtc.process import AsyncVideoProcessTrack

        prepare(AsyncVideoProcessTrack)
        try:
            st.session_state["live-stream"] = _create_stream(_first_run(runs))
        except EmotionError as error:
            show_error(error)
            return None
    stream: LiveStream = st.session_state["live-stream"]
    use_better_detector(stream.pipeline)
    return stream


def show_settings(stream: LiveStream, *, playable: bool) -> None:
    """Models and adjustments; each works at once.

    Args:
        stream: This tab's.
        playable: A touch redraws the settings alone, so that a stream plays on; else the page.
    """
    show = st.fragment(_show_settings) if playable else _show_settings
    show(stream)


def chosen_run(stream: LiveStream) -> Run | None:
    """The run whose model comes first; None if it was deleted meanwhile."""
    name = stream.pipeline.classifier.name
    return next((run for run in usable_runs() if run.name == name), None)


def _show_settings(stream: LiveStream) -> None:
    runs = usable_runs()  # asked again: another tab may have deleted one
    if not runs:
        st.rerun()
    with st.container(key="live-settings"):  # live.css moves it below the picture on a phone
        _show_choices(stream, runs)


def _show_choices(stream: LiveStream, runs: Sequence[Run]) -> None:
    present = choices(runs)
    _keep_present(stream, present)
    profiles = own_profiles()
    profile = chosen_profile(profiles, stream.pipeline.classifier.profile)
    widths = [6, 6, 4, 4] if profiles else [5, 5, 2]
    left, right, *person, more = st.columns(widths, vertical_alignment="bottom")
    first = left.selectbox(
        "Model",
        list(present),
        format_func=lambda choice: choice_label(choice, present),
        key="live-model",
        help="@champion and other aliases are followed: whoever promotes another run changes the "
        "model of this stream as well.",
    )
    for column in person:
        with column:
            pick_profile(profiles, present[first])
    others = ["", *(item for item in present if profile or present[item] != present[first])]
    if st.session_state["live-second"] not in others:
        st.session_state["live-second"] = ""
    second = right.selectbox(
        "Compare with",
        others,
        format_func=lambda choice: _second_label(present, choice, first),
        key="live-second",
        help="Both models classify the same faces at the same moment.",
    )
    st.session_state[_CHOICES] = (first, second)
    if any(is_synthetic(present[choice].config().data) for choice in (first, second) if choice):
        synthetic_badge()
    _set_models(stream, present[first], present[second] if second else None, profile)
    follow({choice: present[choice] for choice in (first, second) if choice})
    with more.popover("Adjust", icon=":material/tune:", width="stretch", key="live-adjust"):
        _show_adjustments(stream)


def _second_label(present: Mapping[str, Run], choice: str, first: str) -> str:
    if not choice:
        return "No second model"
    same = present[choice] == present[first]
    return f"{choice_label(choice, present)}{' · without profile' if same else ''}"


def _keep_present(stream: LiveStream, present: Mapping[str, Run]) -> None:
    """Have both choices mean runs that are here: what the address asks for once, else what was
    chosen before, else what is in use."""
    pipeline, chosen = stream.pipeline, st.session_state
    asked = st.query_params.get("model")
    if asked in present and chosen.get("live-asked") != asked:
        chosen["live-asked"] = chosen["live-model"] = asked
    second_name = pipeline.second.name if pipeline.second else ""
    first, second = chosen.get(_CHOICES, (CHAMPION, second_name))
    if chosen.get("live-model") not in present:
        fits = (item for item in (first, pipeline.classifier.name) if item in present)
        chosen["live-model"] = next(fits, next(iter(present)))
    if "live-second" not in chosen:
        chosen["live-second"] = second if second in present else ""


def _first_run(runs: Sequence[Run]) -> Run:
    present = choices(runs)
    asked = st.query_params.get("model", "")
    return next((present[item] for item in (asked, CHAMPION) if item in present), runs[0])


def _create_stream(run: Run) -> LiveStream:
    from emotion_core.live.pipeline import LivePipeline, calibrated_threshold
    from emotion_core.live.settings import LiveConfig

    config = LiveConfig(threshold=calibrated_threshold(run))
    detector = create_detector(config.detector, side=config.detect_side, min_face=config.min_face)
    pipeline = LivePipeline(detector, cache.classifier(run), config)
    # The first calls allocate and compile: before Start they cost nobody anything.
    detector.detect(np.zeros((480, 640, 3), np.uint8))
    pipeline.classifier.probs(np.zeros((1, 48, 48), np.uint8))
    return LiveStream(pipeline)


def _set_models(stream: LiveStream, first: Run, second: Run | None, profile: str) -> None:
    from emotion_core.live.pipeline import calibrated_threshold

    pipeline = stream.pipeline
    try:
        # Asked each time: a run's weights may have changed, and then it is another object.
        pipeline.set_classifier(model_for(profile, first))
        threshold = calibrated_threshold(first)
        calibrated = f"{first.name}-{threshold}"
        if st.session_state.get("live-calibrated") != calibrated:
            st.session_state["live-calibrated"] = calibrated
            pipeline.set_config(pipeline.config.replace(threshold=threshold))
        pipeline.set_second(cache.classifier(second) if second else None)
    except EmotionError as error:
        show_error(error)
    stream.names = short_names([pipeline.classifier, pipeline.second])


def _show_adjustments(stream: LiveStream) -> None:
    config = stream.pipeline.config
    changes = _pick_thresholds(config) | _pick_detector(config)
    st.toggle(
        "Mirror the camera",
        value=True,
        key="live-mirror",
        on_change=_set_mirror,
        args=(stream,),
        persist_state="session",
    )
    show_affect_switch()
    changes["overlay"] = st.toggle(
        "Frame rate in the picture", value=config.overlay, key="live-overlay"
    )
    try:
        stream.pipeline.set_config(config.replace(**changes))
    except EmotionError as error:
        show_error(error)
    show_detector(stream.pipeline)


def _pick_thresholds(config: "LiveConfig") -> dict[str, Any]:
    return {
        "threshold": st.slider(
            "Confidence threshold",
            0.0,
            1.0,
            value=config.threshold,
            step=0.01,
            key=f"live-threshold-{st.session_state.get('live-calibrated')}",
            help="A face whose highest probability is below it counts as uncertain. It starts "
            "where the model was calibrated on validation faces.",
        ),
        "half_life": st.slider(
            "Smoothing (seconds)",
            0.0,
            2.0,
            value=config.half_life,
            step=0.05,
            key="live-half-life",
            help="After this time a frame counts half. More is calmer and slower; 0 is raw.",
        ),
    }


def _pick_detector(config: "LiveConfig") -> dict[str, Any]:
    detectors = ["auto", "yunet", "haar"] if yunet_path() else ["auto", "haar"]
    detector = st.segmented_control(
        "Face detector",
        detectors,
        default=config.detector if config.detector in detectors else "auto",
        required=True,
        format_func={"auto": "Auto", "yunet": "YuNet", "haar": "Haar"}.__getitem__,
        key="live-detector",
        help="YuNet finds more faces; Haar is built in. Auto uses YuNet if its file is present.",
    )
    return {"detector": detector or "auto"}


def _set_mirror(stream: LiveStream) -> None:
    if stream.source is None:
        stream.mirror = st.session_state["live-mirror"]
