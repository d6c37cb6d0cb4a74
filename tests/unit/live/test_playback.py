"""A video file as a camera: by the clock, in a loop, with late frames dropped."""

from fractions import Fraction

import av
import numpy as np
import pytest

from emotion_core.errors import ImageError
from emotion_core.live.playback import VideoPlayback


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> bytes:
    """Two seconds at 10 fps, 64 x 48; frame ``n`` is gray ``10 * n``."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("video") / "gray.mp4"
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"crf": "5", "g": "5"}
        for number in range(20):
            noise = rng.integers(-5, 6, (48, 64, 1)) + 10 * number
            gray = noise.clip(0, 255).astype(np.uint8).repeat(3, axis=2)
            frame = av.VideoFrame.from_ndarray(gray, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def number(frame) -> int:
    return round(float(frame.mean()) / 10)


def test_frames_come_by_the_clock(video):
    play = VideoPlayback(video)
    shown = [number(play(100 + seconds)) for seconds in (0, 0.1, 0.2, 0.2, 0.3)]
    assert shown == [0, 1, 2, 2, 3]


def test_frames_that_are_late_are_dropped(video):
    play = VideoPlayback(video)
    assert number(play(0)) == 0
    assert number(play(1.0)) == 10


def test_the_end_begins_again(video):
    play = VideoPlayback(video)
    shown = [number(play(step / 10)) for step in range(45)]
    assert shown[:20] == list(range(20))
    assert shown[21:31] == shown[1:11]


def test_a_frame_is_the_callers_own(video):
    play = VideoPlayback(video)
    play(0)[:] = 255
    assert number(play(0)) == 0


def test_what_is_no_video_is_refused_at_once():
    with pytest.raises(ImageError, match=r"clip\.mp4 is not a video"):
        VideoPlayback(b"nothing", "clip.mp4")


def test_a_damaged_video_plays_as_far_as_it_is_good(video):
    half = len(video) * 2 // 3
    play = VideoPlayback(video[:half] + bytes(len(video) - half))
    shown = [play(step / 10) for step in range(30)]
    assert {frame.shape for frame in shown} == {(48, 64, 3)}
    assert number(shown[2]) == 2
