"""Rules that keep faces by themselves, with a clock of the test's own."""

import time

import numpy as np
import pytest

from emotion_core.collect.capture import NEAR_COPY, Capture, with_label
from emotion_core.collect.query import list_faces
from emotion_core.collect.rules import DAY, LOOK_SECONDS, Chooser, Rules, kept_by_rules
from emotion_core.collect.store import create
from emotion_core.errors import CollectionError
from emotion_core.labels import EMOTIONS
from tests.unit.collect.conftest import new_face

DOUBT = np.full(7, 1 / 7, np.float32)


def sure_of(emotion: int) -> np.ndarray:
    found = np.full(7, 0.01, np.float32)
    found[emotion] = 0.94
    return found


class Clock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def chooser(clock, kept=(), **rules) -> Chooser:
    return Chooser(
        Rules(**({"share": 0.0} | rules)),
        kept=kept,
        clock=clock,
        rng=np.random.default_rng(0),
    )


def test_a_doubtful_face_is_chosen_and_a_sure_one_is_not(clock):
    found = chooser(clock, below=0.5)
    assert found.reason(1, DOUBT) == "rule: confidence below 50 %"
    assert found.reason(2, sure_of(3)) == ""
    assert chooser(clock, below=0.0).reason(1, DOUBT) == ""


def test_two_models_that_disagree_choose_a_face(clock):
    found = chooser(clock, below=0.0)
    assert found.reason(1, sure_of(3), sure_of(4)) == "rule: two models disagree"
    assert found.reason(2, sure_of(3), sure_of(3)) == ""
    assert found.reason(3, sure_of(3)) == ""
    assert chooser(clock, below=0.0, disagree=False).reason(1, sure_of(3), sure_of(4)) == ""


def test_the_random_share_is_of_looks_and_not_of_frames(clock):
    found, chosen, frames = chooser(clock, below=0.0, share=0.25, per_minute=10**6), 0, 0
    for _ in range(2000):
        for _ in range(4):  # frames within one look
            frames += 1
            chosen += found.reason(1, sure_of(3)) == "rule: random share"
            clock.now += LOOK_SECONDS / 4
    assert 0.22 < chosen / (frames / 4) < 0.28


def test_a_face_is_looked_at_once_in_two_seconds_each_for_itself(clock):
    found = chooser(clock)
    assert found.reason(1, DOUBT) and not found.reason(1, DOUBT) and found.reason(2, DOUBT)
    clock.now += LOOK_SECONDS
    assert found.reason(1, DOUBT)


def test_no_more_than_n_are_kept_per_minute_and_per_day(clock):
    found = chooser(clock, per_minute=2, per_day=3)
    kept = []
    for second in range(0, 200, 2):
        clock.now = 1_800_000_000.0 + second
        if found.reason(1, DOUBT):
            found.count()
            kept.append(second)
    assert kept == [0, 2, 60]
    clock.now = 1_800_000_000.0 + DAY + 1
    assert found.used() == (0, 2)  # the first has left the day
    assert found.reason(1, DOUBT)


def test_what_was_not_kept_does_not_count(clock):
    found = chooser(clock, per_minute=1)
    for _ in range(5):
        assert found.reason(1, DOUBT)
        clock.now += LOOK_SECONDS
    assert found.used() == (0, 0)


def test_faces_of_earlier_sessions_count_for_the_day(clock):
    found = chooser(clock, kept=[clock.now - 3600] * 4, per_day=5)
    assert found.reason(1, DOUBT)
    found.count()
    clock.now += 120
    assert found.used() == (0, 5) and not found.reason(1, DOUBT)


def test_a_clock_that_is_set_back_lets_no_more_through(clock):
    found = chooser(clock, per_minute=1, per_day=2)
    assert found.reason(1, DOUBT)
    found.count()
    clock.now -= 7200
    assert not found.reason(1, DOUBT)


@pytest.mark.parametrize(
    "wrong", [{"below": 1.2}, {"share": -0.1}, {"per_minute": 0}, {"per_day": 0}]
)
def test_a_rule_out_of_range_is_named(wrong):
    with pytest.raises(CollectionError, match=next(iter(wrong))):
        Rules(**wrong)


def test_the_day_is_counted_from_the_collection(drawn):
    create("me")
    capture = Capture("me", "a visit", consent=True)
    capture.take(new_face(drawn, 0, "model", origin="rule: random share"))
    capture.take(new_face(drawn, 1, "person", origin="corrected on Live"))
    assert len(kept_by_rules("me", since=time.time() - 60)) == 1
    assert kept_by_rules("me", since=time.time() + 60) == []


def test_a_near_copy_is_refused_unless_a_person_calls_it_otherwise(drawn):
    create("me")
    capture = Capture("me", "a visit", consent=True)
    face = new_face(drawn, 0, "")
    brighter = new_face(
        drawn, 0, "", face=np.clip(face.face.astype(int) + 1, 0, 255).astype(np.uint8)
    )
    assert capture.take(with_label(face, "sad"))
    assert capture.take(with_label(brighter, "sad")) is None
    assert capture.take(brighter) is None
    assert capture.refused == {NEAR_COPY: 2}
    assert capture.take(with_label(brighter, "fear"))
    assert sorted(item.label for item in list_faces("me")[0]) == ["fear", "sad"]


def test_a_correction_of_a_face_that_a_rule_kept_labels_that_face(drawn):
    create("me")
    capture = Capture("me", "a visit", consent=True)
    first = capture.take(new_face(drawn, 0, "model", probs=sure_of(EMOTIONS.index("happy"))))
    assert capture.take(with_label(new_face(drawn, 0), "fear")) == first
    (item,), total = list_faces("me")
    assert (total, item.label, item.by, item.answer) == (1, "fear", "person", "happy")
    assert capture.kept == [first] and not capture.refused


def test_the_bin_takes_this_session_alone_and_gives_it_back(fill, drawn):
    fill(each=3)
    capture = Capture("me", "a visit", consent=True)
    kept = [capture.take(new_face(drawn, row)) for row in (20, 21, 22)]
    assert capture.discard(last=1) == 1 and capture.kept == kept[:2]
    assert capture.discard() == 2 and capture.discard() == 0
    assert list_faces("me")[1] == 3
    again = capture.take(new_face(drawn, 20))  # what was deleted is no near copy any more
    assert again and capture.gone == 2
    capture.discard()
    assert [capture.bring_back() for _ in range(4)] == [1, 2, 1, 0]
    assert list_faces("me")[1] == 7
