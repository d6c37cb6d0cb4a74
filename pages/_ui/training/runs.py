"""The Training page's list of runs: live progress and curves, stop, resume, delete, undo."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from emotion_core.data.faces import is_synthetic
from emotion_core.errors import EmotionError
from emotion_core.plots import training as plots
from emotion_core.runs.run import Run, best_epoch
from emotion_core.runs.trash import deleted_runs, purge_deleted, restore_run
from emotion_core.training import jobs
from emotion_core.training.jobs import Job
from emotion_core.training.refit import refit_config
from pages._ui.cache import report_of
from pages._ui.widgets import (
    duration,
    empty,
    figure,
    percent_interval,
    run_label,
    synthetic_badge,
)

STATE_LOOKS = {
    "queued": ("hourglass_empty", "gray"),
    "running": ("play_circle", "blue"),
    "stopped": ("pause_circle", "orange"),
    "finished": ("check_circle", "green"),
    "failed": ("error", "red"),
}
_SHOWN = 12  # resting runs before "show all"


def draw_jobs() -> None:
    """All runs, followed by the second while one is at work."""
    active = any(job.active for job in jobs.list_jobs())
    st.fragment(_draw_jobs, run_every=1.0 if active else 5.0)(active)


def _draw_jobs(was_active: bool) -> None:
    found = jobs.list_jobs()
    active = [job for job in found if job.active]
    if bool(active) != was_active:
        st.rerun()  # the pace of this fragment changes
    watched().update(job.run.name for job in active)
    _draw_notes()
    if not found:
        empty("No runs yet. Choose an architecture above and start: the drawn faces need no data.")
        return
    for job in active:
        _draw_active(job)
    resting = [job for job in found if not job.active]
    if resting and active:
        st.caption("Earlier runs")
    show_all = st.session_state.get("all-runs", False)
    for job in resting if show_all else resting[:_SHOWN]:
        _draw_resting(job)
    if len(resting) > _SHOWN:
        st.toggle(f"Show all {len(resting)} runs", key="all-runs")


def _draw_active(job: Job) -> None:
    run, status = job.run, job.status
    stopping = run.name in _stopping()
    with st.container(border=True, key=f"job-{run.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            text = status.state
            if job.position:
                text = "queued, next" if job.position == 1 else f"queued, number {job.position}"
            _state_badge(status.state, "stopping" if stopping else text)
            st.markdown(f"**{run_label(run)}**", width="stretch")
            if is_synthetic(run.config().data):
                synthetic_badge()
            _button(
                "stop",
                "Stop" if status.state == "running" else "Leave the queue",
                "stop",
                _stop,
                run,
                disabled=stopping,
                help="Finishes the step and saves; you can resume it later.",
            )
            if stopping:
                text = "For a trainer that does not answer. It resumes from its last save."
                _button("kill", "Kill", "dangerous", _kill, run, help=text)
        if status.state == "queued":
            return
        steps = status.epoch + (status.step / status.steps if status.steps else 0)
        share = min(1.0, steps / max(status.epochs, 1))
        now = f"Epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}"
        if not status.steps:
            asking = status.teachers_asked > 0
            st.progress(
                status.teachers_asked, text="Asking the teachers" if asking else "Loading the faces"
            )
            _draw_log(run)
            return
        rest = f"step {status.step} of {status.steps} · {status.images_per_second:,.0f} images/s"
        left = f"{duration(status.seconds_left)} left" if share < 1 else "measuring on test"
        now = f"{now} · {rest}" if share < 1 else "All epochs done"
        st.progress(share, text=f"{now} · {left} · {status.device}")
        rows, progress = run.metrics(), run.progress()
        for column, metric in zip(st.columns(2), plots.METRICS, strict=True):
            unit = " (%)" if metric == "accuracy" else ""
            with column:
                st.caption(plots.METRICS[metric] + unit)
                st.vega_lite_chart(
                    plots.growing_chart(rows, progress, metric),
                    alt=f"{plots.METRICS[metric]} of {run.name} by epoch, train and validation",
                )
        _draw_log(run)


def _draw_resting(job: Job) -> None:
    run, status = job.run, job.status
    _stopping().discard(run.name)
    icon, _ = STATE_LOOKS[status.state]
    report = None if run.problem else report_of(run)
    label = f"**{status.state}** · {run_label(run)}"
    if report:
        label += f" · {report.test.accuracy:.1%} on test"
    box = st.expander(
        label,
        expanded=run.name in watched(),  # it ended before the reader's eyes
        icon=f":material/{icon}:",
        on_change="rerun",
        key=f"run-{run.name}-{status.state}",
    )
    if not box.open:
        return
    with box:
        if status.error:
            st.error(status.error, icon=":material/error:")
        if report:
            with st.container(horizontal=True, vertical_alignment="center"):
                _state_badge(status.state, status.state)
                if report.data.synthetic:
                    synthetic_badge()
                test = report.test
                accuracy = percent_interval(test.accuracy, test.accuracy_ci95)
                st.markdown(f"Test accuracy **{accuracy}**, macro-F1 **{test.macro_f1:.3f}**")
        rows = [] if run.problem else run.metrics()
        if rows:
            monitor = run.config().monitor
            best = best_epoch(rows, monitor)
            for column, metric in zip(st.columns(2), plots.METRICS, strict=True):
                with column:
                    fig = plots.curve(rows, metric, best_epoch=best)
                    figure(fig, key=f"{metric}-{run.name}")
            planned = None if status.state == "finished" else run.config().epochs
            st.caption(plots.reading(rows, monitor, planned))
        elif not status.error:
            st.caption("No epoch was finished.")
        _draw_log(run, expanded=status.state == "failed")
        with st.container(horizontal=True):
            if status.state in ("stopped", "failed") and not run.problem:
                _button("resume", "Resume", "play_arrow", jobs.resume, run)
            if status.state == "finished" and rows and report and not run.config().refit:
                _button(
                    "refit",
                    "Refit",
                    "model_training",
                    _refit,
                    run,
                    help="When choosing is over: train it once more as it was, on its training and "
                    "validation faces together. It becomes a run of its own.",
                )
            _button("delete", "Delete", "delete", _delete, run)


def _draw_log(run: Run, *, expanded: bool = False) -> None:
    """The end of the trainer's log; a toggle, because expanders do not nest."""
    if st.toggle("Log", value=expanded, key=f"log-{run.name}-{expanded}"):
        lines = run.log_tail(15)
        st.code("\n".join(lines) or "Nothing logged yet.", language=None, wrap_lines=True)


def _state_badge(state: str, text: str) -> None:
    icon, color = STATE_LOOKS[state]
    st.badge(text, icon=f":material/{icon}:", color=color)  # type: ignore[arg-type]


def _draw_notes() -> None:
    """What the last click did, and the way back for what it took away."""
    if problem := st.session_state.get("job-problem"):
        st.error(problem, icon=":material/error:")
    # Those of every tab, also after a reload; for good each tab deletes its own alone.
    for name in deleted_runs(within=jobs.UNDO_SECONDS):
        with st.container(horizontal=True, vertical_alignment="center", key=f"undo-row-{name}"):
            st.markdown(f":material/delete: Deleted {name}.", width="content")
            st.button("Undo", key=f"undo-{name}", on_click=_act, args=(restore_run, name))
    deleted = st.session_state.get("deleted-runs", [])
    if any(name in deleted for name in deleted_runs()):
        st.button("Delete for good", key="purge", type="tertiary", on_click=_act, args=(_purge,))


def _button(
    name: str,
    label: str,
    icon: str,
    action: Callable[[Run], Any],
    run: Run,
    *,
    disabled: bool = False,
    help: str | None = None,
) -> None:
    """A button that does something to a run; ``name`` begins its key."""
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"{name}-{run.name}",
        disabled=disabled,
        help=help,
        on_click=_act,
        args=(action, run),
    )


def _act(action: Callable[..., Any], *args: Any) -> None:
    """Do what a button says; a refusal is shown above the runs."""
    st.session_state.pop("job-problem", None)  # it stays until the next click, over refreshes
    try:
        action(*args)
    except (EmotionError, OSError) as error:  # such as a full disk
        st.session_state["job-problem"] = str(error)


def _stop(run: Run) -> None:
    jobs.stop(run)
    _stopping().add(run.name)


def _refit(run: Run) -> None:
    watched().add(jobs.start(refit_config(run)).name)


def _kill(run: Run) -> None:
    jobs.stop(run, force=True)


def _delete(run: Run) -> None:
    jobs.delete(run)
    st.session_state.setdefault("deleted-runs", []).append(run.name)


def _purge() -> None:
    purge_deleted(names=st.session_state["deleted-runs"])


def _stopping() -> set[str]:
    """Names of the runs that were asked to stop in this browser tab."""
    found: set[str] = st.session_state.setdefault("stopping-runs", set())
    return found


def watched() -> set[str]:
    """Names of the runs that were at work while this browser tab was open."""
    found: set[str] = st.session_state.setdefault("watched-runs", set())
    return found
