"""The Predictions page's choices: which run, and which view of it."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from emotion_core.errors import RunError
from emotion_core.evaluation.selection import Entry
from emotion_core.reporting.words import test_result
from emotion_core.runs.catalog import best_run
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui import run_picker
from pages._ui.cache import finished_entries, runs
from pages._ui.frame import page_link
from pages._ui.predictions.faces import draw_faces
from pages._ui.predictions.map import draw_map
from pages._ui.widgets import show_empty, synthetic_badge

_STYLE = Path(__file__).with_name("predictions.css")

VIEWS: dict[str, Callable[[Run, Report], None]] = {
    "Test faces": draw_faces,
    "Feature map": draw_map,
}


def pick_run() -> tuple[Run, Report]:
    """Choose a finished run; its headline below. Stops the page where there is none."""
    st.html(_STYLE)
    entries = finished_entries()
    if not entries:
        show_empty(
            "There is no finished run yet. Train one, and its predictions appear here.",
            "pages/training.py",
        )
        st.stop()
    run = run_picker.pick_run(entries, "Run", "run", lambda: _first(entries), query="run")
    report = run.require_report()
    with st.container(horizontal=True, vertical_alignment="center"):
        if report.data.synthetic:
            synthetic_badge()
        st.caption(plain(test_result(report), "markdown"), width="content")
        page_link("pages/run.py", "About this run", {"run": run.name})
    if broken := [item for item in runs() if item.problem]:
        with st.expander(f"{len(broken)} run folders cannot be read", icon=":material/warning:"):
            for item in broken:
                st.markdown(f"- {plain(item.problem, 'markdown')}")
    return run, report


def _first(entries: Sequence[Entry]) -> Run:
    """The best run that can be asked, else the newest."""
    with contextlib.suppress(RunError):  # no finished run has weights
        return best_run(runs=[run for run, _ in entries])
    return entries[0][0]


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
