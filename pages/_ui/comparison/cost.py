"""The Comparison page's cost: accuracy against time, size and training."""

import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import EmotionError
from emotion_core.evaluation.compare import Comparison
from emotion_core.reporting.columns import COST
from emotion_core.reporting.panels.cost import COSTS, cost_panel
from emotion_core.reporting.rows import result_row
from pages._ui.access import offers
from pages._ui.cache import runs
from pages._ui.tables import show_table
from pages._ui.widgets import show_panel


def draw_cost(comparison: Comparison) -> None:
    """Accuracy against what it costs, with the Pareto front; latency again on this machine."""
    names = {title: key for key, (title, _, _) in COSTS.items()}
    cost = names[
        st.segmented_control(
            "Cost",
            list(names),
            default=next(iter(names)),
            key="cost",
            required=True,
            label_visibility="collapsed",
            bind="query-params",
        )
    ]
    measured = st.session_state.setdefault("latency", {})
    show_panel(cost_panel(comparison.results, cost, remeasured=measured))
    if offers(Action.MEASURE) and st.button(
        "Measure latency on this machine",
        icon=":material/timer:",
        help="One face on one CPU thread through the fastest backend. Takes a few seconds per run.",
    ):
        _measure_latency(comparison, measured)
        st.rerun()
    rows = [
        result_row(result) | {"latency_here": measured.get(result.name)}
        for result in comparison.results
    ]
    show_table(COST, rows, "cost-table")


def _measure_latency(comparison: Comparison, measured: dict[str, float]) -> None:
    from emotion_core.models.latency import measure_latency

    by_name = {run.name: run for run in runs()}
    bar = st.progress(0.0, "Measuring latency")
    for index, result in enumerate(comparison.results):
        bar.progress(index / len(comparison.results), f"Measuring {result.label}")
        run = by_name.get(result.name)
        if run is None or not run.weights_path.exists():
            continue
        try:
            measured[result.name] = measure_latency(run).median_ms
        except EmotionError as error:
            st.toast(str(error), icon=":material/error:")
    bar.empty()
    if not any(result.name in measured for result in comparison.results):
        st.toast("None of these runs has weights to measure.", icon=":material/info:")
