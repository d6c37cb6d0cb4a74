"""A comparison's figures with a person's corrections of the test labels, beside the published ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emotion_core.data.faces import digests
from emotion_core.errors import DataError
from emotion_core.evaluation.metrics import confusion_matrix, macro_f1
from emotion_core.evaluation.results import Result
from emotion_core.labels import EMOTIONS

FAVOURS_MODELS = (
    "Labels are mostly corrected where models disagree with them, so corrections raise the figures "
    "of models. The published figure stays the headline."
)


@dataclass(frozen=True)
class Corrections:
    """Test labels as a person sees them.

    Attributes:
        labels: ``(n,)`` int64, corrected.
        kept: ``(n,)`` bool; False for faces that are none, or of which the person was unsure.
        changed: How many kept faces have another label than published.
    """

    labels: np.ndarray
    kept: np.ndarray
    changed: int


@dataclass(frozen=True)
class Both:
    """A run's figures as published and with corrections, 0..1.

    Attributes:
        label: Of the run.
        accuracy: On all test faces, with the published labels.
        macro_f1: The same.
        corrected_accuracy: On the kept faces, with the corrected labels.
        corrected_macro_f1: The same.
    """

    label: str
    accuracy: float
    macro_f1: float
    corrected_accuracy: float
    corrected_macro_f1: float


def apply_corrections(
    faces: np.ndarray, labels: np.ndarray, found: Mapping[bytes, str]
) -> Corrections:
    """Look test faces up in an overlay.

    Args:
        faces: ``(n, 48, 48)`` uint8, in the order of the predictions.
        labels: ``(n,)`` int64, published.
        found: Label by pixel digest, from ``data.collected.overlay_labels``.

    Raises:
        DataError: the corrections leave no face.
    """
    new, kept = labels.copy(), np.ones(len(labels), bool)
    for at, digest in enumerate(digests(faces)):
        label = found.get(digest)
        if label in EMOTIONS:
            new[at] = EMOTIONS.index(label)
        elif label:
            kept[at] = False
    if not kept.any():
        raise DataError("The corrections set every test face aside, so nothing can be measured.")
    return Corrections(new, kept, int((kept & (new != labels)).sum()))


def both_figures(results: Sequence[Result], corrections: Corrections) -> list[Both]:
    """Each run's figures as published and with corrections, in the order of the results."""
    kept, found = corrections.kept, []
    for result in results:
        published = _figures(result.labels, result.predicted)
        corrected = _figures(corrections.labels[kept], result.predicted[kept])
        found.append(Both(result.label, *published, *corrected))
    return found


def _figures(labels: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Accuracy and macro-F1."""
    counts = confusion_matrix(labels, predicted)
    hits = np.diag(counts)
    return (
        float(hits.sum() / counts.sum()),
        float(macro_f1(hits, counts.sum(axis=1), counts.sum(axis=0))),
    )
