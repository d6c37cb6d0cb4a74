"""Which labels are probably wrong: confident learning (Northcutt et al. 2021) with cleanlab.

All of it rests on out-of-sample answers: a network that has learned a wrong label agrees with it.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from emotion_core.errors import DataError
from emotion_core.labels import NUM_CLASSES


@dataclass(frozen=True)
class Issues:
    """What the answers say about the labels of ``n`` scored faces.

    Attributes:
        scores: ``(n,)`` 0..1, higher for the more suspect label: one minus the probability that
            the answers give it. Adjusting it by each emotion's mean confidence ranks FER-2013's
            labels much worse (docs/collections.md), so that is left out.
        suggested: ``(n,)`` int64, the most probable other emotion.
        likely: ``(n,)`` bool, whether confident learning counts the label as an error.
    """

    scores: np.ndarray
    suggested: np.ndarray
    likely: np.ndarray


def find_issues(labels: np.ndarray, probs: np.ndarray) -> Issues:
    """Score each label.

    Args:
        labels: ``(n,)`` int64.
        probs: ``(n, 7)`` probabilities of models that have not learned these faces.

    Raises:
        DataError: there is nothing to score, or the shapes do not fit.
    """
    if not len(labels) or probs.shape != (len(labels), NUM_CLASSES):
        raise DataError(
            f"Label errors need probabilities ({len(labels)}, {NUM_CLASSES}), got {probs.shape}."
        )
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    probs = np.clip(probs, 1e-6, None)
    probs = probs / probs.sum(axis=1, keepdims=True)
    present = np.unique(labels)  # cleanlab wants classes without gaps
    numbers = np.searchsorted(present, labels)
    among = probs[:, present] / probs[:, present].sum(axis=1, keepdims=True)
    others = probs.copy()
    others[np.arange(len(labels)), labels] = -1.0
    if len(present) < 2:
        quality, likely = probs[:, present[0]], np.zeros(len(labels), bool)
    else:
        quality = get_label_quality_scores(numbers, among, method="self_confidence")
        with warnings.catch_warnings():  # it tells of each class with few faces; so does the audit
            warnings.filterwarnings("ignore", "May not flag all label issues")
            likely = find_label_issues(numbers, among, filter_by="both", n_jobs=1)
    return Issues(1.0 - np.asarray(quality), others.argmax(axis=1), np.asarray(likely, bool))
