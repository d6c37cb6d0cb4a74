"""The Predictions page's choices: which run, and which view of it."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from emotion_core.errors import RunError
from emotion_core.reporting.words import test_result
from emotion_core.runs.catalog import best_run
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui.cache import finished_runs, runs, update_links
from pages._ui.predictions.faces import draw_faces
from pages._ui.predictions.map import draw_map
from pages._ui.widgets import run_label, show_empty, synthetic_badge

_STYLE = Path(__file__).with_name("predictions.css")

VIEWS: dict[str, Callable[[Run, Report], None]] = {
    "Test faces": draw_faces,
    "Feature map": draw_map,
}


def pick_run() -> tuple[Run, Report]:
    """Choose a finished run; its headline below. Stops the page where there is none."""
    st.html(_STYLE)
    found = {run.name: run for run in finished_runs()}
    if not found:
        show_empty(
            "There is no finished run yet. Train one, and its predictions appear here.",
            "pages/training.py",
        )
        st.stop()
    update_links("run")
    if st.session_state.get("run") not in found:  # the first visit, or the run is gone
        st.session_state["run"] = _first(found, st.query_params.get("run", ""))
    name = st.selectbox(
        "Run",
        list(found),
        format_func=lambda name: run_label(found[name]) if name in found else name,
        key="run",
    )
    st.query_params["run"] = str(name)
    run = found[str(name)]
    report = run.require_report()
    with st.container(horizontal=True, vertical_alignment="center"):
        if report.data.synthetic:
            synthetic_badge()
        st.caption(plain(test_result(report), "markdown"))
    broken = [run for run in runs() if run.problem]
    if broken:
        with st.expander(f"{len(broken)} run folders cannot be read", icon=":material/warning:"):
            for item in broken:
                st.markdown(f"- {plain(item.problem, 'markdown')}")
    return run, report


def _first(found: dict[str, Run], wanted: str) -> str:
    """The run of the page's address, else the best one that can be asked, else the newest."""
    if wanted in found:
        return wanted
    with contextlib.suppress(RunError):  # no finished run has weights
        return best_run(runs=list(found.values())).name
    return next(iter(found))


def pick_view() -> str:
    """What to look at; only that is computed."""
    return str(
        st.segmented_control(
            "View",
            list(VIEWS),
            default=next(iter(VIEWS)),
            key="view",
            required=True,
            label_visibility="collapsed",
            bind="query-params",
        )
    )
