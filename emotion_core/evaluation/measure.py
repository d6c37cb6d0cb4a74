"""Ask a run for its answers, and score it on faces from elsewhere."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emotion_core.data.faces import FaceData
from emotion_core.errors import DataError
from emotion_core.evaluation.scores import classification_metrics
from emotion_core.probabilities import softmax
from emotion_core.runs.run import Run
from emotion_core.runs.scores import Scores

if TYPE_CHECKING:
    from emotion_core.models.checkpoint import Classifier


def measure_on(
    runs: Sequence[Run], data: FaceData, split: str = "test", *, device: str = "auto"
) -> Scores:
    """Score a run, or the ensemble of several, on faces from elsewhere.

    Nothing is fitted to these faces and nothing is written.

    Args:
        runs: With weights; their stored calibration is used, and that of an ensemble comes from
            their stored answers on validation.
        data: Any data set.
        split: ``test``, or ``all`` for every face of a set that the run never saw.
        device: ``cpu``, ``cuda:N``, or ``auto`` for a GPU if there is one.

    Raises:
        CheckpointError: a run's weights are missing or do not fit.
        DataError: the split has no images, or the runs make no ensemble; the message says why.
    """
    from emotion_core.evaluation.ensemble import pool_probs
    from emotion_core.evaluation.results import load_results
    from emotion_core.models.checkpoint import load_classifier

    indices = np.arange(len(data)) if split == "all" else data.indices(split)
    if len(indices) == 0:
        raise DataError(f"'{data.name}' ({data.source}) has no {split} images to report on.")
    runs = list(dict.fromkeys(runs))
    results, refused = load_results(runs) if len(runs) > 1 else ([], [])
    if refused:
        raise DataError(f"These runs make no ensemble. {refused[0].reason}")
    answers = []
    for run in runs:
        classifier = load_classifier(run, backend="torch", device=device)
        logits = predict(classifier, data.images, indices)
        answers.append(softmax(logits, classifier.temperature, classifier.smoothing))
    probs = pool_probs(results, answers) if results else answers[0]
    return classification_metrics(data.labels[indices], probs)


def to_half(values: np.ndarray) -> np.ndarray:
    """Round ``(n, 7)`` scores to float16 so that the largest of each row stays the largest.

    Rounding can make two scores equal, and a tie would turn some predictions around. A diverged
    network's scores may be beyond float16 and become its largest numbers.
    """
    largest = np.nextafter(np.finfo(np.float16).max, np.float16(0))  # one is left for the winner
    half: np.ndarray = np.clip(values, -largest, largest).astype(np.float16)
    top = values.argmax(axis=1)
    rows = np.flatnonzero(half.argmax(axis=1) != top)
    half[rows, top[rows]] = np.nextafter(half[rows].max(axis=1), np.float16(np.inf))
    return half


def predict(classifier: "Classifier", images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """float16 logits ``(n, 7)`` of the faces at ``indices``."""
    return to_half(classifier.logits(images[indices]))
