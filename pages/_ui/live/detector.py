"""The better face detector: offered where it is missing, taken into use when it has come."""

from typing import TYPE_CHECKING

import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import EmotionError
from emotion_core.live.detect import create_detector
from emotion_core.live.fetch import BackgroundFetch
from emotion_core.live.yunet_file import HAAR_IS_WEAK
from emotion_core.text import plain
from pages._ui.access import offers

if TYPE_CHECKING:
    from emotion_core.live.pipeline import LivePipeline


@st.cache_resource(show_spinner=False)
def _fetch() -> BackgroundFetch:
    return BackgroundFetch()


def use_better_detector(pipeline: "LivePipeline") -> None:
    """Change from Haar to YuNet once its file has arrived."""
    config, better = pipeline.config, _fetch()
    if config.detector == "auto" and pipeline.detector.kind == "haar" and better.ready:
        try:
            pipeline.detector = create_detector(
                "auto", side=config.detect_side, min_face=config.min_face
            )
        except EmotionError as error:
            better.message = str(error)
        else:
            st.toast("YuNet, the better face detector, is now in use.")


def show_weakness(pipeline: "LivePipeline") -> None:
    """Say that faces are searched with Haar, unless the user chose it."""
    if pipeline.detector.kind != "haar" or pipeline.config.detector == "haar":
        return
    way = " Get YuNet (0.2 MB) under 'Adjust'." if offers(Action.DOWNLOAD, says=False) else ""
    st.warning(f"{HAAR_IS_WEAK}.{way}", icon=":material/visibility_off:")


def show_detector(pipeline: "LivePipeline") -> None:
    """Which detector is in use and, where YuNet is missing, a button that fetches it."""
    if pipeline.detector.kind == "yunet":
        st.caption("In use: YuNet.")
        return
    st.caption("In use: Haar, the built-in detector. YuNet finds more faces.")
    better = _fetch()
    if better.message:
        st.caption(plain(better.message, "markdown"))
    if not better.ready and offers(Action.DOWNLOAD):
        st.button("Get YuNet (0.2 MB)", icon=":material/download:", on_click=better.start)
