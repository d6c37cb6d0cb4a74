"""Calibration and abstention do what they promise on validation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_core.evaluation import calibrate, metrics
from emotion_core.probabilities import Calibration, softmax


def faces(seed: int, n: int = 400, skill: float = 2.0, scale: float = 3.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(7, size=n)
    return labels, scale * (rng.normal(size=(n, 7)) + skill * np.eye(7)[labels])


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.8, 3), st.floats(0.2, 5))
def test_answers_are_on_average_as_sure_as_they_are_right(seed, skill, scale):
    labels, logits = faces(seed, skill=skill, scale=scale)
    found = calibrate.fit_temperature(logits, labels)
    predicted, confidence = metrics.top_confidence(softmax(logits, found))
    low, high = calibrate.TEMPERATURE_RANGE
    assert low < found < high
    assert confidence.mean() == pytest.approx((predicted == labels).mean(), abs=1e-9)


def test_temperature_mends_overconfidence():
    labels, logits = faces(0, n=5000, scale=6.0)
    before = metrics.reliability(labels, softmax(logits)).ece
    temperature = calibrate.fit_temperature(logits, labels)
    after = metrics.reliability(labels, softmax(logits, temperature)).ece
    assert temperature > 1
    assert after < 0.03 < before


def test_calibration_finds_the_smoothing_of_the_labels_that_a_network_learned():
    """A network that learned labels smoothed by 0.1 to the end: its answers are such mixtures."""
    rng = np.random.default_rng(0)
    truth = softmax(2.5 * rng.normal(size=(20_000, 7)))
    labels = (rng.random((len(truth), 1)) > truth.cumsum(axis=1)).sum(axis=1).clip(max=6)
    logits = np.log(0.9 * truth + 0.1 / 7)
    found = calibrate.fit_calibration(logits, labels)
    assert found.smoothing == pytest.approx(0.1, abs=0.021)
    assert found.temperature == pytest.approx(1, abs=0.05)
    alone = Calibration(calibrate.fit_temperature(logits, labels))
    errors = [metrics.reliability(labels, softmax(logits, *c)).ece for c in (found, alone)]
    assert errors[0] < 0.01 < errors[1]


def test_smoothing_has_to_be_worth_a_second_number():
    """Labels drawn from the answers themselves, for many draws: temperature 1 is all there is."""
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        logits = 2 * rng.normal(size=(300, 7))
        probs = softmax(logits)
        labels = (rng.random((300, 1)) > probs.cumsum(axis=1)).sum(axis=1).clip(max=6)
        found.append(calibrate.fit_calibration(logits, labels))
    assert sum(item.smoothing == 0 for item in found) >= 7
    assert calibrate.fit_calibration(np.zeros((0, 7)), np.zeros(0, int)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("logits", "labels", "expected"),
    [
        (np.zeros((0, 7)), np.zeros(0, int), 1.0),
        (np.zeros((5, 7)), np.arange(5), 1.0),
        (np.eye(7), (np.arange(7) + 1) % 7, calibrate.TEMPERATURE_RANGE[1]),
    ],
)
def test_temperature_stays_in_range_where_validation_says_nothing(logits, labels, expected):
    assert calibrate.fit_temperature(logits, labels) == expected


def test_all_right_on_validation_is_not_taken_for_certainty():
    labels = np.arange(98) % 7
    found = calibrate.fit_temperature(3 * np.eye(7)[labels], labels)
    confidence = softmax(3 * np.eye(7)[labels], found).max(axis=1)
    assert confidence == pytest.approx(0.99)


@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 5))
def test_coverage_curve_equals_counting_at_every_threshold(seed, n, levels):
    rng = np.random.default_rng(seed)
    labels = rng.integers(7, size=n)
    probs = softmax(rng.integers(0, levels + 1, size=(n, 7)).astype(float))
    curve = calibrate.coverage_curve(labels, probs)
    predicted, confidence = metrics.top_confidence(probs)
    assert curve.threshold.tolist() == sorted(set(confidence.tolist()), reverse=True)
    for threshold, coverage, accuracy in zip(
        curve.threshold, curve.coverage, curve.accuracy, strict=True
    ):
        given_answers = confidence >= threshold
        assert coverage == pytest.approx(given_answers.mean())
        assert accuracy == pytest.approx((predicted == labels)[given_answers].mean())


def test_threshold_is_the_lowest_that_reaches_the_accuracy():
    labels, logits = faces(1, n=2000, skill=1.5)
    probs = softmax(logits, 3.0)
    found = calibrate.abstain_threshold(labels, probs, 0.9)
    predicted, confidence = metrics.top_confidence(probs)
    kept = confidence >= found.threshold
    assert found.reached
    assert kept.mean() == pytest.approx(found.coverage)
    assert (predicted == labels)[kept].mean() == pytest.approx(found.accuracy)
    for lower in np.unique(confidence[~kept]):
        wider = confidence >= lower
        assert (predicted == labels)[wider].mean() < 0.9


def test_threshold_is_zero_where_every_answer_may_be_given():
    labels = np.arange(7)
    found = calibrate.abstain_threshold(labels, softmax(9 * np.eye(7)), 0.9)
    assert (found.threshold, found.coverage, found.reached) == (0.0, 1.0, True)


def test_an_accuracy_out_of_reach_is_said_to_be_so():
    labels = (np.arange(70) + 1) % 7
    probs = softmax(np.eye(7)[np.arange(70) % 7])
    found = calibrate.abstain_threshold(labels, probs, 0.8)
    assert not found.reached
    assert found.accuracy == 0.0
