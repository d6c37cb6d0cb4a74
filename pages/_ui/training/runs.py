"""The Training page's runs: those that train are followed by the second, all others folded below."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from emotion_core.access import Action
from emotion_core.data.faces import is_synthetic
from emotion_core.errors import EmotionError
from emotion_core.plots import training as plots
from emotion_core.runs.run import Run
from emotion_core.runs.trash import deleted_runs, purge_deleted, restore_run
from emotion_core.training import jobs
from emotion_core.training.queue import Job
from pages._ui.access import offers
from pages._ui.cache import update_links
from pages._ui.training.run_panel import show_log, show_run, show_state, state_icon
from pages._ui.training.watched import watched
from pages._ui.widgets import duration, page_theme, run_label, show_empty, synthetic_badge

_SHOWN_QUEUED = 8  # of each device
_SHOWN = 12  # resting runs before "show all"


def show_active_runs() -> None:
    """Runs at work and in the queue, at the top of the page, looked at once a second."""
    jobs.wake()
    names = [job.run.name for job in jobs.list_jobs() if job.active]
    st.fragment(_show_active_runs, run_every=1.0 if names else 5.0)(names)


def _show_active_runs(names: list[str]) -> None:
    active = [job for job in jobs.list_jobs() if job.active]
    if [job.run.name for job in active] != names:
        st.rerun()  # one has started or ended: the rest of the page changes, too
    if not active:
        return
    watched().update(names)
    st.header("Training now", anchor=False)
    for job in active:
        if job.position <= _SHOWN_QUEUED:
            _show_active_run(job)
    if hidden := sum(1 for job in active if job.position > _SHOWN_QUEUED):
        st.caption(f"{hidden} more queued. All: `python -m emotion_core jobs list`.")


def _show_active_run(job: Job) -> None:
    run, status = job.run, job.status
    stopping = run.name in _stopping()
    with st.container(border=True, key=f"job-{run.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            text = status.state
            if job.position:
                text = "queued, next" if job.position == 1 else f"queued, number {job.position}"
            show_state(status.state, "stopping" if stopping else text)
            st.markdown(f"**{run_label(run)}**", width="stretch")
            if is_synthetic(run.config().data):
                synthetic_badge()
            _show_stop(run, status.state, stopping)
        if status.state != "queued":
            _show_progress(job)
            show_log(run, "log-now")


def _show_stop(run: Run, state: str, stopping: bool) -> None:
    button(
        "stop",
        "Stop" if state == "running" else "Remove from queue",
        "stop",
        _stop,
        run,
        disabled=stopping,
        help="Finishes the step and saves; you can resume it later.",
    )
    if stopping:
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


def show_resting_runs() -> None:
    """Runs that have ended, newest first; a run that the address names comes first and open."""
    st.header("Runs", anchor=False)
    _show_notes()
    found = jobs.list_jobs()
    if not found:
        show_empty(
            "No runs yet. Choose an architecture above and start: the drawn faces need no data."
        )
        return
    resting = [job for job in found if not job.active]
    update_links("run")
    asked = st.query_params.get("run")
    resting.sort(key=lambda job: job.run.name != asked)
    show_all = st.session_state.get("train-all-runs", False)
    for job in resting if show_all else resting[:_SHOWN]:
        _show_resting_run(job, opened=job.run.name == asked)
    if len(resting) > _SHOWN:
        st.toggle(f"Show all {len(resting)} runs", key="train-all-runs")


def _show_resting_run(job: Job, *, opened: bool) -> None:
    run, state = job.run, job.status.state
    _stopping().discard(run.name)
    box = st.expander(
        f"{'' if state == 'finished' else f'**{state}** · '}{run_label(run)}",
        expanded=opened or run.name in watched(),  # it ended before the reader's eyes
        icon=state_icon(state),
        on_change="rerun",
        key=f"run-{run.name}-{state}",
    )
    if box.open:
        with box:
            show_run(job)
            with st.container(horizontal=True):
                if state in ("stopped", "failed") and not run.problem:
                    button("resume", "Resume", "play_arrow", jobs.resume, run)
                button("delete", "Delete", "delete", _delete, run)


def _show_notes() -> None:
    """What the last click did, and the way back for what it took away."""
    if problem := st.session_state.get("train-problem"):
        st.error(problem, icon=":material/error:")
    if not offers(Action.CHANGE_RUN, says=False):
        return
    # Those of every tab, also after a reload; permanently each tab deletes its own alone.
    for name in deleted_runs(within=jobs.UNDO_SECONDS):
        with st.container(horizontal=True, vertical_alignment="center", key=f"undo-row-{name}"):
            st.markdown(f":material/delete: Deleted {name}.", width="content")
            st.button("Undo", key=f"undo-{name}", on_click=act, args=(restore_run, name))
    deleted = st.session_state.get("train-deleted", [])
    if gone := [name for name in deleted_runs() if name in deleted]:
        count = f"{len(gone)} run{'s'[: len(gone) > 1]}"
        with st.popover("Delete permanently", icon=":material/delete_forever:", type="tertiary"):
            st.markdown(f"Delete {count} permanently? Nothing can bring them back.")
            st.button(
                f"Yes, delete {count}", key="purge", type="primary", on_click=act, args=(_purge,)
            )


def button(
    name: str,
    label: str,
    icon: str,
    action: Callable[[Run], Any],
    run: Run,
    *,
    disabled: bool = False,
    help: str | None = None,
) -> None:
    """A button of the owner's that does something to a run; ``name`` begins its key."""
    if not offers(Action.CHANGE_RUN, says=False):
        return
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"{name}-{run.name}",
        disabled=disabled,
        help=help,
        on_click=act,
        args=(action, run),
    )


def act(action: Callable[..., Any], *args: Any) -> None:
    """Do what a button says; a refusal is shown above the runs."""
    st.session_state.pop("train-problem", None)  # it stays until the next click, over refreshes
    try:
        action(*args)
    except (EmotionError, OSError) as error:  # such as a full disk
        st.session_state["train-problem"] = str(error)


def _stop(run: Run) -> None:
    jobs.stop(run)
    _stopping().add(run.name)


def _kill(run: Run) -> None:
    jobs.stop(run, force=True)


def _delete(run: Run) -> None:
    name = run.name
    jobs.delete(run)
    st.session_state.setdefault("train-deleted", []).append(name)


def _purge() -> None:
    purge_deleted(names=st.session_state["train-deleted"])


def _stopping() -> set[str]:
    """Names of the runs that were asked to stop in this browser tab."""
    found: set[str] = st.session_state.setdefault("train-stopping", set())
    return found
