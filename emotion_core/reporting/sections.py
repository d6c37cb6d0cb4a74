"""What a comparison shows, section by section: the order of the report and of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.robustness import Robustness
from emotion_core.evaluation.study import load_study
from emotion_core.labels import EMOTIONS
from emotion_core.reporting.columns import CALIBRATION, TableRow
from emotion_core.reporting.panels.agreement import agreement_panel, overlap_panel
from emotion_core.reporting.panels.calibration import (
    calibration_rows,
    coverage_panel,
    reliability_panel,
)
from emotion_core.reporting.panels.confusion import difference_panel, matrices_panel
from emotion_core.reporting.panels.cost import cost_panel
from emotion_core.reporting.panels.courses import curves_of
from emotion_core.reporting.panels.curves import curves_panel
from emotion_core.reporting.panels.emotions import one_vs_rest_panel, per_emotion_panel
from emotion_core.reporting.panels.panel import Panel
from emotion_core.reporting.panels.robustness import robustness_matrix_panel, robustness_panel
from emotion_core.reporting.panels.scores import accuracy_panel, pairs_panel
from emotion_core.reporting.words import ensemble_sentence

SUMMARY, CONFUSION, PER_EMOTION, CALIBRATED = "Summary", "Confusion", "Per emotion", "Calibration"
COST, AGREEMENT, ROBUST, CURVES = "Cost", "Agreement", "Robustness", "Learning curves"


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        title: Heading.
        panels: Figures, in reading order.
        columns: Keys of the table below the figures.
        rows: Its rows; none where there is no table.
        note: A sentence of its own; may be empty.
    """

    title: str
    panels: list[Panel]
    columns: Sequence[str] = ()
    rows: Sequence[TableRow] = ()
    note: str = ""


def report_sections(comparison: Comparison, robustness: Mapping[str, Robustness]) -> list[Section]:
    """All figures of a comparison.

    Args:
        comparison: The runs.
        robustness: By run name, of those that were measured.
    """
    results, several = comparison.results, len(comparison.results) > 1
    measured = {r.name: robustness[r.name] for r in results if r.name in robustness}
    summary, confusion = (
        [accuracy_panel(comparison)],
        [matrices_panel(comparison.ranked, share=True)],
    )
    if several:
        summary.append(pairs_panel(comparison))
        confusion.append(difference_panel(*comparison.ranked[:2], share=True))
    emotions = [per_emotion_panel(comparison, metric) for metric in ("f1", "precision", "recall")]
    emotions += [one_vs_rest_panel(comparison, emotion, roc=False) for emotion in EMOTIONS]
    sections = [
        Section(SUMMARY, summary),
        Section(CONFUSION, confusion),
        Section(PER_EMOTION, emotions),
        Section(
            CALIBRATED,
            [reliability_panel(comparison), coverage_panel(comparison, 0.8)[0]],
            CALIBRATION,
            calibration_rows(comparison),
        ),
        Section(COST, [cost_panel(results, cost) for cost in ("latency_ms", "parameters")]),
    ]
    if several:
        panels = [overlap_panel(comparison), agreement_panel(comparison)]
        sections.append(Section(AGREEMENT, panels, note=ensemble_sentence(comparison)))
    if measured:
        found = [robustness_panel(comparison, measured)]
        sections.append(Section(ROBUST, [*found, robustness_matrix_panel(comparison, measured)]))
    curves = curves_of(comparison)
    models = {result.report.model for result in results}
    study = [m for m in load_study().models if m in models] if comparison.on_fer2013 else []
    drawn = [curves_panel(curves, name, study=study) for name in ("Accuracy", "Loss")]
    return [*sections, Section(CURVES, drawn)]
