"""The whole comparison as one file."""

import streamlit as st

from emotion_core.evaluation.compare import Comparison
from pages._ui.comparison.robustness import robustness_of


def draw_downloads(comparison: Comparison) -> None:
    """The report as HTML and its numbers as JSON; written only when asked for."""
    from emotion_core.reporting.html import comparison_html, comparison_json

    # A callable is run on the click, so that no page view pays for it.
    with st.container(horizontal=True):
        st.download_button(
            "Download report (HTML)",
            data=lambda: comparison_html(comparison, robustness_of(comparison)).encode(),
            file_name="comparison.html",
            mime="text/html",
            icon=":material/description:",
            on_click="ignore",
            help="One self-contained file with all tables, figures, readings and provenance",
        )
        st.download_button(
            "Download data (JSON)",
            data=lambda: comparison_json(comparison, robustness_of(comparison)).encode(),
            file_name="comparison.json",
            mime="application/json",
            icon=":material/data_object:",
            on_click="ignore",
        )
