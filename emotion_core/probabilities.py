"""From logits to calibrated probabilities: the one place where that is done."""

from typing import NamedTuple

import numpy as np


class Calibration(NamedTuple):
    """What ``softmax`` is given beside logits."""

    temperature: float = 1.0
    smoothing: float = 0.0


def softmax(logits: np.ndarray, temperature: float = 1.0, smoothing: float = 0.0) -> np.ndarray:
    """Probabilities of logits, calibrated.

    Args:
        logits: ``(n, classes)``; the order within each row stays the same.
        temperature: Each row is divided by it first (Guo et al. 2017).
        smoothing: Share of a uniform distribution that is taken out of the probabilities again,
            0 to below 1, since a network that learned from labels smoothed by e answers (1 - e) p
            + e / classes instead of p (Szegedy et al. 2016). What would fall below zero is bent
            above it, around a corner a quarter as wide as what is taken out.

    Returns:
        float64 ``(n, classes)``, rows sum to 1.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
    probs: np.ndarray = scaled / scaled.sum(axis=1, keepdims=True)
    if smoothing > 0:
        taken = smoothing / probs.shape[1]
        probs -= taken
        probs += np.hypot(probs, taken / 4)
        probs /= probs.sum(axis=1, keepdims=True)
    return probs
