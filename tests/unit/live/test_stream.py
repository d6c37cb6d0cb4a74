"""The media thread's side of a live page: never raises, keeps the newest, leaves nothing behind."""

import logging
import threading
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from emotion_core.errors import ConfigError, LiveError
from emotion_core.live import stream as webrtc
from emotion_core.live.detect import HaarDetector
from emotion_core.live.ice import ice_configuration
from emotion_core.live.pipeline import LivePipeline
from emotion_core.live.playback import VideoPlayback
from emotion_core.live.stream import MAX_FAILURES, LiveStream
from tests.samples import face_clip


def video_frame(image, seconds=0.0):
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    frame.pts, frame.time_base = round(seconds * 90_000), Fraction(1, 90_000)
    return frame


class FailingDetector(HaarDetector):
    """The built-in detector, broken for the next ``failures`` frames."""

    failures = 0

    def detect(self, frame):
        if self.failures > 0:
            self.failures -= 1
            raise RuntimeError("the detector broke")
        return super().detect(frame)


@pytest.fixture
def detector():
    return FailingDetector()


@pytest.fixture
def stream(detector, classifier):
    pipeline = LivePipeline(detector, classifier)
    pipeline._search_now = lambda time, config: True  # search in every frame
    return LiveStream(pipeline)


@pytest.fixture
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, logger="emotion_core.live.stream")


def test_a_frame_comes_back_with_its_face_drawn_and_counted(stream, photo):
    answer = stream.process(video_frame(photo))
    assert (answer.width, answer.height) == (640, 480)
    state = stream.state()
    assert state.running and state.frames == 1 and state.failed == 0
    assert len(state.result.faces) == 1
    picture = answer.to_ndarray(format="bgr24")
    x1, y1, x2, _ = state.result.faces[0].box_xyxy.astype(int)
    edge = picture[y1, (x1 + x2) // 2].astype(int)
    assert np.abs(edge - photo[y1, (x1 + x2) // 2]).max() > 30


def test_a_watcher_gets_each_result_and_then_the_end(stream, photo):
    seen = []
    stream.watcher = seen.append
    stream.process(video_frame(photo))
    stream.end()
    assert [len(item.faces) for item in seen[:1]] == [1] and seen[1:] == [None]
    stream.watcher = None
    stream.process(video_frame(photo))
    assert len(seen) == 2


def test_a_failing_frame_is_skipped_and_the_last_good_picture_shown(stream, detector, photo, quiet):
    good = stream.process(video_frame(photo)).to_ndarray(format="bgr24")
    detector.failures = 1
    answer = stream.process(video_frame(np.zeros_like(photo))).to_ndarray(format="bgr24")
    np.testing.assert_array_equal(answer, good)
    state = stream.state()
    assert (state.frames, state.failed, state.problem) == (1, 1, "")
    stream.process(video_frame(photo))
    assert stream.state().frames == 2


def test_the_first_failing_frame_is_answered_with_itself(stream, detector, photo, quiet):
    detector.failures = 1
    frame = video_frame(photo)
    assert stream.process(frame) is frame


def test_nine_failures_in_a_row_do_not_stop_the_stream(stream, detector, photo, quiet):
    for _ in range(2):
        detector.failures = MAX_FAILURES - 1
        for _ in range(MAX_FAILURES):
            stream.process(video_frame(photo))
    assert stream.state().problem == ""
    assert stream.state().failed == 2 * (MAX_FAILURES - 1)


def test_ten_failures_in_a_row_stop_the_stream_with_the_reason(stream, detector, photo, quiet):
    detector.failures = MAX_FAILURES
    for _ in range(MAX_FAILURES + 3):
        stream.process(video_frame(photo))
    state = stream.state()
    assert state.problem == (
        "10 frames in a row could not be worked on (RuntimeError: the detector broke)."
    )
    assert state.frames == 0 and state.failed == MAX_FAILURES


def test_a_new_start_forgets_the_problem_and_the_last_session(stream, detector, photo, quiet):
    stream.process(video_frame(photo))
    detector.failures = MAX_FAILURES
    for _ in range(MAX_FAILURES):
        stream.process(video_frame(photo))
    stream.end()
    assert stream.state().problem and not stream.state().running
    assert stream.session().summary.frames == 1
    stream.process(video_frame(photo))
    state = stream.state()
    assert (state.frames, state.failed, state.problem) == (1, 0, "")


def test_only_the_first_failure_in_a_row_is_logged(stream, detector, photo, caplog):
    detector.failures = 5
    for _ in range(5):
        stream.process(video_frame(photo))
    assert [record.message for record in caplog.records] == ["A frame was skipped."]


def test_pause_holds_the_picture_and_looks_at_no_frame(stream, photo):
    first = stream.process(video_frame(photo)).to_ndarray(format="bgr24")
    stream.paused = True
    held = stream.process(video_frame(np.zeros_like(photo))).to_ndarray(format="bgr24")
    np.testing.assert_array_equal(held, first)
    assert stream.state().frames == 1
    stream.paused = False
    stream.process(video_frame(photo))
    assert stream.state().frames == 2


def test_mirror_swaps_left_and_right(stream, classifier, photo):
    stream.process(video_frame(photo))
    other = LiveStream(LivePipeline(HaarDetector(), classifier))
    other.mirror = True
    other.process(video_frame(photo))
    plain, mirrored = (item.state().result.faces[0].box_xyxy for item in (stream, other))
    assert mirrored[0] == pytest.approx(640 - plain[2], abs=12)


def test_a_source_replaces_the_frames_of_the_stream(stream, photo):
    stream.source = lambda seconds: photo.copy()
    stream.process(video_frame(np.zeros((480, 640, 3), np.uint8)))
    assert len(stream.state().result.faces) == 1


def test_snapshot_is_the_newest_picture_as_png(stream, photo):
    with pytest.raises(LiveError, match="There is no picture yet"):
        stream.snapshot()
    answer = stream.process(video_frame(photo)).to_ndarray(format="bgr24")
    data = np.frombuffer(stream.snapshot(), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR), answer)


def test_latency_counts_the_time_a_frame_waited(stream, photo, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(webrtc.time, "monotonic", lambda: now[0])
    for number in range(20):
        stream.process(video_frame(photo, seconds=number / 30))
        now[0] += 1 / 30
    assert stream.state().latency_ms == pytest.approx(0, abs=5)
    now[0] += 0.5  # from here on every frame is half a second late
    for number in range(20, 80):
        stream.process(video_frame(photo, seconds=number / 30))
        now[0] += 1 / 30
    assert stream.state().latency_ms == pytest.approx(500, abs=20)


def test_the_model_changes_between_two_frames(stream, photo, other_classifier):
    stream.process(video_frame(photo))
    before = stream.state().result.faces[0].raw_probs
    stream.pipeline.set_classifier(other_classifier)
    stream.process(video_frame(photo))
    assert np.abs(stream.state().result.faces[0].raw_probs - before).max() > 1e-3


def test_the_page_may_read_while_frames_are_worked_on(stream, photo):
    """Reads of state, timeline and session while the media thread is busy never fail."""
    failures = []
    done = threading.Event()

    def read():
        while not done.is_set():
            try:
                stream.state(), stream.minute(), stream.session()
            except Exception as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        stream.process(video_frame(photo, number / 30))
    done.set()
    reader.join()
    assert failures == [] and stream.state().frames == 20


@pytest.mark.parametrize("secrets", [{}, {"webrtc": {}}, {"other": 1}])
def test_without_secrets_no_server_is_asked(secrets):
    assert ice_configuration(secrets) == {"iceServers": []}


def test_servers_come_from_the_secrets():
    turn = {"urls": "turn:example.org:3478", "username": "me", "credential": "word", "more": 1}
    found = ice_configuration({"webrtc": {"ice_servers": [turn, {"urls": ["stun:example.org"]}]}})
    assert found["iceServers"] == [
        {"urls": ["turn:example.org:3478"], "username": "me", "credential": "word"},
        {"urls": ["stun:example.org"]},
    ]


@pytest.mark.parametrize("entry", ["turn:example.org", {"username": "me"}])
def test_a_malformed_server_is_named_without_its_secret(entry):
    with pytest.raises(ConfigError, match=r"list of tables with 'urls'") as caught:
        ice_configuration({"webrtc": {"ice_servers": [entry]}})
    assert "me'" not in str(caught.value)


def faces_after(stream, photo, now, gap: float) -> list[int]:
    now[0] += gap
    stream.process(video_frame(photo))
    return [face.track_id for face in stream.state().result.faces]


def test_a_track_does_not_outlive_a_pause_a_stall_or_its_session(stream, photo, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(webrtc.time, "monotonic", lambda: now[0])
    assert faces_after(stream, photo, now, 0.0) == [1]
    assert faces_after(stream, photo, now, 0.5) == [1]
    assert faces_after(stream, photo, now, 5.0) == [2]
    stream.paused = True
    for _ in range(20):
        faces_after(stream, photo, now, 0.1)
    stream.paused = False
    assert faces_after(stream, photo, now, 0.1) == [3]
    stream.end()
    assert faces_after(stream, photo, now, 0.1) == [4]


def test_an_ended_session_is_told_from_a_running_one(stream, photo):
    stream.process(video_frame(photo))
    assert not stream.state().ended
    stream.end()
    assert stream.state().ended
    stream.process(video_frame(photo))
    assert not stream.state().ended


def test_the_last_good_picture_of_a_source_of_another_size_is_shown(stream, detector, photo, quiet):
    stream.source = lambda seconds: photo[:360].copy()
    black = np.zeros((480, 640, 3), np.uint8)
    good = stream.process(video_frame(black)).to_ndarray(format="bgr24")
    detector.failures = 1
    answer = stream.process(video_frame(black)).to_ndarray(format="bgr24")
    np.testing.assert_array_equal(answer, good)


def test_the_end_of_a_stream_ends_the_decoder_of_its_video(stream, decoders):
    stream.source = VideoPlayback(face_clip(5, 5))
    stream.process(video_frame(np.zeros((480, 640, 3), np.uint8)))
    assert stream.state().failed == 0 and decoders.count()
    stream.end()
    assert decoders.all_end()
