"""The columns of every table of results: one title, unit and explanation each, for all writers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emotion_core import units

Cell = str | float | int | bool | None
TableRow = dict[str, Cell]

_TEXT: dict[str, Callable[[float], str]] = {
    "%": units.percent,
    "points": units.points,
    "MB": units.megabytes,
    "ms": units.milliseconds,
    "min": units.minutes,
}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: Of the value in a ``TableRow``; the header of a CSV file.
        title: The header that people read.
        unit: ``%`` and ``points`` of shares, ``M`` of counts, ``MB`` of bytes, ``ms``, ``min`` of
            seconds, or empty.
        digits: After the point, where the unit has no rule of its own.
        help: One sentence on what the number means.
    """

    key: str
    title: str
    unit: str = ""
    digits: int = 0
    help: str = ""

    def text(self, value: Cell) -> str:
        """A value as it is shown; empty where it is unknown."""
        if value is None or isinstance(value, str):
            return value or ""
        if math.isnan(value):
            return ""
        if self.unit == "M":
            return units.millions(value, self.digits)
        return _TEXT[self.unit](value) if self.unit else units.number(value, self.digits)


_ALL = (
    Column("label", "Model"),
    Column("set", "Faces of"),
    Column("n", "Faces"),
    Column("accuracy", "Accuracy", "%", help="Share of test faces that are classified correctly."),
    Column("accuracy_ci95", "95 % interval", help="95 % interval of the accuracy, in %."),
    Column(
        "macro_f1",
        "Macro-F1",
        "",
        3,
        "Mean F1 of the emotions that have faces, rare ones count equally.",
    ),
    Column("weighted_f1", "Weighted F1", "", 3, "F1 weighted by the number of faces."),
    Column("leak_free", "Leak-free", "%", help="Test faces without a near-duplicate in training."),
    Column("private_test", "PrivateTest", "%", help="FER-2013's PrivateTest half alone."),
    Column("flip_tta", "With mirroring", "%", help="Mean with the answer to the mirrored face."),
    Column(
        "transfer",
        "Transfer",
        "%",
        help="On changed validation faces: mean of accuracy under corruption, other framing, low "
        "resolution and light, and of agreement with the mirrored face.",
    ),
    Column("part", "Part"),
    Column("how", "How faces were changed"),
    Column("share", "Correct", "%", help="Accuracy; of mirroring the share of equal answers."),
    Column("ece", "ECE", "", 3, "Mean gap between confidence and accuracy."),
    Column("nll", "NLL", "", 3, "Mean negative log-likelihood; lower is better."),
    Column("val_peak", "Best validation", "%", help="Best validation accuracy of any epoch."),
    Column("val_peak_epoch", "At epoch", help="The epoch of the best validation accuracy."),
    Column("gap", "Train − validation", "points", help="Overfitting gap at that epoch."),
    Column("parameters", "Parameters", "M", 2, "Learned numbers, in millions."),
    Column("macs", "MACs", "M", 0, "Multiply-accumulates per face, in millions."),
    Column("size_bytes", "Size", "MB", help="Weights on disk."),
    Column("latency_ms", "Time per face", "ms", help="One face on one CPU thread, stored figure."),
    Column("latency_here", "Time here", "ms", help="The same, measured on this machine just now."),
    Column("latency_backend", "Backend", help="What ran the network."),
    Column(
        *("training_seconds", "Training", "min", 0),
        "With the earlier runs whose weights went into it; teachers are not counted.",
    ),
    Column("train_seconds", "This run alone", "min", help="Training without earlier runs."),
    Column("images_per_second", "Faces/s", help="Median rate of training."),
    Column("timed_on", "Timed on"),
    Column("trained_on", "Trained on"),
    Column("temperature", "Temperature", "", 2, "Above 1 the raw outputs were too confident."),
    Column("smoothing", "Smoothing", "", 2, "Uniform share that calibration takes out."),
    Column("ece_before", "ECE before", "", 3),
    Column("ece_after", "ECE after", "", 3),
    Column("brier_before", "Brier before", "", 3),
    Column("brier_after", "Brier after", "", 3),
    Column("nll_before", "NLL before", "", 3),
    Column("nll_after", "NLL after", "", 3),
    Column("threshold", "Confidence threshold", "", 2, "The model abstains below it."),
    Column("coverage", "Coverage", "%", help="Share of faces that still get an answer."),
    Column("emotion", "Emotion"),
    Column("precision", "Precision", "", 3, "Share of the faces called so that are."),
    Column("recall", "Recall", "", 3, "Share of the emotion's faces that are found."),
    Column("recall_ci95", "95 % interval of recall", help="Wilson interval of the recall, in %."),
    Column("f1", "F1", "", 3, "Harmonic mean of precision and recall."),
    Column("support", "Faces", help="Test faces of the emotion."),
    Column("mistake", "Most often classified as", help="The most frequent wrong answer."),
)
COLUMNS = {column.key: column for column in _ALL}

SUMMARY = (
    *("label", "accuracy", "accuracy_ci95", "macro_f1", "ece", "latency_ms", "parameters"),
    *("weighted_f1", "leak_free", "private_test", "flip_tta", "val_peak", "val_peak_epoch", "gap"),
    *("macs", "size_bytes", "training_seconds"),
)
README = (
    *("label", "accuracy", "accuracy_ci95", "leak_free", "private_test", "flip_tta", "macro_f1"),
    *("ece", "transfer", "parameters", "macs", "latency_ms", "training_seconds", "trained_on"),
)
HEADLINE = (
    *("label", "accuracy", "accuracy_ci95", "leak_free", "private_test", "macro_f1", "ece"),
    "latency_ms",
)
TERMINAL = ("label", "accuracy", "accuracy_ci95", "macro_f1", "ece", "parameters", "latency_ms")
COST = (
    *("label", "accuracy", "latency_ms", "latency_here", "latency_backend", "parameters", "macs"),
    *("size_bytes", "training_seconds", "train_seconds", "images_per_second"),
    *("timed_on", "trained_on"),
)
SCORES = ("set", "n", "accuracy", "accuracy_ci95", "macro_f1", "weighted_f1", "ece", "nll")
CALIBRATION = (
    *("label", "temperature", "smoothing", "ece_before", "ece_after", "brier_before"),
    *("brier_after", "nll_before", "nll_after", "threshold", "coverage"),
)
EMOTION = ("emotion", "precision", "recall", "f1", "support", "mistake")
TRANSFER = ("part", "share", "how")
ELSEWHERE = ("emotion", "precision", "recall", "recall_ci95", "f1", "support", "mistake")


def columns(keys: Sequence[str], rows: Sequence[Mapping[str, Cell]]) -> list[Column]:
    """The columns of these keys that hold something in any row."""
    found = [COLUMNS[key] for key in keys]
    return [c for c in found if any(c.text(row.get(c.key)) for row in rows)]
