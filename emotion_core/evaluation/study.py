"""The published study's figures: a baseline to compare with, never measured here.

Rows were read from the printed report, so a last digit can be off; ``study.json`` names the source.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

from emotion_core.files import read_json
from emotion_core.records import Count, Record, Share
from emotion_core.runs.run import Row
from emotion_core.runs.scores import EmotionScores


@dataclass(frozen=True, kw_only=True)
class StudyTest(Record):
    """The one published test result: as ``Scores``, as far as it was printed."""

    model: str
    n: Count
    accuracy: Share
    macro_f1: Share
    per_emotion: dict[str, EmotionScores]


@dataclass(frozen=True, kw_only=True)
class Study(Record):
    """``study.json``.

    Attributes:
        source: The printed report.
        note: How its figures were read.
        runs: By architecture, ``(epoch, train loss, train accuracy in %, validation accuracy in %)``.
        parameters: By architecture, where printed.
        best_val_accuracy_percent: By architecture.
        counts: Faces by split and emotion.
    """

    source: str
    note: str
    runs: dict[str, tuple[tuple[float, ...], ...]]
    test: StudyTest
    parameters: dict[str, Count]
    best_val_accuracy_percent: dict[str, float]
    counts: dict[str, dict[str, Count]]

    @property
    def models(self) -> list[str]:
        """The five architectures of the study."""
        return sorted(self.runs)

    def rows(self, model: str) -> list[Row]:
        """One architecture's published curve, with the keys of ``metrics.jsonl`` that it has:
        epoch, train_loss, train_accuracy and val_accuracy (0..1)."""
        return [
            {
                "epoch": epoch,
                "train_loss": loss,
                "train_accuracy": train / 100,
                "val_accuracy": val / 100,
            }
            for epoch, loss, train, val in self.runs.get(model, ())
        ]


@functools.cache
def load_study() -> Study:
    """The study's figures."""
    return Study.from_json(read_json(Path(__file__).with_name("study.json")))
