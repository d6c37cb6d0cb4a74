"""The Comparison page's scores per emotion."""

import streamlit as st

from emotion_core.evaluation.compare import Comparison
from emotion_core.labels import EMOTIONS
from emotion_core.reporting.panels.emotions import one_vs_rest_panel, per_emotion_panel
from pages._ui.widgets import show_panel


def draw_per_emotion(comparison: Comparison) -> None:
    """Scores of each emotion with support, and one emotion against the rest."""
    names = {"F1": "f1", "Precision": "precision", "Recall": "recall"}
    metric = st.segmented_control(
        "Score", list(names), default="F1", key="score", required=True, bind="query-params"
    )
    show_panel(per_emotion_panel(comparison, names[metric]))
    emotion = st.segmented_control(
        "One emotion against the rest",
        list(EMOTIONS),
        default="happy",
        key="emotion",
        required=True,
        bind="query-params",
    )
    left, right = st.columns(2)
    with left:
        show_panel(one_vs_rest_panel(comparison, emotion, roc=False))
    with right:
        show_panel(one_vs_rest_panel(comparison, emotion, roc=True))
