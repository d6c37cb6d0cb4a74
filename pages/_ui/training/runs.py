"""The Training page's runs that have ended, folded, newest first; those of sweeps are elsewhere."""

from collections.abc import Collection, Sequence

import streamlit as st

from emotion_core.access import Action
from emotion_core.runs.run import Run
from emotion_core.runs.trash import deleted_runs, purge_deleted, restore_run
from emotion_core.training import jobs
from emotion_core.training.queue import Job
from emotion_core.training.sweep import trial_of
from pages._ui.access import offers
from pages._ui.cache import update_links
from pages._ui.training.acts import act, button, stopping, watched
from pages._ui.training.run_panel import show_run, state_icon
from pages._ui.widgets import run_label, show_empty

_SHOWN = 12  # resting runs before "show all"


def show_resting_runs(found: Sequence[Job], sweeps: Collection[str]) -> None:
    """Runs that have ended, newest first; a run that the address names comes first and open.

    Args:
        found: All runs.
        sweeps: Names of the sweeps, whose runs are shown elsewhere.
    """
    st.header("Runs", anchor=False)
    show_notes()
    if not found:
        show_empty(
            "No runs yet. Choose an architecture above and start: the drawn faces need no data."
        )
        return
    resting = [job for job in found if not job.active and not _is_of(job, sweeps)]
    update_links("run")
    asked = st.query_params.get("run")
    resting.sort(key=lambda job: job.run.name != asked)
    show_all = st.session_state.get("train-all-runs", False)
    for job in resting if show_all else resting[:_SHOWN]:
        _show_resting_run(job, opened=job.run.name == asked)
    if len(resting) > _SHOWN:
        st.toggle(f"Show all {len(resting)} runs", key="train-all-runs")


def _is_of(job: Job, sweeps: Collection[str]) -> bool:
    place = trial_of(job.run.name)
    return place is not None and place[0] in sweeps


def _show_resting_run(job: Job, *, opened: bool) -> None:
    run, state = job.run, job.status.state
    stopping().discard(run.name)
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


def show_notes() -> None:
    """What the last click did, and the way back for what it took away."""
    if problem := st.session_state.get("train-problem"):
        st.error(problem, icon=":material/error:")
    if not offers(Action.CHANGE_RUN, says=False):
        return
    # Those of every tab, also after a reload; permanently each tab deletes its own alone.
    together: dict[str, list[str]] = {}
    for name in deleted_runs(within=jobs.UNDO_SECONDS):
        place = trial_of(name)
        together.setdefault(f"{place[0]}-" if place else name, []).append(name)
    for label, names in together.items():
        text = names[0] if len(names) == 1 else f"{len(names)} runs {label}…"
        with st.container(horizontal=True, vertical_alignment="center", key=f"undo-row-{label}"):
            st.markdown(f":material/delete: Deleted {text}.", width="content")
            st.button("Undo", key=f"undo-{label}", on_click=act, args=(_restore, names))
    deleted = st.session_state.get("train-deleted", [])
    if gone := [name for name in deleted_runs() if name in deleted]:
        count = f"{len(gone)} run{'s'[: len(gone) > 1]}"
        with st.popover("Delete permanently", icon=":material/delete_forever:", type="tertiary"):
            st.markdown(f"Delete {count} permanently? Nothing can bring them back.")
            st.button(
                f"Yes, delete {count}", key="purge", type="primary", on_click=act, args=(_purge,)
            )


def _delete(run: Run) -> None:
    name = run.name
    jobs.delete(run)
    st.session_state.setdefault("train-deleted", []).append(name)


def _restore(names: Sequence[str]) -> None:
    for name in names:
        restore_run(name)


def _purge() -> None:
    purge_deleted(names=st.session_state["train-deleted"])
