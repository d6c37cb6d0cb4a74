"""Where the Live page's pictures come from: camera, drawn faces, a video file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.live.stream import LiveStream, ice_configuration
from pages._ui.widgets import draw_error

if TYPE_CHECKING:
    from streamlit_webrtc import WebRtcStreamerContext

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


def draw_stream(stream: LiveStream, source: str) -> "WebRtcStreamerContext | None":
    """The picture with START and STOP; None while a source is still to be chosen."""
    from streamlit_webrtc import WebRtcMode, create_video_source_track, webrtc_streamer

    options: dict[str, Any] = {"media_stream_constraints": _CAMERA}
    frames = None
    if source != CAMERA:
        frames = _demo() if source == DEMO else _uploaded_video()
    # Set once: a stream may be playing, and asks for both at each frame.
    stream.source = frames
    stream.mirror = source == CAMERA and st.session_state.get("live-mirror", True)
    if source != CAMERA:
        if frames is None:
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


def _ice() -> dict[str, Any]:
    secrets: Mapping[str, Any] = {}
    if st.secrets.load_if_toml_exists():
        secrets = st.secrets
    try:
        return ice_configuration(secrets)
    except EmotionError as error:
        draw_error(error)
        return ice_configuration({})


def _demo() -> Any:
    from emotion_core.live.demo import DemoStream

    if "live-demo" not in st.session_state:
        st.session_state["live-demo"] = DemoStream()
    return st.session_state["live-demo"]


def _uploaded_video() -> Any:
    from emotion_core.live.playback import VideoPlayback
    from emotion_core.live.videos import SUFFIXES

    upload = st.file_uploader("A video, played in a loop", type=list(SUFFIXES), key="live-video")
    name, playback = st.session_state.pop("live-playback", ("", None))
    if upload is None:
        return None
    if name != upload.file_id:
        try:
            playback = VideoPlayback(upload.getvalue(), upload.name)
        except EmotionError as error:
            draw_error(error)
            return None
    st.session_state["live-playback"] = (upload.file_id, playback)
    return playback


def _black_frame(pts: int, time_base: Any) -> av.VideoFrame:
    """The beat of a stream without a camera; ``LiveStream.source`` draws the picture."""
    return av.VideoFrame.from_ndarray(np.zeros((480, 640, 3), np.uint8), format="bgr24")
