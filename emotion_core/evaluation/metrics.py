"""Classification metrics from labels and probabilities, in plain numpy, with their uncertainty."""

import math
from dataclasses import dataclass

import numpy as np

from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.runs.report import EmotionScores, Scores

RESAMPLES = 2_000
ECE_BINS = 15
# Two-sided 95 % quantile of the normal distribution.
_Z95 = 1.959963984540054
# Resamples handled at once: bounds memory to about 15 MB for 7,178 images.
_CHUNK = 250


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
    """Mean F1 over the classes that occur as a truth or as a prediction (as scikit-learn's).

    Args are as in ``precision_recall_f1``; the result lacks the last axis.
    """
    f1 = precision_recall_f1(hits, support, predicted)[2]
    occurs = np.add(support, predicted) > 0
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
class Bootstrap:
    """Scores of one or more classifiers on the same resamples of the same images.

    Every classifier sees the same draw, so the difference of two columns is the paired bootstrap.

    Attributes:
        accuracy: ``(resamples, classifiers)``.
        macro_f1: ``(resamples, classifiers)``.
        f1: ``(resamples, classifiers, 7)``.
    """

    accuracy: np.ndarray
    macro_f1: np.ndarray
    f1: np.ndarray


def bootstrap(
    labels: np.ndarray, predicted: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Bootstrap:
    """Resample images with replacement and score each classifier on each resample.

    A resample is a vector of how often each image was drawn; all counts that the scores need are
    then one matrix product, exact because they stay below 2^24 in float32.

    Args:
        labels: ``(n,)`` truths.
        predicted: ``(classifiers, n)`` predicted labels.
        resamples: Number of resamples.
        seed: Of the draw; equal seeds and ``n`` draw the same images.
    """
    n, models = len(labels), len(predicted)
    hot_label = labels[:, None] == np.arange(NUM_CLASSES)
    hot_predicted = predicted[:, :, None] == np.arange(NUM_CLASSES)
    columns = [hot_label, *hot_predicted, *(hot_predicted & hot_label)]
    features = np.concatenate(columns, axis=1).astype(np.float32)
    rng = np.random.default_rng(seed)
    totals = np.empty((resamples, features.shape[1]), np.float32)
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        draws = rng.integers(n, size=(size, n))
        draws += np.arange(size)[:, None] * n
        weights = np.bincount(draws.ravel(), minlength=size * n).reshape(size, n)
        totals[start : start + size] = weights.astype(np.float32) @ features
    counts = totals.astype(np.float64)
    support = counts[:, None, :NUM_CLASSES]
    shape = (resamples, models, NUM_CLASSES)
    chosen, hits = np.split(counts[:, NUM_CLASSES:], 2, axis=1)
    chosen, hits = chosen.reshape(shape), hits.reshape(shape)
    return Bootstrap(
        accuracy=hits.sum(axis=2) / n,
        macro_f1=macro_f1(hits, support, chosen),
        f1=precision_recall_f1(hits, support, chosen)[2],
    )


def interval(samples: np.ndarray) -> np.ndarray:
    """Central 95 % of bootstrap samples along the first axis: ``(2, ...)``, low and high."""
    low_high: np.ndarray = np.percentile(samples, [2.5, 97.5], axis=0)
    return low_high


def ends(samples: np.ndarray) -> tuple[float, float]:
    """As ``interval``, of one score's samples ``(resamples,)``."""
    low, high = interval(samples)
    return float(low), float(high)


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


def classification_metrics(
    labels: np.ndarray, probs: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Scores:
    """All figures of one classifier on one set of images.

    Args:
        labels: ``(n,)`` integer truths in the order of ``labels.EMOTIONS``.
        probs: ``(n, 7)`` probabilities, rows sum to 1.
        resamples: Bootstrap resamples behind the 95 % intervals.
        seed: Of the bootstrap.

    Raises:
        DataError: there are no images, or the shapes or labels do not fit.
    """
    labels, probs = np.asarray(labels, np.int64), np.asarray(probs, np.float64)
    if len(labels) == 0:
        raise DataError("There are no images to score; choose a split that has some.")
    if probs.shape != (len(labels), NUM_CLASSES):
        raise DataError(
            f"Probabilities must have shape ({len(labels)}, {NUM_CLASSES}), got {probs.shape}."
        )
    if labels.min() < 0 or labels.max() >= NUM_CLASSES:
        raise DataError(f"Labels must be 0..{NUM_CLASSES - 1}, got {labels.min()}..{labels.max()}.")
    if not np.isfinite(probs).all():
        raise DataError("Probabilities hold values that are not numbers.")
    predicted, _ = top_confidence(probs)
    matrix = confusion_matrix(labels, predicted)
    hits, support, chosen = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    precision, recall, f1 = precision_recall_f1(hits, support, chosen)
    samples = bootstrap(labels, predicted[None], resamples=resamples, seed=seed)
    right = int(hits.sum())
    # Resampling answers that are all right, or all wrong, can show nothing else.
    accuracy_ci95 = (
        ends(samples.accuracy[:, 0])
        if 0 < right < len(labels)
        else wilson_interval(right, len(labels))
    )
    return Scores(
        n=len(labels),
        accuracy=right / len(labels),
        accuracy_ci95=accuracy_ci95,
        macro_f1=float(macro_f1(hits, support, chosen)),
        macro_f1_ci95=ends(samples.macro_f1[:, 0]),
        weighted_f1=float((f1 * support).sum() / len(labels)),
        ece=reliability(labels, probs).ece,
        nll=negative_log_likelihood(labels, probs),
        brier=brier_score(labels, probs),
        per_emotion={
            emotion: EmotionScores(
                precision=float(precision[index]),
                recall=float(recall[index]),
                f1=float(f1[index]),
                support=int(support[index]),
            )
            for index, emotion in enumerate(EMOTIONS)
        },
        confusion=tuple(map(tuple, matrix.tolist())),
    )


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    ratio: np.ndarray = np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
    return ratio
