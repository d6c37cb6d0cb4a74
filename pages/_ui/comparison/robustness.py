"""The Comparison page's robustness: curves of degraded faces, and measurements to start."""

import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import DataError, EmotionError
from emotion_core.evaluation import robustness
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.corruptions import CORRUPTIONS
from emotion_core.evaluation.robustness import Robustness
from emotion_core.evaluation.transfer import load_transfer
from emotion_core.reporting.panels.robustness import robustness_matrix_panel, robustness_panel
from emotion_core.reporting.panels.transfer import transfer_panel
from emotion_core.runs.report import DataFacts
from emotion_core.runs.run import Run
from emotion_core.text import plain
from emotion_core.units import faces, percent
from pages._ui.access import offers
from pages._ui.cache import find_test_data, runs
from pages._ui.widgets import show_panel


def draw_robustness(comparison: Comparison) -> None:
    """Transfer, and accuracy on degraded faces, measured on demand."""
    transfers = {run.name: load_transfer(run) for run in _runs_of(comparison)}
    panel = transfer_panel(comparison, {name: found for name, found in transfers.items() if found})
    if panel:
        show_panel(panel)
    measured = robustness_of(comparison)
    if measured:
        everything = "mean of all"
        corruption = st.selectbox(
            "Corruption",
            [everything, *CORRUPTIONS],
            key="corruption",
            bind="query-params",
        )
        corruption = "" if corruption == everything else corruption
        left, right = st.columns([3, 2])
        with left:
            show_panel(robustness_panel(comparison, measured, corruption))
        with right:
            show_panel(robustness_matrix_panel(comparison, measured))
        counts = sorted({item.images for item in measured.values()})
        images = " to ".join(f"{count:,}" for count in dict.fromkeys([counts[0], counts[-1]]))
        st.caption(
            f"Measured on {images} test faces at strengths 1 to 5; mean over all: "
            + ", ".join(
                f"{result.label} {percent(measured[result.name].mean)}"
                for result in comparison.results
                if result.name in measured
            )
            + "."
        )
    _draw_jobs(comparison)


def _draw_jobs(comparison: Comparison) -> None:
    """Measurements of the runs; looks again by itself only while one is running."""
    running = any(
        robustness.robustness_task(run).state().kind == "running" for run in _runs_of(comparison)
    )
    st.fragment(_jobs, run_every=1.0 if running else None)(comparison)


def _jobs(comparison: Comparison) -> None:
    """One line per run: measure, progress, cancel. Redraws itself; a finished one redraws the page."""
    st.header("Measurements", anchor=False)
    offers(Action.MEASURE)
    labels = {result.name: result.label for result in comparison.results}
    finished = False
    waiting = st.session_state.setdefault("robustness_waiting", [])
    for run in _runs_of(comparison):
        task, result = robustness.robustness_task(run), robustness.load_robustness(run)
        state = task.state()
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"**{plain(labels[run.name], 'markdown')}**", width="content")
            if state.kind == "running":
                if run.name not in waiting:
                    waiting.append(run.name)
                st.progress(state.share, f"{percent(state.share, 0)} of the measurement")
                if offers(Action.MEASURE, says=False) and st.button(
                    "Cancel", key=f"stop-{run.name}", icon=":material/stop:"
                ):
                    task.stop()
                    waiting.clear()
                    st.rerun()
                continue
            if run.name in waiting:
                waiting.remove(run.name)
                finished = finished or state.kind == "none"
            if state.kind == "failed":
                st.error(plain(state.error, "markdown"), icon=":material/error:")
            elif result:
                st.markdown(
                    f"clean {percent(result.clean)}, degraded {percent(result.mean)} on average "
                    f"({faces(result.images)}, {result.date[:10]})"
                )
            elif not run.weights_path.exists():
                st.markdown(_without_weights(run))
                continue
            else:
                st.markdown("not measured yet")
            if offers(Action.MEASURE, says=False) and st.button(
                "Measure again" if result else "Measure",
                key=f"measure-{run.name}",
                icon=":material/play_arrow:",
                disabled=not run.weights_path.exists(),
            ):
                try:
                    _measure(run, comparison.results[0].report.data)
                except EmotionError as error:
                    st.toast(str(error), icon=":material/error:")
                st.rerun()
    if finished:
        st.rerun()


def _without_weights(run: Run) -> str:
    """Why a run cannot be measured, and which run of its architecture can."""
    said = "cannot be measured: its weights are not here."
    model = run.config().model
    others = [
        other.name
        for other in runs()
        if not other.problem and other.config().model == model and other.weights_path.exists()
    ]
    if others:
        said += f" Compare {plain(others[0], 'markdown')} instead, of the same architecture."
    return said


def _measure(run: Run, data: DataFacts) -> None:
    """Start a measurement on the faces of the compared test set, wherever they are here.

    Raises:
        DataError: they are not.
        RunError: the run is being measured already.
    """
    found = find_test_data([run])
    if found is None:
        raise DataError(
            f"The test faces of {data.name} are not on this machine. Choose them on the Dataset "
            "page."
        )
    robustness.start_robustness(run, data=found.source)


def robustness_of(comparison: Comparison) -> dict[str, Robustness]:
    """``robustness.json`` of the runs that have one, by name."""
    found = {run.name: robustness.load_robustness(run) for run in _runs_of(comparison)}
    return {name: values for name, values in found.items() if values}


def _runs_of(comparison: Comparison) -> list[Run]:
    """The compared runs whose folders are here, in the comparison's order."""
    by_name = {run.name: run for run in runs()}
    return [by_name[result.name] for result in comparison.results if result.name in by_name]
