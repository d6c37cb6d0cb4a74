"""A video file as a camera: by the clock, in a loop, with late frames dropped."""

import io
from fractions import Fraction
from pathlib import Path

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


def encode(frames: list[tuple[float, np.ndarray]], codec: str = "libx264") -> bytes:
    """BGR pictures at their times in seconds, as MP4."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=30)
        stream.height, stream.width = frames[0][1].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time, image in frames:
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def gray(level: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


def test_a_picture_stays_until_the_time_of_the_next():
    slides = encode([(0, gray(0)), (3, gray(10)), (5, gray(20)), (5.1, gray(30))])
    play = VideoPlayback(slides)
    shown = [number(play(100 + seconds)) for seconds in (0, 0.1, 2.9, 3, 4.9, 5, 5.05, 5.1)]
    assert shown == [0, 0, 0, 1, 1, 2, 2, 3]


def test_the_last_picture_stays_as_long_as_the_others(video):
    play = VideoPlayback(video)
    assert [number(play(seconds)) for seconds in (0, 1.9, 1.95, 2.0, 2.1)] == [0, 19, 19, 0, 1]


def test_sides_are_even_as_h264_wants_them():
    data = encode([(0, gray(50, (47, 63)))], "mpeg4")
    assert VideoPlayback(data)(0).shape == (46, 62, 3)


def test_a_list_of_other_files_is_no_video(video, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("secret.mp4").write_bytes(video)
    with pytest.raises(ImageError, match=r"clip\.mp4 is not a video"):
        VideoPlayback(b"ffconcat version 1.0\nfile secret.mp4\n", "clip.mp4")


def test_a_closed_video_has_no_decoder_and_begins_again(video, decoders):
    play = VideoPlayback(video)
    play(0.0), play(0.5)
    assert decoders.count()
    play.close()
    assert decoders.all_end()
    assert number(play(7.0)) == 0 and number(play(7.1)) == 1


def test_frames_that_are_late_are_dropped(video):
    play = VideoPlayback(video)
    assert number(play(0)) == 0
    assert number(play(1.0)) == 10


def test_the_end_begins_again(video):
    play = VideoPlayback(video)
    shown = [number(play(step / 10)) for step in range(45)]
    assert shown == [step % 20 for step in range(45)]


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
