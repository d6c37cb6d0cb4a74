"""Lanes and figures of a recording, against values worked out by hand."""

import math

import pytest

from emotion_core.errors import RecordingError
from emotion_core.labels import EMOTIONS
from emotion_core.live.summary import Second
from emotion_core.recording.facts import Notes, Span
from emotion_core.recording.lanes import Bar, coarse, faces_of, recording_lanes, session_lanes, told
from emotion_core.recording.rows import read_rows, table_of
from tests.unit.recording.conftest import record


def row(time, face, emotion=None, second=None):
    found = {"time": time, "face": face}
    if emotion:
        found |= {"emotion": emotion, "confidence": 0.9}
    if second:
        found["second_emotion"] = second
    return found


@pytest.fixture
def table():
    """Face 1 for two seconds, away for three, back as face 7; face 2 in between."""
    rows = [row(t / 10, 1, "happy" if t < 10 else "sad", "happy") for t in range(20)]
    rows += [row(2 + t / 10, 0) for t in range(20)]
    rows += [row(4 + t / 10, 2, "fear", "uncertain") for t in range(5)]
    rows += [row(5 + t / 10, 7, "sad", "sad") for t in range(10)]
    return table_of(rows)


def near(bars, expected):
    assert [bar.what for bar in bars] == [what for _, _, what in expected]
    for bar, (start, end, _) in zip(bars, expected, strict=True):
        assert bar.start == pytest.approx(start) and bar.end == pytest.approx(end)


def test_stretches_of_both_models_and_where_they_differ(table):
    first, second, differ = recording_lanes(table, ("A", "B"), {1})
    last = 1.9 + 1 / 15
    near(first.bars, [(0, 1.0, "happy"), (1.0, last, "sad")])
    near(second.bars, [(0, last, "happy")])
    near(differ.bars, [(1.0, last, "differ")])
    assert (first.title, second.title, differ.title) == ("A", "B", "models differ")


def test_two_faces_can_be_one_person_over_a_pause(table):
    first, _, _ = recording_lanes(table, ("A", "B"), {1, 7})
    near(
        first.bars,
        [(0, 1.0, "happy"), (1.0, 1.9 + 1 / 15, "sad"), (5.0, 5.9 + 1 / 15, "sad")],
    )


def test_a_model_that_is_uncertain_does_not_disagree(table):
    _, second, differ = recording_lanes(table, ("A", "B"), {2})
    assert second.bars[0].what == "uncertain" and differ.bars == ()


def test_one_model_has_one_lane(table):
    assert len(recording_lanes(table, ("A",), {1})) == 1


def test_faces_are_listed_by_the_time_they_were_seen(table):
    found = faces_of(table)
    assert [face for face, _ in found] == [1, 7, 2]
    assert found[0][1] == pytest.approx(1.9 + 1 / 15)


def test_figures_leave_out_what_is_excluded(table):
    lanes = recording_lanes(table, ("A", "B"), {1})
    whole = told(lanes, Notes())
    last = 1.9 + 1 / 15
    assert whole.seconds[0] == pytest.approx({"happy": 1.0, "sad": last - 1})
    assert whole.both == pytest.approx(last)
    assert whole.differ == pytest.approx((last - 1) / last)
    part = told(lanes, Notes(excluded=(Span(0.5, 1.5),)))
    assert part.seconds[0] == pytest.approx({"happy": 0.5, "sad": last - 1.5})
    assert part.both == pytest.approx(last - 1)
    assert math.isnan(told(lanes[:1], Notes()).differ)


def test_a_live_session_has_the_same_lanes():
    probs = [1 / 7] * 7
    names = [("happy", "happy"), ("happy", "sad"), ("uncertain", "sad")]
    seconds = [Second(10 + i, 0, a, probs, 9, b) for i, (a, b) in enumerate(names)]
    first, second, differ = session_lanes(seconds, ("A", "B"))
    assert first.bars == (Bar(10, 12, "happy"), Bar(12, 13, "uncertain"))
    assert second.bars == (Bar(10, 11, "happy"), Bar(11, 13, "sad"))
    assert differ.bars == (Bar(11, 12, "differ"),)
    assert len(session_lanes(seconds, ("A",))) == 1


def test_an_emotion_that_there_is_not_is_refused(table):
    rows = [row(0.0, 1, "<script>")]
    with pytest.raises(RecordingError, match="column emotion"):
        recording_lanes(table_of(rows), ("A",), {1})


def test_a_real_recording_gives_lanes_that_cover_what_was_seen(demo_frames, demo_results):
    recording = record(demo_frames, demo_results)
    table = read_rows(recording.rows)
    face, seen = faces_of(table)[0]
    first, second, _ = recording_lanes(table, recording.facts.titles, {face})
    for lane in (first, second):
        assert sum(bar.end - bar.start for bar in lane.bars) == pytest.approx(seen)
        assert {bar.what for bar in lane.bars} <= {*EMOTIONS, "uncertain"}


def test_a_long_session_is_drawn_in_fewer_steps():
    names = ["happy", "happy", "sad", "sad", "sad", "fear"]
    seconds = [Second(i, 0, name, [1 / 7] * 7, 9, "sad") for i, name in enumerate(names)]
    found = coarse(seconds, 3)
    assert [(item.second, item.emotion, item.other) for item in found] == [
        (0, "happy", "sad"),
        (3, "sad", "sad"),
    ]
    first, second, differ = session_lanes(found, ("A", "B"), 3)
    assert first.bars == (Bar(0, 3, "happy"), Bar(3, 6, "sad"))
    assert second.bars == (Bar(0, 6, "sad"),) and differ.bars == (Bar(0, 3, "differ"),)
    assert coarse(seconds, 1) == seconds
