"""Where the Live page's pictures come from: camera, video file, photo, drawn faces, recordings."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.live.ice import ice_configuration
from emotion_core.live.stream import LiveStream
from pages._ui.widgets import show_error

if TYPE_CHECKING:
    from streamlit_webrtc import Translations, WebRtcStreamerContext

CAMERA, VIDEO, PHOTO, DEMO = "Camera", "Video", "Photo", "Drawn faces"
RECORDINGS = "Recordings"
_ICONS = {
    CAMERA: "videocam",
    VIDEO: "movie",
    PHOTO: "image",
    DEMO: "draw",
    RECORDINGS: "history",
}
_CAMERA = {
    "video": {
        "width": {"ideal": 640},
        "height": {"ideal": 480},
        "frameRate": {"ideal": 30, "max": 30},
    },
    "audio": False,
}
_DEMO_FPS = 30
_SCRIPT = Path(__file__).with_name("player.html")
# Sentences for what a browser says in its own words, such as "NotFoundError".
_WORDS: "Translations" = {
    "start": "Start",
    "stop": "Stop",
    "select_device": "Choose camera",
    "select_camera": "Camera",
    "turn_camera_on": "Turn the camera on",
    "turn_camera_off": "Turn the camera off",
    "device_ask_permission": "Allow this page to use the camera.",
    "device_not_available": "No camera was found. Connect one, or choose another source above.",
    "device_access_denied": "The browser refused the camera. Allow it in the address bar.",
    "media_api_not_available": (
        "This browser gives its camera only to pages with https:// or on this computer."
    ),
}


def pick_source(stream: LiveStream) -> str:
    """Where frames come from; an uploaded video is let go where it is not played."""
    source = (
        st.segmented_control(
            "Source",
            list(_ICONS),
            default=CAMERA,
            required=True,
            format_func=lambda name: f":material/{_ICONS[name]}: {name}",
            label_visibility="collapsed",
            key="live-source",
            persist_state="session",
        )
        or CAMERA
    )
    if source != VIDEO and st.session_state.pop("live-playback", None):
        stream.source = None
    return source


def show_stream(stream: LiveStream, source: str, frames: Any = None) -> "WebRtcStreamerContext":
    """The picture with Start and Stop.

    Args:
        stream: This tab's.
        source: ``CAMERA``, ``DEMO`` or ``VIDEO``.
        frames: Where they come from without a camera: ``(seconds) -> BGR uint8 (H, W, 3)``.
    """
    # Set once: a stream may be playing, and asks for both at each frame.
    stream.source = _demo() if source == DEMO else frames
    stream.mirror = source == CAMERA and st.session_state.get("live-mirror", True)
    with st.container(key="live-picture"):
        context = _streamer(stream, source)
    # With the source in it, the script runs again for each source's own player.
    script = f"<!-- {source} -->{_SCRIPT.read_text(encoding='utf-8')}"
    st.html(script, unsafe_allow_javascript=True)
    if source == CAMERA and not context.state.playing:
        st.caption(
            ":material/info: After Start your browser asks for the camera. No picture? Allow it in "
            "the address bar, close other apps that use it, or choose another source above."
        )
    return context


def _streamer(stream: LiveStream, source: str) -> "WebRtcStreamerContext":
    from streamlit_webrtc import WebRtcMode, create_video_source_track, webrtc_streamer

    options: dict[str, Any] = {"media_stream_constraints": _CAMERA}
    if source != CAMERA:
        options = {
            "mode": WebRtcMode.RECVONLY,
            "media_stream_constraints": {"video": True, "audio": False},
            "source_video_track": create_video_source_track(
                _black_frame, key=f"live-{source}-frames", fps=_DEMO_FPS
            ),
        }
    stop = st.session_state.pop("live-stop", False)
    return webrtc_streamer(
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
        translations=_WORDS,
        **options,
    )


def _ice() -> dict[str, Any]:
    secrets: Mapping[str, Any] = {}
    if st.secrets.load_if_toml_exists():
        secrets = st.secrets
    try:
        return ice_configuration(secrets)
    except EmotionError as error:
        show_error(error)
        return ice_configuration({})


def _demo() -> Any:
    from emotion_core.live.demo import DemoStream

    if "live-demo" not in st.session_state:
        st.session_state["live-demo"] = DemoStream()
    return st.session_state["live-demo"]


def _black_frame(pts: int, time_base: Any) -> av.VideoFrame:
    """The beat of a stream without a camera; ``LiveStream.source`` draws the picture."""
    return av.VideoFrame.from_ndarray(np.zeros((480, 640, 3), np.uint8), format="bgr24")
