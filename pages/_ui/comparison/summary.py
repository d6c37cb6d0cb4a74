"""The Comparison page's summary: all figures in a table, accuracy, who beats whom, and what differs."""

import streamlit as st

from emotion_core.evaluation.compare import Comparison
from emotion_core.reporting.columns import SUMMARY
from emotion_core.reporting.panels.scores import accuracy_panel, pairs_panel
from emotion_core.reporting.rows import comparison_rows
from emotion_core.reporting.settings import differing_rows
from emotion_core.runs.catalog import with_names
from pages._ui.cache import runs
from pages._ui.comparison.corrected import draw_corrected
from pages._ui.tables import show_table
from pages._ui.widgets import show_panel

_AT_FIRST = 7  # columns; the others are behind the table's eye
_ROW, _MOST_HEIGHT = 35, 560  # pixels
_SIDE_BY_SIDE = 6  # runs; the matrix of more needs the whole width


def draw_summary(comparison: Comparison) -> None:
    """Table, accuracy with intervals, the difference of every two runs, and their settings."""
    _draw_figures(comparison)
    if len(comparison.results) > 1:
        _draw_settings(comparison)


def _draw_settings(comparison: Comparison) -> None:
    """The settings in which the runs differ, folded."""
    here = {run.name: run for run in runs()}
    rows = differing_rows(
        {
            result.label: with_names(here[result.name])
            for result in comparison.ranked
            if result.name in here
        }
    )
    with st.expander("Settings that differ", icon=":material/tune:"):
        if rows:
            st.dataframe(
                rows,
                hide_index=True,
                key="comparison-settings",
                height=min(_MOST_HEIGHT, _ROW * (len(rows) + 1) + 3),
                column_config={"Setting": st.column_config.Column(pinned=True, width=170)},
            )
        else:
            st.caption("The settings of these runs are the same.")


def _draw_figures(comparison: Comparison) -> None:
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
