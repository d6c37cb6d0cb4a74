"""Classification metrics from labels and probabilities, in plain numpy, with their uncertainty."""

import math
from dataclasses import dataclass

import numpy as np

from emotion_core.labels import NUM_CLASSES

ECE_BINS = 15
# Two-sided 95 % quantile of the normal distribution.
_Z95 = 1.959963984540054


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Counts ``(7, 7)`` int64; rows are true, columns predicted."""
    flat = np.asarray(labels, np.int64) * NUM_CLASSES + np.asarray(predicted, np.int64)
    return np.bincount(flat, minlength=NUM_CLASSES**2).reshape(NUM_CLASSES, NUM_CLASSES)


def precision_recall_f1(
    hits: np.ndarray, support: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per-class scores from counts along the last axis; a ratio of nothing is 0.

    Args:
        hits: Images of the class that were predicted as it.
        support: Images of the class.
        predicted: Images predicted as the class.
    """
    return (
        _ratio(hits, predicted),
        _ratio(hits, support),
        _ratio(2.0 * hits, np.add(support, predicted)),
    )


def macro_f1(hits: np.ndarray, support: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that have images: a class without any can be neither hit nor missed.

    Predictions of such a class still count as misses of the others. scikit-learn's ``macro`` gives
    the same with ``labels=`` the classes that occur. Args are as in ``precision_recall_f1``; the
    result lacks the last axis.
    """
    f1 = np.where(np.asarray(support) > 0, precision_recall_f1(hits, support, predicted)[2], 0.0)
    occurs = np.asarray(support) > 0
    return _ratio(f1.sum(axis=-1), occurs.sum(axis=-1))


def top_confidence(probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predicted label int64 ``(n,)`` (the first of equals) and its probability ``(n,)``."""
    predicted = probs.argmax(axis=1)
    return predicted, np.take_along_axis(probs, predicted[:, None], axis=1)[:, 0]


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy in equal-width bins of confidence ``(low, high]``.

    Attributes:
        edges: ``(bins + 1,)`` from 0 to 1.
        count: ``(bins,)`` predictions in each bin.
        confidence: ``(bins,)`` mean confidence, NaN where empty.
        accuracy: ``(bins,)`` share that is right, NaN where empty.
        ece: Expected calibration error: mean gap, weighted by count (Naeini et al. 2015).
    """

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    ece: float


def reliability(labels: np.ndarray, probs: np.ndarray, bins: int = ECE_BINS) -> Reliability:
    """Bin the top predictions by confidence."""
    predicted, confidence = top_confidence(probs)
    right = predicted == labels
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    sum_confidence = np.bincount(place, weights=confidence, minlength=bins)
    sum_right = np.bincount(place, weights=right, minlength=bins)
    ece = float(np.abs(sum_confidence - sum_right).sum() / max(len(labels), 1))
    filled = np.where(count > 0, count, np.nan)
    return Reliability(edges, count, sum_confidence / filled, sum_right / filled, ece)


def negative_log_likelihood(labels: np.ndarray, probs: np.ndarray) -> float:
    """Mean of ``-log p(true)``; probabilities are kept above the float64 epsilon."""
    true = probs[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, np.finfo(np.float64).eps)).mean())


def brier_score(labels: np.ndarray, probs: np.ndarray) -> float:
    """Mean squared distance between probabilities and the truth, summed over classes (0..2)."""
    return float(((probs - np.eye(NUM_CLASSES)[labels]) ** 2).sum(axis=1).mean())


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson 1927); 0..1 when there is nothing to count."""
    if n == 0:
        return 0.0, 1.0
    share = hits / n
    centre = share + _Z95**2 / (2 * n)
    margin = _Z95 * math.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n * n))
    scale = 1 + _Z95**2 / n
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)


@dataclass(frozen=True)
class OneVsRest:
    """One emotion against all others, at every threshold of its probability, strictest first.

    Attributes:
        precision: ``(k,)`` share of the faces at or above the threshold that are the emotion.
        recall: ``(k,)`` share of the emotion's faces that are found, the true positive rate.
        fall_out: ``(k,)`` share of the other faces that are taken for it, the false positive rate.
        average_precision: Area under precision over recall, in steps; NaN without such faces.
        auc: Area under recall over fall-out; NaN without such faces or without others.
    """

    precision: np.ndarray
    recall: np.ndarray
    fall_out: np.ndarray
    average_precision: float
    auc: float


def one_vs_rest(is_emotion: np.ndarray, score: np.ndarray) -> OneVsRest:
    """Precision-recall and ROC curve of one emotion.

    Args:
        is_emotion: ``(n,)`` bool truths.
        score: ``(n,)`` its probability.
    """
    order = np.argsort(-score, kind="stable")
    ranked, sorted_score = np.asarray(is_emotion, bool)[order], score[order]
    last = np.flatnonzero(np.append(np.diff(sorted_score) != 0, True)) if len(order) else order
    hits = np.cumsum(ranked)[last].astype(np.float64)
    found = (last + 1).astype(np.float64)
    positives, negatives = int(ranked.sum()), int((~ranked).sum())
    precision = _ratio(hits, found)
    recall = _ratio(hits, np.full(len(hits), positives))
    fall_out = _ratio(found - hits, np.full(len(hits), negatives))
    steps = np.diff(recall, prepend=0.0)
    area = np.trapezoid(np.append(0.0, recall), np.append(0.0, fall_out))
    return OneVsRest(
        precision,
        recall,
        fall_out,
        float((steps * precision).sum()) if positives else math.nan,
        float(area) if positives and negatives else math.nan,
    )


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    ratio: np.ndarray = np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
    return ratio
