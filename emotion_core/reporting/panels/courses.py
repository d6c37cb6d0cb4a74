"""What a learning curve is drawn from, and what a reader of one that is not whole has to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emotion_core import units
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.results import Result
from emotion_core.recipes import listed
from emotion_core.reporting.panels.panel import colors_of
from emotion_core.runs.ancestry import Course


@dataclass(frozen=True)
class Curve:
    """One run's learning curve.

    Attributes:
        label: What the legend says.
        color: The run's colour.
        model: Architecture.
        course: Its epochs.
    """

    label: str
    color: str
    model: str
    course: Course


def curves_of(comparison: Comparison, courses: Mapping[str, Course] | None = None) -> list[Curve]:
    """The curves of all runs of a comparison.

    Args:
        comparison: The runs.
        courses: By run name, where the earlier runs were looked for; others go without them.
    """
    colors, found = colors_of(comparison.results), courses or {}
    return [
        Curve(
            result.label,
            colors[result.label],
            result.report.model,
            found.get(result.name) or Course(result.rows, missing=_starts(result)),
        )
        for result in comparison.results
    ]


def _starts(result: Result) -> tuple[str, ...]:
    return tuple(listed(result.config.start_from))


def cautions(curves: Sequence[Curve], keys: Sequence[str]) -> list[str]:
    """What a reader of curves that are not whole has to know."""
    said = []
    if parts := [curve.label for curve in curves if curve.course.missing and curve.course.rows]:
        one = len(parts) == 1
        said.append(
            f"Fine-tuned from earlier runs that are not here, so only the last epochs are drawn: "
            f"{units.join_names(parts)}."
            if not one
            else f"{parts[0]} was fine-tuned from an earlier run that is not here: only its last "
            "epochs are drawn."
        )
    if joined := [curve.label for curve in curves if curve.course.joined]:
        said.append(f"With the runs that it was fine-tuned from: {units.join_names(joined)}.")
    validated = any(key.startswith("val") or key == "gap" for key in keys)
    if validated and (
        final := [
            curve.label
            for curve in curves
            if curve.course.rows and "val_accuracy" not in curve.course.rows[-1]
        ]
    ):
        said.append(
            f"No validation curve after a final training on all faces: {units.join_names(final)}."
        )
    return said
