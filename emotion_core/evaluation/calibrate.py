"""Calibration on the validation split: two numbers, and a threshold below which to abstain."""

import math
from dataclasses import dataclass

import numpy as np

from emotion_core.evaluation.metrics import negative_log_likelihood, top_confidence
from emotion_core.probabilities import Calibration, softmax

TEMPERATURE_RANGE = (0.05, 20.0)
_SMOOTHINGS = tuple(step / 50 for step in range(16))  # 0 to 0.3
# Accuracy that answers should have when the model may abstain, and the smallest share of images
# from which such an accuracy is believed.
ABSTAIN_ACCURACY = 0.80
_MIN_COVERAGE = 0.10


def fit_calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """The calibration under which the truths are most likely, each with its own temperature.

    A temperature alone leaves a network that learned smoothed or mixed labels, or a teacher's
    answers, too unsure where it is surest and too sure in the middle. Smoothing mends that: the
    uniform member of ensemble temperature scaling (Zhang et al. 2020) with a weight below zero. As
    a second number it has to make the truths more than e times as likely (Akaike 1974).

    Args:
        logits: ``(n, 7)`` raw outputs on validation.
        labels: ``(n,)`` truths.
    """
    if len(logits) == 0:
        return Calibration()

    def cost(found: Calibration) -> float:
        nll = negative_log_likelihood(labels, softmax(logits, *found))
        return len(labels) * nll + (found.smoothing > 0)

    tried = (Calibration(fit_temperature(logits, labels, s), s) for s in _SMOOTHINGS)
    return min(tried, key=cost)


def fit_temperature(logits: np.ndarray, labels: np.ndarray, smoothing: float = 0.0) -> float:
    """The temperature at which answers are on average as sure as they are right.

    Expectation consistency (Clarté et al. 2023). The temperature of least negative log-likelihood
    (Guo et al. 2017) also fits the six other probabilities; with networks trained on smoothed
    labels it left the top one up to 2.6 points too sure on validation. Mean confidence falls with
    temperature, so that it is bisected.

    Args:
        logits: ``(n, 7)`` raw outputs on validation.
        labels: ``(n,)`` truths.
        smoothing: As for ``softmax``.

    Returns:
        Within ``TEMPERATURE_RANGE``; 1 when there are no images or the logits are all equal.
    """
    logits = np.asarray(logits, np.float64)
    if len(logits) == 0 or np.ptp(logits, axis=1).max() == 0:
        return 1.0
    # No confidence reaches 1. After n right answers out of n, the next one is expected to be right
    # with (n + 1) / (n + 2) (Laplace's rule of succession).
    accuracy = min((logits.argmax(axis=1) == labels).mean(), 1 - 1 / (len(logits) + 2))

    def too_sure(temperature: float) -> bool:
        return bool(softmax(logits, temperature, smoothing).max(axis=1).mean() > accuracy)

    low, high = TEMPERATURE_RANGE
    if not too_sure(low):
        return low
    if too_sure(high):
        return high
    for _ in range(50):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if too_sure(middle) else (low, middle)
    return math.sqrt(low * high)


@dataclass(frozen=True)
class Coverage:
    """Accuracy of the answers that are left when the least confident are withheld.

    Attributes:
        threshold: ``(k,)`` confidences, falling; an answer at or above one is given.
        coverage: ``(k,)`` share of images answered, rising to 1.
        accuracy: ``(k,)`` share of the answers that are right.
    """

    threshold: np.ndarray
    coverage: np.ndarray
    accuracy: np.ndarray


def coverage_curve(labels: np.ndarray, probs: np.ndarray) -> Coverage:
    """One point for each distinct confidence."""
    predicted, confidence = top_confidence(probs)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    right = np.cumsum((predicted == labels)[order])
    # Equal confidences are answered together or not at all.
    last = np.flatnonzero(np.append(np.diff(confidence) != 0, True)) if len(order) else order
    return Coverage(confidence[last], (last + 1) / max(len(order), 1), right[last] / (last + 1))


@dataclass(frozen=True)
class Abstention:
    """A threshold on the confidence and what it gives where it was chosen."""

    threshold: float
    coverage: float
    accuracy: float
    reached: bool


def abstain_threshold(
    labels: np.ndarray, probs: np.ndarray, accuracy: float = ABSTAIN_ACCURACY
) -> Abstention:
    """The lowest threshold whose answers reach an accuracy.

    Where none does on at least a tenth of the images, the most accurate such threshold is
    returned with ``reached`` false. Threshold 0 means that every image may be answered.
    """
    curve = coverage_curve(labels, probs)
    believed = np.flatnonzero(curve.coverage >= _MIN_COVERAGE)
    if len(believed) == 0:
        return Abstention(0.0, 1.0, 0.0, False)
    enough = believed[curve.accuracy[believed] >= accuracy]
    reached = len(enough) > 0
    best = enough[-1] if reached else believed[curve.accuracy[believed].argmax()]
    threshold = 0.0 if best == len(curve.coverage) - 1 else float(curve.threshold[best])
    return Abstention(threshold, float(curve.coverage[best]), float(curve.accuracy[best]), reached)
