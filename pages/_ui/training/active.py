"""The Training page's runs at work, followed by the second, and the queue behind them."""

from collections.abc import Sequence

import streamlit as st

from emotion_core.data.faces import is_synthetic
from emotion_core.plots import training as plots
from emotion_core.runs.run import Run
from emotion_core.training import jobs
from emotion_core.training.queue import Job
from emotion_core.training.sweep_state import SweepState, sweep_states
from pages._ui.cache import runs
from pages._ui.training.acts import button, stopping, watched
from pages._ui.training.run_panel import show_log, show_state
from pages._ui.widgets import duration, page_theme, run_label, synthetic_badge

_SHOWN_QUEUED = 8  # of each device


def show_active_runs() -> tuple[list[Job], list[SweepState]]:
    """Runs at work and in the queue, at the top of the page, looked at once a second.

    Returns:
        All runs and all sweeps, for the rest of the page.
    """
    jobs.wake(runs=runs())
    found, sweeps = _look()
    busy = any(job.active for job in found)
    st.fragment(_show_active_runs, run_every=1.0 if busy else 5.0)(_names(found, sweeps))
    return found, sweeps


def _look() -> tuple[list[Job], list[SweepState]]:
    found = jobs.list_jobs(runs=runs())
    return found, sweep_states(found)


def _names(found: Sequence[Job], sweeps: Sequence[SweepState]) -> list[str]:
    """What is at work: when it changes, so does the rest of the page."""
    names = [job.run.name for job in found if job.active]
    return names + [f"{one.sweep.name} {one.state} {one.problem}" for one in sweeps]


def _show_active_runs(names: list[str]) -> None:
    found, sweeps = _look()
    if _names(found, sweeps) != names:
        st.rerun()
    active = [job for job in found if job.active]
    if not active:
        return
    watched().update(job.run.name for job in active)
    st.header("Training now", anchor=False)
    boxes = _boxes(active, sweeps)
    for job in boxes:
        _show_active_run(job)
    if hidden := len(active) - len(boxes):
        st.caption(f"{hidden} more queued or running. All: `python -m emotion_core jobs list`.")


def _boxes(active: Sequence[Job], sweeps: Sequence[SweepState]) -> list[Job]:
    """The runs that are shown: of a sweep the first at work alone, of all others the next ones."""
    shown = [job for job in active if job.position <= _SHOWN_QUEUED]
    for one in sweeps:
        members = {job.run.name for job in one.jobs}
        first = next((job for job in shown if job.run.name in members and not job.position), None)
        shown = [job for job in shown if job.run.name not in members or job is first]
    return shown


def _show_active_run(job: Job) -> None:
    run, status = job.run, job.status
    asked = run.name in stopping()
    with st.container(border=True, key=f"job-{run.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            text = status.state
            if job.position:
                text = "queued, next" if job.position == 1 else f"queued, number {job.position}"
            show_state(status.state, "stopping" if asked else text)
            st.markdown(f"**{run_label(run)}**", width="stretch")
            if is_synthetic(run.config().data):
                synthetic_badge()
            _show_stop(run, status.state, asked)
        if status.state != "queued":
            _show_progress(job)
            show_log(run, "log-now")


def _show_stop(run: Run, state: str, asked: bool) -> None:
    button(
        "stop",
        "Stop" if state == "running" else "Remove from queue",
        "stop",
        _stop,
        run,
        disabled=asked,
        help="Finishes the step and saves; you can resume it later.",
    )
    if asked:
        text = "For a trainer that does not answer. It resumes from its last save."
        button("kill", "Force stop", "dangerous", _kill, run, help=text)


def _show_progress(job: Job) -> None:
    run, status = job.run, job.status
    if not status.steps:
        asking = status.teachers_asked > 0
        text = "Computing teacher predictions" if asking else "Loading the faces"
        st.progress(status.teachers_asked, text=text)
        return
    steps = status.epoch + status.step / status.steps
    share = min(1.0, steps / max(status.epochs, 1))
    if share < 1:
        text = (
            f"Epoch {min(status.epoch + 1, status.epochs)} of {status.epochs} · step "
            f"{status.step} of {status.steps} · {status.images_per_second:,.0f} images/s · "
            f"{duration(status.seconds_left)} left"
        )
    else:
        text = "All epochs done · measuring on test"
    st.progress(share, text=f"{text} · {status.device}")
    rows, progress = run.metrics(), run.progress()
    for column, metric in zip(st.columns(2), plots.METRICS, strict=True):
        with column:
            st.subheader(plots.title(metric), anchor=False)
            st.vega_lite_chart(
                plots.growing_chart(
                    rows, progress, metric, epochs=status.epochs, theme=page_theme()
                ),
                theme=None,
                alt=f"{plots.METRICS[metric]} of {run.name} by epoch, train and validation",
            )


def _stop(run: Run) -> None:
    jobs.stop(run)
    stopping().add(run.name)


def _kill(run: Run) -> None:
    jobs.stop(run, force=True)
