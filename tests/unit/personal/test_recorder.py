"""From frames to minutes, also where a clock jumps, a minute ends or a face is gone."""

import threading
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from emotion_core.live.results import Face, FrameResult, Reading
from emotion_core.personal import diary
from emotion_core.personal.clock import iso_time, local_time, offset_at
from emotion_core.personal.recorder import LiveDiary, MinuteRecorder, pose_of

BERLIN = ZoneInfo("Europe/Berlin")


def probs_of(emotion: int) -> np.ndarray:
    return np.where(np.arange(7) == emotion, 0.7, 0.05)


def recorder(kept: list, **options) -> MinuteRecorder:
    return MinuteRecorder("some-run", keep=kept.extend, offset=lambda at: 60, **options)


def test_a_minute_is_the_mean_of_its_frames_weighted_by_time():
    kept: list = []
    taken = recorder(kept)
    start = 60 * 1000.0
    for tick in range(0, 401):  # 10 fps for 40 s: 10 s of happy, then sad
        taken.take(start + tick / 10, probs_of(3 if tick < 100 else 5), light=80, size=100)
    taken.close()
    (minute,) = kept
    assert (minute.minute, minute.offset, minute.model) == (1000, 60, "some-run")
    assert minute.seen == pytest.approx(40.0)
    assert minute.probs[3] == pytest.approx((10 * 0.7 + 30 * 0.05) / 40)
    assert minute.probs[5] == pytest.approx((10 * 0.05 + 30 * 0.7) / 40)
    assert (minute.light, minute.size) == (pytest.approx(80), pytest.approx(100))


def test_time_is_cut_where_a_minute_ends():
    kept: list = []
    taken = recorder(kept)
    for tick in range(0, 601):  # 60 s, from 30 s before the end of a minute
        taken.take(60 * 1000.0 + 30 + tick / 10, probs_of(0))
    taken.close()
    assert [item.minute for item in kept] == [1000, 1001]
    assert [item.seen for item in kept] == [pytest.approx(30.0), pytest.approx(30.0)]


def test_pauses_and_missing_faces_count_no_time():
    kept: list = []
    taken = recorder(kept)
    start = 60 * 1000.0
    taken.take(start, probs_of(0))
    taken.take(start + 20, probs_of(0))  # nothing for 20 s: one second counts
    taken.miss(start + 20.5)
    taken.take(start + 40, probs_of(0))
    taken.take(start + 41, probs_of(0))
    taken.close()
    assert [item.seen for item in kept] == [pytest.approx(1 + 0.5 + 1)]


def test_a_clock_that_is_set_back_counts_no_time_twice():
    kept: list = []
    taken = recorder(kept)
    for at in (60_000.0, 60_001.0, 60_002.0, 56_400.0, 56_401.0, 56_402.0):
        taken.take(at, probs_of(0))
    taken.close()
    assert [(item.minute, item.seen) for item in kept] == [(1000, 2.0), (940, 2.0)]


def test_changes_are_counted_in_the_minute_they_happen_and_doubt_is_no_change():
    kept: list = []
    taken = recorder(kept)
    for second, name in enumerate(("happy", "", "happy", "sad", "", "happy")):
        taken.take(60_000.0 + second, probs_of(0), emotion=name)
    taken.take(60_060.0, probs_of(0), emotion="neutral")
    taken.take(60_062.0, probs_of(0), emotion="neutral")
    taken.close()
    assert [item.changes for item in kept] == [2, 1]


def test_a_face_that_was_seen_for_less_than_a_second_is_no_minute():
    kept: list = []
    taken = recorder(kept)
    taken.take(60_000.0, probs_of(0))
    taken.take(60_000.5, probs_of(0))
    taken.close()
    assert kept == []


def test_wall_clock_times_where_clocks_change():
    before = datetime(2026, 3, 29, 0, 59, tzinfo=UTC).timestamp()
    assert offset_at(before, BERLIN) == 60 and offset_at(before + 60, BERLIN) == 120
    assert local_time(before, 60) == datetime(2026, 3, 29, 1, 59)
    assert local_time(before + 60, 120) == datetime(2026, 3, 29, 3, 0)
    assert iso_time(before + 60, 120) == "2026-03-29T03:00:00+02:00"
    assert iso_time(before, -210).endswith("-03:30")
    assert offset_at(before, ZoneInfo("Asia/Kathmandu")) == 345


def test_pose_from_five_points():
    frontal = np.array([[-10, 0], [10, 0], [0, 10], [-8, 20], [8, 20]], np.float32)
    assert pose_of(frontal) == (0.0, 0.0)
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert pose_of((frontal @ turn.T).astype(np.float32)) == pytest.approx((20.0, 0.0), abs=1e-4)
    mirrored = frontal * [-1, 1]
    assert pose_of(mirrored) == (0.0, 0.0)
    aside = frontal + np.array([[0, 0], [0, 0], [8, 0], [0, 0], [0, 0]])
    assert pose_of(aside) == (0.0, pytest.approx(0.4))
    assert pose_of(None) == (0.0, 0.0)


def result_of(*emotions: int) -> FrameResult:
    faces = [
        Face(
            number,
            np.array([0, 0, 80, 80], np.float32),
            Reading(probs_of(e).astype(np.float32), probs_of(e), "happy"),
            1.0,
            0.9,
        )
        for number, e in enumerate(emotions, 1)
    ]
    return FrameResult(faces, {}, True, (640, 480), 90.0)


def test_a_live_stream_writes_the_diary_of_one_face(monkeypatch):
    now = [60.0 * (diary.time.time() // 60)]
    monkeypatch.setattr("emotion_core.personal.recorder.clock.time", lambda: now[0])
    diary.switch_on()
    watcher = LiveDiary("some-run")
    for emotions in [(3,)] * 11 + [(3, 5)] * 10 + [()] * 10 + [(3,)] * 6:
        watcher(result_of(*emotions))
        now[0] += 1.0
    watcher(None)
    for thread in threading.enumerate():
        if thread.name == "diary":
            thread.join()
    (row,) = diary.minutes_table()
    seen, happy = row[4], row[8]
    assert seen == pytest.approx(11 + 5) and happy == pytest.approx(0.7)


def test_a_live_stream_writes_nothing_where_the_diary_is_off(home, monkeypatch):
    now = [60_000.0]
    monkeypatch.setattr("emotion_core.personal.recorder.clock.time", lambda: now[0])
    watcher = LiveDiary("some-run")
    for _ in range(5):
        watcher(result_of(3))
        now[0] += 1.0
    watcher(None)
    for thread in threading.enumerate():
        if thread.name == "diary":
            thread.join()
    assert not home.exists()
