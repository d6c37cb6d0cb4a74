"""The metrics equal scikit-learn's and statsmodels', also at the edges."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint

from emotion_core.errors import DataError
from emotion_core.evaluation import metrics, scores
from emotion_core.labels import EMOTIONS
from emotion_core.probabilities import softmax

EXACT = {"rel": 1e-9, "abs": 1e-12}


@st.composite
def scored_faces(draw):
    """Labels of few or many classes and probabilities with ties; some classes never occur."""
    n = draw(st.integers(1, 60))
    truths = draw(st.sets(st.integers(0, 6), min_size=1))
    answers = sorted(draw(st.sets(st.integers(0, 6), min_size=1)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.choice(sorted(truths), size=n)
    logits = np.full((n, 7), -40.0)
    # Whole numbers make ties between classes and between faces common.
    logits[:, answers] = rng.integers(0, draw(st.integers(1, 6)), size=(n, len(answers)))
    return labels, softmax(logits)


@settings(max_examples=60)
@given(scored_faces())
def test_scores_equal_scikit_learn(case):
    labels, probs = case
    predicted = probs.argmax(axis=1)
    found = scores.classification_metrics(labels, probs, resamples=1)
    assert found.n == len(labels)
    assert found.accuracy == pytest.approx(sk.accuracy_score(labels, predicted), **EXACT)
    for key, average in (("macro_f1", "macro"), ("weighted_f1", "weighted")):
        # Of the classes that occur: what no face has is not a class that the model failed at.
        expected = sk.f1_score(
            labels, predicted, average=average, labels=np.unique(labels), zero_division=0
        )
        assert getattr(found, key) == pytest.approx(expected, **EXACT)
    expected = sk.confusion_matrix(labels, predicted, labels=range(7))
    np.testing.assert_array_equal(found.confusion, expected)
    rows = sk.precision_recall_fscore_support(labels, predicted, labels=range(7), zero_division=0)
    for index, emotion in enumerate(EMOTIONS):
        for key, values in zip(("precision", "recall", "f1", "support"), rows, strict=True):
            assert getattr(found.per_emotion[emotion], key) == pytest.approx(values[index], **EXACT)
    nll = sk.log_loss(labels, probs, labels=range(7))
    assert found.nll == pytest.approx(nll, **EXACT)
    brier = sum(
        sk.brier_score_loss(labels == index, probs[:, index], pos_label=True) for index in range(7)
    )
    assert found.brier == pytest.approx(brier, **EXACT)


@settings(max_examples=60)
@given(scored_faces(), st.integers(0, 6))
@pytest.mark.filterwarnings("ignore:No p:sklearn.exceptions.UndefinedMetricWarning")
def test_one_vs_rest_equals_scikit_learn(case, code):
    labels, probs = case
    truth, score = labels == code, probs[:, code]
    found = metrics.one_vs_rest(truth, score)
    if not truth.any():
        assert math.isnan(found.average_precision)
        assert math.isnan(found.auc)
        return
    expected = sk.average_precision_score(truth, score)
    assert found.average_precision == pytest.approx(expected, **EXACT)
    precision, recall, _ = sk.precision_recall_curve(truth, score)
    np.testing.assert_allclose(found.precision, precision[-2::-1], rtol=1e-9)
    np.testing.assert_allclose(found.recall, recall[-2::-1], rtol=1e-9)
    if truth.all():
        assert math.isnan(found.auc)
        return
    assert found.auc == pytest.approx(sk.roc_auc_score(truth, score), **EXACT)
    fall_out, hit_rate, _ = sk.roc_curve(truth, score, drop_intermediate=False)
    np.testing.assert_allclose(found.fall_out, fall_out[1:], rtol=1e-9)
    np.testing.assert_allclose(found.recall, hit_rate[1:], rtol=1e-9)


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_interval_equals_statsmodels(hits, misses):
    if hits + misses == 0:
        assert metrics.wilson_interval(0, 0) == (0.0, 1.0)
        return
    expected = proportion_confint(hits, hits + misses, method="wilson")
    assert metrics.wilson_interval(hits, hits + misses) == pytest.approx(expected, abs=1e-9)


@given(scored_faces())
def test_calibration_error_equals_its_definition(case):
    labels, probs = case
    expected, n = 0.0, len(labels)
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    edges = np.linspace(0, 1, 16)
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(confidence[inside].mean() - right[inside].mean())
            expected += inside.sum() / n * gap
    assert metrics.reliability(labels, probs).ece == pytest.approx(expected, **EXACT)


@settings(max_examples=12)
@given(scored_faces(), st.integers(0, 5))
def test_bootstrap_scores_are_those_of_the_drawn_images(case, seed):
    labels, probs = case
    n, resamples = len(labels), 7
    second = np.roll(probs.argmax(axis=1), 1)
    predicted = np.stack([probs.argmax(axis=1), second])
    found = scores.bootstrap(labels, predicted, resamples=resamples, seed=seed)
    draws = np.random.default_rng(seed).integers(n, size=(resamples, n))
    for index, draw in enumerate(draws):
        for run in range(2):
            truth, answer = labels[draw], predicted[run][draw]
            assert found.accuracy[index, run] == pytest.approx((truth == answer).mean(), **EXACT)
            macro = sk.f1_score(
                truth, answer, average="macro", labels=np.unique(truth), zero_division=0
            )
            assert found.macro_f1[index, run] == pytest.approx(macro, **EXACT)
            each = sk.f1_score(truth, answer, average=None, labels=range(7), zero_division=0)
            np.testing.assert_allclose(found.f1[index, run], each, rtol=1e-9, atol=1e-12)


def test_bootstrap_in_chunks_has_the_binomial_spread():
    rng = np.random.default_rng(3)
    labels = rng.integers(7, size=1500)
    predicted = np.where(rng.random(1500) < 0.7, labels, (labels + 1) % 7)
    found = scores.bootstrap(labels, predicted[None], resamples=2000)
    accuracy = (labels == predicted).mean()
    expected = math.sqrt(accuracy * (1 - accuracy) / 1500)
    assert found.accuracy.std() == pytest.approx(expected, rel=0.06)
    low, high = scores.interval(found.accuracy[:, 0])
    assert low < accuracy < high
    assert high - low == pytest.approx(2 * 1.96 * expected, rel=0.08)


def test_equal_seeds_give_equal_intervals_and_other_seeds_do_not():
    rng = np.random.default_rng(0)
    labels, probs = rng.integers(7, size=300), softmax(rng.normal(size=(300, 7)))
    first, again, other = (
        scores.classification_metrics(labels, probs, seed=seed).macro_f1_ci95 for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("labels", "probs", "message"),
    [
        ([], np.zeros((0, 7)), "no images to score"),
        ([0, 1], np.full((2, 6), 1 / 6), r"must have shape \(2, 7\), got \(2, 6\)"),
        ([0, 7], np.full((2, 7), 1 / 7), r"Labels must be 0..6, got 0..7"),
        ([0, 1], np.full((2, 7), np.nan), "not numbers"),
    ],
)
def test_input_that_cannot_be_scored_is_refused(labels, probs, message):
    with pytest.raises(DataError, match=message):
        scores.classification_metrics(np.array(labels, np.int64), probs)


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_all_right_or_all_wrong_have_an_interval(right):
    labels = np.arange(7)
    probs = np.eye(7)[labels if right else (labels + 1) % 7]
    low, high = scores.classification_metrics(labels, probs).accuracy_ci95
    assert [low, high] == pytest.approx(metrics.wilson_interval(7 if right else 0, 7))
    assert high - low > 0.3
