"""The Comparison page's robustness: curves of spoilt faces, and measurements to start."""

from typing import Any

import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.evaluation import robustness
from emotion_core.evaluation.compare import Comparison
from emotion_core.plots.comparison.robustness import robustness_matrix_panel, robustness_panel
from pages._ui.state import runs
from pages._ui.widgets import draw_panel, percent


def draw_robustness(comparison: Comparison) -> None:
    """Accuracy on spoilt faces, measured on demand."""
    by_name = {run.name: run for run in runs()}
    here = [
        (result, by_name[result.name]) for result in comparison.results if result.name in by_name
    ]
    states = {result.name: robustness.state_of(run) for result, run in here}
    measured = {name: state.result for name, state in states.items() if state.result}
    if measured:
        everything = "mean of all"
        corruption = st.selectbox(
            "Corruption",
            [everything, *robustness.CORRUPTIONS],
            key="corruption",
            bind="query-params",
        )
        corruption = "" if corruption == everything else corruption
        left, right = st.columns([3, 2])
        with left:
            draw_panel(robustness_panel(comparison, measured, corruption))
        with right:
            draw_panel(robustness_matrix_panel(comparison, measured))
        images = min(item["images"] for item in measured.values())
        st.caption(
            f"Measured on {images:,} test faces at strengths 1 to 5; mean over all: "
            + ", ".join(
                f"{result.label} {percent(measured[result.name]['mean'])}"
                for result in comparison.results
                if result.name in measured
            )
            + "."
        )
    _draw_jobs(comparison)


def _draw_jobs(comparison: Comparison) -> None:
    """Measurements of the runs; looks again by itself only while one is running."""
    by_name = {run.name: run for run in runs()}
    running = any(
        robustness.state_of(by_name[result.name]).kind == "running"
        for result in comparison.results
        if result.name in by_name
    )
    st.fragment(_jobs, run_every=1.0 if running else None)(comparison)


def _jobs(comparison: Comparison) -> None:
    """A line a run: measure, progress, cancel. Redraws itself; a finished one redraws the page."""
    st.markdown("##### Measurements")
    by_name = {run.name: run for run in runs()}
    finished = False
    waiting = st.session_state.setdefault("robustness_waiting", [])
    for result in comparison.results:
        run = by_name.get(result.name)
        if run is None:
            continue
        state = robustness.state_of(run)
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"**{result.label}**", width="content")
            if state.kind == "running":
                if run.name not in waiting:
                    waiting.append(run.name)
                st.progress(state.share, f"{state.share:.0%} of the measurement")
                if st.button("Cancel", key=f"stop-{run.name}", icon=":material/stop:"):
                    robustness.stop(run)
                    waiting.clear()
                    st.rerun()
            else:
                if run.name in waiting:
                    waiting.remove(run.name)
                    finished = finished or state.kind == "done"
                if state.kind == "failed":
                    st.error(state.error, icon=":material/error:")
                elif state.result:
                    clean, mean = state.result["clean"], state.result["mean"]
                    st.markdown(
                        f"clean {percent(clean)}, spoilt {percent(mean)} on average "
                        f"({state.result['images']:,} faces, {state.result['date'][:10]})"
                    )
                else:
                    st.markdown("not measured yet")
                if st.button(
                    "Measure again" if state.result else "Measure",
                    key=f"measure-{run.name}",
                    icon=":material/play_arrow:",
                    disabled=not run.weights_path.exists(),
                    help=None if run.weights_path.exists() else "This run has no weights here.",
                ):
                    try:
                        robustness.start(run)
                    except EmotionError as error:
                        st.toast(str(error), icon=":material/error:")
                    st.rerun()
    if finished:
        st.rerun()


def robustness_of(comparison: Comparison) -> dict[str, dict[str, Any]]:
    by_name = {run.name: run for run in runs()}
    found = {}
    for result in comparison.results:
        values = (
            robustness.load_robustness(by_name[result.name]) if result.name in by_name else None
        )
        if values:
            found[result.name] = values
    return found
