"""A session's timeline, totals, CSV and hints from results given at known times."""

import numpy as np
import pytest

from emotion_core.labels import EMOTIONS
from emotion_core.live import session
from emotion_core.live.results import Face, FrameResult, Reading
from emotion_core.live.session import LARGEST, SessionRecorder


def face(emotion="happy", track=1, side=120.0, confidence=0.8):
    probs = np.full(7, (1 - confidence) / 6, np.float32)
    probs[EMOTIONS.index(emotion) if emotion in EMOTIONS else 0] = confidence
    box = np.array([100, 100, 100 + side, 100 + side], np.float32)
    return Face(track, box, Reading(probs, probs, emotion), 1.0, 0.9)


def result(*faces, brightness=120.0):
    return FrameResult(list(faces), {"total": 5.0}, True, (640, 480), brightness)


def record(frames, fps=10, start=1000.0):
    """Recorder after ``(seconds, faces...)`` parts, each played at ``fps``."""
    recorder, step = SessionRecorder(), 0
    for seconds, *faces in frames:
        for _ in range(round(seconds * fps)):
            recorder.add(result(*faces), start + step / fps)
            step += 1
    return recorder


def test_time_an_emotion_is_the_time_between_its_frames():
    summary = record([(3, face("happy")), (2, face("sad"))]).summary()
    assert summary.emotion_seconds["happy"] == pytest.approx(3.0)
    assert summary.emotion_seconds["sad"] == pytest.approx(1.9)
    assert summary.seconds == pytest.approx(4.9)
    assert summary.longest == pytest.approx({"happy": 3.0, "sad": 1.9})
    assert (summary.frames, summary.faces, summary.changes) == (50, 1, 1)


@pytest.mark.parametrize("fps", [5, 30])
def test_time_an_emotion_does_not_depend_on_the_frame_rate(fps):
    summary = record([(4, face("fear")), (4, face("angry"))], fps=fps).summary()
    assert summary.emotion_seconds["fear"] == pytest.approx(4.0)


def test_doubt_between_two_of_the_same_emotion_is_no_change():
    doubt = face("uncertain", confidence=0.3)
    summary = record([(1, face("happy")), (1, doubt), (1, face("happy"))]).summary()
    assert summary.changes == 0
    assert summary.emotion_seconds["uncertain"] == pytest.approx(1.0)
    assert summary.longest["happy"] == pytest.approx(1.0)


def test_doubt_on_the_way_to_another_emotion_is_one_change():
    doubt = face("uncertain", confidence=0.3)
    summary = record([(1, face("happy")), (1, doubt), (1, face("sad"))]).summary()
    assert summary.changes == 1


def test_time_while_a_face_is_away_belongs_to_no_emotion():
    summary = record([(2, face("happy")), (10,), (2, face("happy"))]).summary()
    assert summary.emotion_seconds["happy"] == pytest.approx(1.9 + 1.9)
    assert summary.longest["happy"] == pytest.approx(1.9)


def test_two_faces_have_lanes_of_their_own():
    recorder = record([(2, face("happy", 1), face("sad", 2)), (2, face("happy", 1))])
    found = [(item.face, item.emotion, item.start, item.seconds) for item in recorder.stretches()]
    assert found == [(1, "happy", 0, 4), (2, "sad", 0, 2)]
    assert recorder.summary().faces == 2


def test_a_stretch_ends_where_a_face_was_away_a_second():
    recorder = record([(1, face()), (2,), (1, face())])
    assert [(item.start, item.seconds) for item in recorder.stretches()] == [(0, 1), (3, 1)]


def test_minute_ends_now_and_has_gaps_where_the_face_was_away():
    minute = record([(70, face("happy")), (2,), (1, face("sad", 2, confidence=0.9))]).minute()
    assert len(minute) == 60
    assert minute[-1].emotion == "sad"
    assert minute[-1].probs[EMOTIONS.index("sad")] == pytest.approx(0.9)
    assert minute[-2] is None and minute[-3] is None
    assert minute[0].emotion == "happy" and minute[0].second == 13


def test_minute_of_one_face_leaves_the_others_out():
    recorder = record([(2, face("happy", 1), face("sad", 2))])
    assert recorder.minute(2)[-1].emotion == "sad"
    assert recorder.minute(LARGEST)[-1].emotion == "happy"
    assert recorder.minute(7) == [None] * 60


def test_csv_has_a_row_a_face_and_second_with_all_probabilities():
    rows = record([(2, face("happy", 1), face("sad", 2))]).rows()
    assert [(row["second"], row["face"]) for row in rows] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert list(rows[0]) == ["second", "face", "emotion", "frames", *EMOTIONS]
    assert sum(rows[0][name] for name in EMOTIONS) == pytest.approx(1, abs=1e-3)
    assert rows[0]["frames"] == 10


def test_timeline_forgets_what_is_older_than_it_keeps(monkeypatch):
    monkeypatch.setattr(session, "KEPT_SECONDS", 5)
    recorder = record([(9, face())], fps=4)
    assert [item.second for item in recorder.seconds()] == [4, 5, 6, 7, 8]
    assert recorder.summary().emotion_seconds["happy"] == pytest.approx(8.75)


def test_no_face_is_told_after_five_seconds():
    recorder = record([(1, face()), (4.8,)])
    assert recorder.hint() == ""
    recorder.add(result(), 1006.1)
    assert recorder.hint().startswith("No face for 5 seconds.")
    recorder.add(result(face()), 1006.2)
    assert recorder.hint() == ""


def test_a_small_face_is_told_with_its_size():
    recorder = record([(3, face(side=30))])
    assert recorder.hint() == "The face is small (30 pixels). Come closer for a better result."


def test_darkness_is_told_before_the_missing_face():
    recorder = SessionRecorder()
    for step in range(80):
        recorder.add(result(brightness=20), step / 10)
    assert recorder.hint().startswith("It is dark.")


def test_a_moment_of_darkness_is_not_told():
    recorder = record([(2, face())])
    recorder.add(result(face(), brightness=10), 1002.1)
    assert recorder.hint() == ""


def test_an_empty_session_has_nothing_to_tell():
    recorder = SessionRecorder()
    assert recorder.rows() == [] and recorder.stretches() == [] and recorder.hint() == ""
    assert recorder.minute() == [None] * 60
    assert recorder.summary().seconds == 0


def test_a_pause_or_a_stall_belongs_to_no_emotion():
    recorder = SessionRecorder()
    for seconds in (*np.arange(0, 5, 0.1), *np.arange(600, 605, 0.1)):
        recorder.add(result(face("happy")), float(seconds))
    summary = recorder.summary()
    assert summary.emotion_seconds["happy"] == pytest.approx(4.9 + 4.9)
    assert summary.longest["happy"] == pytest.approx(4.9)
