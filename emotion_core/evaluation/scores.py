"""All figures of a classifier on one set of faces, with their uncertainty by resampling."""

from dataclasses import dataclass

import numpy as np

from emotion_core.errors import DataError
from emotion_core.evaluation.metrics import (
    brier_score,
    confusion_matrix,
    macro_f1,
    negative_log_likelihood,
    precision_recall_f1,
    reliability,
    top_confidence,
    wilson_interval,
)
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.runs.scores import EmotionScores, Scores

RESAMPLES = 2_000


# Resamples handled at once: bounds memory to about 15 MB for 7,178 images.
_CHUNK = 250


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
