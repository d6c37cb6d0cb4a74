"""The parts of the Comparison page, by the sections of its report."""

from collections.abc import Callable

from emotion_core.evaluation.compare import Comparison
from emotion_core.reporting import sections
from pages._ui.comparison.agreement import draw_agreement
from pages._ui.comparison.calibration import draw_calibration
from pages._ui.comparison.confusion import draw_confusion
from pages._ui.comparison.cost import draw_cost
from pages._ui.comparison.curves import draw_curves
from pages._ui.comparison.emotions import draw_per_emotion
from pages._ui.comparison.robustness import draw_robustness
from pages._ui.comparison.summary import draw_summary

TABS: dict[str, Callable[[Comparison], None]] = {
    sections.SUMMARY: draw_summary,
    sections.CONFUSION: draw_confusion,
    sections.PER_EMOTION: draw_per_emotion,
    sections.CALIBRATED: draw_calibration,
    sections.COST: draw_cost,
    sections.AGREEMENT: draw_agreement,
    sections.ROBUST: draw_robustness,
    sections.CURVES: draw_curves,
}
