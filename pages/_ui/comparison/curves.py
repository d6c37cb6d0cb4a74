"""The Comparison page's learning curves."""

import streamlit as st

from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.study import load_study
from emotion_core.reporting.panels.courses import curves_of
from emotion_core.reporting.panels.curves import AXES, CURVES, curves_panel
from emotion_core.runs.ancestry import training_course
from pages._ui.cache import runs
from pages._ui.widgets import show_panel

_WITH_STUDY = ("Accuracy", "Loss", "Overfitting gap")


def draw_curves(comparison: Comparison) -> None:
    """Learning curves overlaid, with those of earlier runs and the study's published ones."""
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    with left:
        quantity = st.selectbox("Curve", list(CURVES), key="curve", bind="query-params")
    with middle:
        axis = st.segmented_control(
            "Over",
            list(AXES),
            default="epoch",
            key="axis",
            required=True,
            bind="query-params",
        )
    with right:
        smoothing = st.slider(
            "Smoothing", 0.0, 0.95, 0.0, 0.05, key="smoothing", bind="query-params"
        )
    training = False
    with st.container(horizontal=True, vertical_alignment="center"):
        if any(key.startswith("train") for key in CURVES[quantity][1]):
            training = st.toggle("Show training", key="show_training")
        study = _pick_study(comparison) if axis == "epoch" and quantity in _WITH_STUDY else []
    found = runs()
    by_name = {run.name: run for run in found}
    courses = {
        result.name: training_course(by_name[result.name], found)
        for result in comparison.results
        if result.name in by_name
    }
    show_panel(
        curves_panel(
            curves_of(comparison, courses),
            quantity,
            axis=axis,
            smoothing=smoothing,
            training=training,
            study=study,
        )
    )
    if training or study:
        st.caption(
            "Solid: validation."
            + (" Dashed: training." if training else "")
            + (" Dotted: published by the study." if study else "")
        )


def _pick_study(comparison: Comparison) -> list[str]:
    """The study's architectures whose published curves are drawn, at first those of these runs."""
    if not comparison.on_fer2013:
        st.caption(
            "The study's published curves are left out: these runs were tested on other faces."
        )
        return []
    present = {result.report.model for result in comparison.results}
    models = load_study().models
    shown = st.toggle(
        "Show the study's published curves",
        value=True,
        key="study_curves",
        disabled=not present.intersection(models),
    )
    return [model for model in models if model in present] if shown else []
