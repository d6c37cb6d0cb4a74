"""Which test faces to look at: rows of a run's stored predictions, chosen and sorted."""

from dataclasses import dataclass

import numpy as np

from emotion_core.errors import RunError
from emotion_core.labels import EMOTIONS


@dataclass(frozen=True)
class Guesses:
    """A run's predictions of its test faces.

    Attributes:
        ids: ``(n,)`` str, names inside the data set.
        labels: ``(n,)`` int64, the actual emotions.
        probs: ``(n, 7)`` float32, calibrated.
    """

    ids: np.ndarray
    labels: np.ndarray
    probs: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """``(n,)`` int64, the most probable emotion."""
        found: np.ndarray = self.probs.argmax(axis=1)
        return found

    @property
    def confidence(self) -> np.ndarray:
        """``(n,)`` float32 in 0..1, its probability."""
        found: np.ndarray = self.probs.max(axis=1)
        return found

    @property
    def right(self) -> np.ndarray:
        """``(n,)`` bool."""
        found: np.ndarray = self.predicted == self.labels
        return found

    def __len__(self) -> int:
        return len(self.labels)


def guesses_of(arrays: dict[str, np.ndarray] | None, run: str) -> Guesses:
    """Check the arrays of a ``predictions.npz``.

    Raises:
        RunError: there are none, or they are not predictions of these seven emotions.
    """
    if arrays is None:
        raise RunError(f"Run '{run}' has no predictions.npz. Write it with: evaluate {run}.")
    try:
        ids, labels, probs = arrays["ids"], arrays["labels"], arrays["probs"]
    except KeyError as error:
        raise RunError(f"Run '{run}': predictions.npz lacks {error}.") from error
    shape = (len(labels), len(EMOTIONS)) if labels.ndim == 1 else ()
    known = labels.dtype.kind in "iu" and ((labels >= 0) & (labels < len(EMOTIONS))).all()
    if probs.shape != shape or ids.shape != labels.shape or not known:
        raise RunError(
            f"Run '{run}': predictions.npz does not fit the {len(EMOTIONS)} emotions (ids "
            f"{ids.shape}, labels {labels.shape}, probs {probs.shape})."
        )
    return Guesses(ids, labels.astype(np.int64), probs.astype(np.float32))


def select(
    guesses: Guesses,
    *,
    actual: str = "",
    predicted: str = "",
    right: bool | None = None,
    confidence: tuple[float, float] = (0.0, 1.0),
) -> np.ndarray:
    """Rows that pass every filter, in order.

    Args:
        guesses: The predictions.
        actual: Emotion; empty for any.
        predicted: Emotion; empty for any.
        right: Whether the prediction is right; None for either.
        confidence: Lowest and highest, both included, 0..1.

    Returns:
        int64 positions.
    """
    low, high = confidence
    # float16 in the file rounds, and a slider's end must include what it shows.
    mask = (guesses.confidence >= low - 1e-3) & (guesses.confidence <= high + 1e-3)
    if actual:
        mask &= guesses.labels == EMOTIONS.index(actual)
    if predicted:
        mask &= guesses.predicted == EMOTIONS.index(predicted)
    if right is not None:
        mask &= guesses.right == right
    return np.flatnonzero(mask)


def random_rows(rows: np.ndarray, count: int = 25, *, seed: int = 0) -> np.ndarray:
    """At most ``count`` of the rows, drawn without repetition; the same for the same seed."""
    drawn: np.ndarray = np.random.default_rng(seed).permutation(rows)[:count]
    return drawn


def confident_mistakes(guesses: Guesses, rows: np.ndarray, count: int = 25) -> np.ndarray:
    """Wrong predictions, the most confident first."""
    wrong = rows[~guesses.right[rows]]
    return _first(wrong, -guesses.confidence[wrong], count)


def least_certain(guesses: Guesses, rows: np.ndarray, count: int = 25) -> np.ndarray:
    """Predictions whose first and second choice are closest."""
    return _first(rows, lead(guesses)[rows], count)


def most_typical(guesses: Guesses, rows: np.ndarray, count: int = 25) -> np.ndarray:
    """Right predictions, the most confident first."""
    found = rows[guesses.right[rows]]
    return _first(found, -guesses.confidence[found], count)


def most_disagreed(
    guesses: Guesses, other: Guesses, rows: np.ndarray, count: int = 25
) -> np.ndarray:
    """Rows where two runs name different emotions, those with the most different answers first."""
    differ = rows[guesses.predicted[rows] != other.predicted[rows]]
    return _first(differ, -disagreement(guesses, other)[differ], count)


def lead(guesses: Guesses) -> np.ndarray:
    """``(n,)`` float32 in 0..1: the first choice's probability minus the second's."""
    ordered = np.sort(guesses.probs, axis=1)
    found: np.ndarray = ordered[:, -1] - ordered[:, -2]
    return found


def disagreement(guesses: Guesses, other: Guesses) -> np.ndarray:
    """``(n,)`` float32 in 0..1: total variation, the probability that would have to move.

    Raises:
        RunError: the two are not of the same test faces.
    """
    if len(guesses) != len(other) or (guesses.labels != other.labels).any():
        raise RunError("The two runs were tested on different faces; choose runs of one test set.")
    found: np.ndarray = 0.5 * np.abs(guesses.probs - other.probs).sum(axis=1)
    return found


def _first(rows: np.ndarray, key: np.ndarray, count: int) -> np.ndarray:
    """The rows with the smallest keys, in order; a tie keeps the rows' own order."""
    found: np.ndarray = rows[np.argsort(key, kind="stable")[:count]]
    return found
