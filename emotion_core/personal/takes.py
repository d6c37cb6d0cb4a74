"""First and second takes of each expression: what a profile learns, and what it is held to."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emotion_core.errors import ProfileError
from emotion_core.labels import EMOTIONS, NUM_CLASSES

LEAST_EXPRESSIONS = 3
LEAST_FRAMES = 3
_RESAMPLES = 4_000

Takes = Mapping[tuple[int, int], np.ndarray]  # (expression, 1 or 2) to uint8 faces (n, 48, 48)


@dataclass(frozen=True)
class Outcome:
    """What a profile changes on the second takes, which it has not seen.

    Attributes:
        before, after: Share of correct frames, each take counted the same.
        low, high: 90 % interval of the gain, by resampling takes: frames of one are alike.
        expressions: Those with a second take, as label indices.
        before_each, after_each: Share of correct frames of each of them.
    """

    before: float
    after: float
    low: float
    high: float
    expressions: tuple[int, ...]
    before_each: tuple[float, ...]
    after_each: tuple[float, ...]

    @property
    def gain(self) -> float:
        """After minus before, as a share."""
        return self.after - self.before

    @property
    def helps(self) -> bool:
        """Whether a profile is kept: it gains, and its interval excludes a loss."""
        return self.gain > 0 and self.low >= 0


def split_takes(takes: Takes) -> tuple[Takes, Takes]:
    """First takes to learn from and second takes of the same expressions to be held to.

    Raises:
        ProfileError: there are too few to learn anything.
    """
    usable = {key: faces for key, faces in takes.items() if len(faces) >= LEAST_FRAMES}
    both = [label for label in range(NUM_CLASSES) if {(label, 1), (label, 2)} <= usable.keys()]
    if len(both) < LEAST_EXPRESSIONS or EMOTIONS.index("neutral") not in both:
        names = ", ".join(EMOTIONS[label] for label in both) or "none"
        raise ProfileError(
            f"A profile needs two takes with {LEAST_FRAMES} faces or more of neutral and of "
            f"{LEAST_EXPRESSIONS - 1} other expressions; found both takes of: {names}."
        )
    first, second = ({(label, n): usable[label, n] for label in both} for n in (1, 2))
    return first, second


def joined(takes: Takes) -> tuple[np.ndarray, np.ndarray]:
    """All faces of some takes ``(n, 48, 48)`` and their labels ``(n,)``."""
    labels = [np.full(len(faces), label) for (label, _), faces in takes.items()]
    return np.concatenate(list(takes.values())), np.concatenate(labels)


def outcome(labels: np.ndarray, before: np.ndarray, after: np.ndarray, seed: int = 0) -> Outcome:
    """Compare two sets of answers to the same frames.

    Args:
        labels: ``(n,)`` expressions, one take of each.
        before: ``(n,)`` answers of the general model.
        after: ``(n,)`` answers with the profile.
        seed: Of the resampling.
    """
    present = np.unique(labels)
    shares = np.array(
        [[(given[labels == e] == e).mean() for e in present] for given in (before, after)]
    )
    gains = shares[1] - shares[0]
    rng = np.random.default_rng(seed)
    drawn = gains[rng.integers(0, len(gains), (_RESAMPLES, len(gains)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.05, 0.95])
    return Outcome(
        float(shares[0].mean()),
        float(shares[1].mean()),
        float(low),
        float(high),
        tuple(int(e) for e in present),
        tuple(shares[0].tolist()),
        tuple(shares[1].tolist()),
    )
