"""Scores of a classifier as a report holds them, checked when they are read."""

from dataclasses import dataclass
from typing import Annotated

from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.records import (
    Amount,
    Count,
    Interval,
    Record,
    RecordError,
    Rule,
    Share,
    between,
)

_SEVEN = Rule(
    f"one entry for each of {', '.join(EMOTIONS)}, in this order",
    lambda rows: list(rows) == list(EMOTIONS),
)


_SQUARE = Rule(
    f"{NUM_CLASSES} rows of {NUM_CLASSES} counts",
    lambda rows: len(rows) == NUM_CLASSES and all(len(row) == NUM_CLASSES for row in rows),
)


@dataclass(frozen=True, kw_only=True)
class EmotionScores(Record):
    """One emotion's part of ``Scores``: rates 0..1, ``support`` in faces."""

    precision: Share
    recall: Share
    f1: Share
    support: Count


@dataclass(frozen=True, kw_only=True)
class Scores(Record):
    """All figures of one classifier on one set of faces; rates 0..1.

    Attributes:
        n: Faces.
        accuracy_ci95: 95 % bootstrap interval of the accuracy.
        macro_f1: Mean F1 over the emotions that occur.
        weighted_f1: F1 weighted by support.
        ece: Expected calibration error.
        nll: Mean negative log-likelihood, in nats.
        brier: Mean squared distance of the probabilities from the truth, 0..2.
        per_emotion: In the order of ``labels.EMOTIONS``.
        confusion: ``(7, 7)`` counts; rows are true, columns predicted.
    """

    n: Annotated[int, between(1)]
    accuracy: Share
    accuracy_ci95: Interval
    macro_f1: Share
    macro_f1_ci95: Interval
    weighted_f1: Share
    ece: Share
    nll: Amount
    brier: Annotated[float, between(0, 2)]
    per_emotion: Annotated[dict[str, EmotionScores], _SEVEN]
    confusion: Annotated[tuple[tuple[Count, ...], ...], _SQUARE]

    def __post_init__(self) -> None:
        if sum(map(sum, self.confusion)) != self.n:
            raise RecordError(f"must count the {self.n} faces of its confusion matrix once each")
