"""Choosing rows of predictions by hand-made cases whose answer is seen at once."""

import numpy as np
import pytest

from emotion_core.errors import RunError
from emotion_core.evaluation import gallery
from emotion_core.labels import EMOTIONS

ANGRY, DISGUST, FEAR, HAPPY = range(4)


def probs_of(*rows: dict[int, float]) -> np.ndarray:
    probs = np.zeros((len(rows), len(EMOTIONS)), np.float16)
    for row, values in enumerate(rows):
        for label, value in values.items():
            probs[row, label] = value
    return probs


def make_guesses(labels: list[int], *rows: dict[int, float]) -> gallery.Guesses:
    arrays = {
        "ids": np.array([f"face {i}" for i in range(len(labels))]),
        "labels": np.array(labels),
        "probs": probs_of(*rows),
    }
    return gallery.guesses_of(arrays, "run")


@pytest.fixture
def guesses() -> gallery.Guesses:
    return make_guesses(
        [ANGRY, ANGRY, HAPPY, HAPPY, FEAR],
        {ANGRY: 0.9, FEAR: 0.1},  # right
        {HAPPY: 0.8, ANGRY: 0.2},  # wrong, sure
        {HAPPY: 0.6, FEAR: 0.4},  # right
        {FEAR: 0.52, HAPPY: 0.48},  # wrong, unsure
        {FEAR: 1.0},  # right
    )


@pytest.fixture
def everything(guesses):
    return np.arange(len(guesses))


def test_predicted_confidence_and_right_come_from_the_probabilities(guesses):
    assert guesses.predicted.tolist() == [ANGRY, HAPPY, HAPPY, FEAR, FEAR]
    assert guesses.right.tolist() == [True, False, True, False, True]
    np.testing.assert_allclose(guesses.confidence, [0.9, 0.8, 0.6, 0.52, 1.0], atol=1e-3)


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"actual": "angry"}, [0, 1]),
        ({"predicted": "fear"}, [3, 4]),
        ({"actual": "angry", "predicted": "happy"}, [1]),
        ({"right": False}, [1, 3]),
        ({"right": True, "confidence": (0.6, 0.9)}, [0, 2]),
        ({"actual": "sad"}, []),
    ],
)
def test_filters_are_joined(guesses, filters, rows):
    assert gallery.select(guesses, **filters).tolist() == rows


def test_random_rows_repeat_with_the_seed_and_differ_without():
    rows = np.arange(100, 200)
    first = gallery.random_rows(rows, seed=3)
    assert len(first) == len(set(first.tolist())) == 25 and set(first) <= set(rows)
    assert gallery.random_rows(rows, seed=3).tolist() == first.tolist()
    assert gallery.random_rows(rows, seed=4).tolist() != first.tolist()
    assert sorted(gallery.random_rows(rows[:4], seed=3).tolist()) == rows[:4].tolist()


def test_galleries_are_sorted_by_their_name(guesses, everything):
    assert gallery.confident_mistakes(guesses, everything).tolist() == [1, 3]
    assert gallery.most_typical(guesses, everything).tolist() == [4, 0, 2]
    assert gallery.least_certain(guesses, everything, 2).tolist() == [3, 2]
    assert gallery.confident_mistakes(guesses, everything[2:], 1).tolist() == [3]


def test_disagreement_is_the_probability_that_would_have_to_move(guesses, everything):
    other = make_guesses(
        guesses.labels.tolist(),
        {ANGRY: 0.9, FEAR: 0.1},  # the same
        {DISGUST: 1.0},  # nothing in common
        {FEAR: 0.6, HAPPY: 0.4},
        {FEAR: 1.0},  # another probability, the same emotion
        {FEAR: 1.0},
    )
    np.testing.assert_allclose(
        gallery.disagreement(guesses, other), [0, 1, 0.2, 0.48, 0], atol=1e-3
    )
    assert gallery.most_disagreed(guesses, other, everything).tolist() == [1, 2]


def test_runs_of_other_faces_do_not_disagree_they_are_refused(guesses):
    other = make_guesses([HAPPY], {HAPPY: 1.0})
    with pytest.raises(RunError, match="tested on different faces"):
        gallery.disagreement(guesses, other)


def test_missing_and_malformed_predictions_are_named():
    with pytest.raises(
        RunError, match=r"Run 'r' has no predictions\.npz\. Write it with: evaluate r"
    ):
        gallery.guesses_of(None, "r")
    with pytest.raises(RunError, match=r"predictions\.npz lacks 'probs'"):
        gallery.guesses_of({"ids": np.array(["a"]), "labels": np.array([0])}, "r")
    good = {"ids": np.array(["a"]), "labels": np.array([0]), "probs": np.ones((1, 7)) / 7}
    for spoilt in (
        {"probs": np.ones((1, 8)) / 8},
        {"probs": np.ones((2, 7)) / 7},
        {"labels": np.array([7])},
        {"labels": np.array(["angry"])},
        {"ids": np.array(["a", "b"])},
    ):
        with pytest.raises(RunError, match="does not fit the 7 emotions"):
            gallery.guesses_of(good | spoilt, "r")
    assert len(gallery.guesses_of(good, "r")) == 1
