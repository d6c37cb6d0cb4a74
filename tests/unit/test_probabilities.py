"""Calibrated probabilities keep the order of the logits."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_core.probabilities import softmax


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.2, 5), st.floats(0, 0.9))
def test_smoothing_is_taken_out_without_changing_the_order(seed, temperature, smoothing):
    logits = 4 * np.random.default_rng(seed).normal(size=(50, 7))
    probs = softmax(logits, temperature, smoothing)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert probs.min() > 0
    ordered = np.take_along_axis(probs, logits.argsort(axis=1), axis=1)
    assert (np.diff(ordered, axis=1) >= 0).all()


def test_what_smoothing_mixed_in_comes_out_again():
    truth = np.array([[0.9, 0.06, 0.04], [0.5, 0.3, 0.2]])
    smoothed = 0.94 * truth + 0.06 / 3
    before = np.abs(smoothed - truth).max()
    assert np.abs(softmax(np.log(smoothed), smoothing=0.06) - truth).max() < 0.1 * before


def test_no_logits_have_no_probabilities():
    assert softmax(np.zeros((0, 7)), 2.0, 0.1).shape == (0, 7)
