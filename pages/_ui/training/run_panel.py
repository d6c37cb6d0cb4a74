"""A run on the Training page: its state, result, curves, settings and log."""

from typing import Literal

import streamlit as st

from emotion_core import units
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.text import plain
from emotion_core.training.queue import Job
from pages._ui.cache import report_of
from pages._ui.frame import page_link
from pages._ui.run.actions import show_ways_on
from pages._ui.run.results import show_curves
from pages._ui.run.settings import show_settings
from pages._ui.widgets import synthetic_badge

_Color = Literal["gray", "blue", "orange", "green", "red"]
_STATES: dict[str, tuple[str, _Color]] = {
    "queued": ("hourglass_empty", "gray"),
    "running": ("play_circle", "blue"),
    "stopped": ("pause_circle", "orange"),
    "finished": ("check_circle", "green"),
    "failed": ("error", "red"),
}


def state_icon(state: str) -> str:
    """The icon of a run's state."""
    return f":material/{_STATES[state][0]}:"


def show_state(state: str, text: str) -> None:
    """A badge with the state's icon and colour."""
    st.badge(text, icon=state_icon(state), color=_STATES[state][1])


def show_run(job: Job) -> None:
    """A run that has ended."""
    run, status = job.run, job.status
    if status.error:
        st.error(plain(status.error, "markdown"), icon=":material/error:")
    if run.problem:
        show_log(run, expanded=True)
        return
    report = report_of(run)
    _show_result(run, report)
    show_ways_on(run)
    curves, settings = st.tabs(["Curves", "Settings"], key=f"run-tabs-{run.name}")
    with curves:
        if report or not status.error or run.metrics():
            show_curves(run, report)
    with settings:
        show_settings(run)
    show_log(run, expanded=status.state == "failed")


def _show_result(run: Run, report: Report | None) -> None:
    if report is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if report.data.synthetic:
            synthetic_badge()
        test = report.test
        accuracy = units.percent_interval(test.accuracy, test.accuracy_ci95)
        st.markdown(
            f"Test accuracy **{accuracy}**, macro-F1 **{units.score(test.macro_f1)}**, on "
            f"{units.faces(test.n)} of {plain(report.data.name, 'markdown')}.",
            width="content",
        )
        page_link("pages/run.py", "Open the run", {"run": run.name})


def show_log(run: Run, key: str = "log", *, expanded: bool = False) -> None:
    """The end of the trainer's log; a toggle, because expanders do not nest."""
    if st.toggle("Log", value=expanded, key=f"{key}-{run.name}-{expanded}"):
        lines = run.log_tail(15)
        st.code("\n".join(lines) or "Nothing logged yet.", language=None, wrap_lines=True)
