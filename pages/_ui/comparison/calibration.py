"""The Comparison page's calibration: whether confidence can be trusted."""

import streamlit as st

from emotion_core.evaluation.compare import Comparison
from emotion_core.reporting.columns import CALIBRATION
from emotion_core.reporting.panels.calibration import (
    calibration_rows,
    coverage_panel,
    reliability_panel,
)
from pages._ui.tables import show_table
from pages._ui.widgets import show_panel


def draw_calibration(comparison: Comparison) -> None:
    """Whether confidence can be trusted, and what abstaining buys."""
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        before = st.toggle("Show before calibration too", key="before_calibration")
    with right:
        target = st.slider(
            "Target accuracy",
            *(0.5, 0.99, 0.8, 0.01),
            format="percent",
            key="target",
            bind="query-params",
        )
    left, right = st.columns(2)
    with left:
        show_panel(reliability_panel(comparison, before=before))
    with right:
        panel, choices = coverage_panel(comparison, target)
        show_panel(panel)
    rows = calibration_rows(comparison)
    for row, choice in zip(rows, choices, strict=True):
        row["threshold"] = choice.threshold if choice.reached else None
        row["coverage"] = choice.coverage if choice.reached else None
    show_table(CALIBRATION, rows, "calibration-table")
    st.caption(
        "ECE is the mean gap between confidence and accuracy in 15 bins; Brier and negative "
        "log-likelihood (NLL) judge the whole distribution. Lower is better. Temperature and "
        "smoothing were fitted on validation; the threshold is read off this test set."
    )
