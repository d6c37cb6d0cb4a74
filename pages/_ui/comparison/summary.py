"""The Comparison page's summary: all figures in a table, accuracy, and who beats whom."""

import streamlit as st

from emotion_core.evaluation.compare import Comparison
from emotion_core.reporting.columns import SUMMARY
from emotion_core.reporting.panels.scores import accuracy_panel, pairs_panel
from emotion_core.reporting.rows import comparison_rows
from pages._ui.comparison.corrected import draw_corrected
from pages._ui.tables import show_table
from pages._ui.widgets import show_panel

_AT_FIRST = 7  # columns; the others are behind the table's eye
_SIDE_BY_SIDE = 6  # runs; the matrix of more needs the whole width


def draw_summary(comparison: Comparison) -> None:
    """Table, accuracy with intervals, and the difference of every two runs."""
    # Of four of the study's architectures only curves were published, which have a part of their own.
    rows = [row for row in comparison_rows(comparison) if row.get("accuracy")]
    show_table(SUMMARY, rows, "comparison-table", first=_AT_FIRST)
    if comparison.on_fer2013:
        st.caption(
            "The row marked 'published' is the study's one reported test result; it was not re-measured."
        )
    draw_corrected(comparison)
    if len(comparison.results) < 3:  # one difference is the reading of the accuracy
        show_panel(accuracy_panel(comparison))
        return
    few = len(comparison.results) <= _SIDE_BY_SIDE
    left, right = st.columns(2) if few else (st.container(), st.container())
    with left:
        show_panel(accuracy_panel(comparison))
    with right:
        show_panel(pairs_panel(comparison))
        st.caption(
            f"Intervals are from {len(comparison.samples.accuracy):,} paired bootstrap resamples."
        )
