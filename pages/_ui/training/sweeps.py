"""The Training page's sweeps: one row each, which opens to its trials."""

from collections.abc import Sequence

import streamlit as st

from emotion_core import units
from emotion_core.access import Action
from emotion_core.evaluation.groups import Group, group_runs
from emotion_core.reporting.groups import score_text
from emotion_core.runs.run import Run
from emotion_core.text import plain
from emotion_core.training import jobs, searcher
from emotion_core.training.sweep_state import SweepState
from pages._ui.access import offers
from pages._ui.cache import hashes
from pages._ui.training.acts import act
from pages._ui.training.run_panel import state_icon
from pages._ui.training.sweep_panel import show_sweep, show_ways_on

_SHOWN = 8  # before "show all"


def show_sweeps(sweeps: Sequence[SweepState]) -> None:
    """A row per sweep, the newest first; nothing where there are none."""
    if not sweeps:
        return
    st.header("Sweeps", anchor=False)
    groups = {one.sweep.name: groups_of([job.run for job in one.jobs]) for one in sweeps}
    show_all = st.session_state.get("train-all-sweeps", False)
    for one in sweeps if show_all else sweeps[:_SHOWN]:
        _show_row(one, groups)
    if len(sweeps) > _SHOWN:
        st.toggle(f"Show all {len(sweeps)} sweeps", key="train-all-sweeps")


@st.cache_resource(
    show_spinner=False,
    max_entries=64,
    hash_funcs=hashes("config.json", "report.json", "metrics.jsonl"),
)
def groups_of(runs: list[Run]) -> list[Group]:
    """Finished runs by their settings without the seed, the best on validation first."""
    return group_runs(runs)


def _show_row(one: SweepState, groups: dict[str, list[Group]]) -> None:
    name, key = one.sweep.name, f"sweep-{one.sweep.name}"
    st.session_state[key] = st.session_state.get(key, False)  # else a new label would close it
    box = st.expander(
        _row_text(one, groups[name]),
        icon=state_icon("failed" if one.problem else one.state),
        on_change="rerun",
        key=key,
    )
    if not box.open:
        return
    with box:
        if one.problem:
            st.error(plain(one.problem, "markdown"), icon=":material/error:")
        with st.container(horizontal=True, vertical_alignment="center"):
            if groups[name]:
                show_ways_on(one, groups[name])
            _show_buttons(one)
        show_sweep(one, groups)


def _row_text(one: SweepState, groups: Sequence[Group]) -> str:
    """The row in words: state, name, trials, best."""
    sweep = one.sweep
    state = "" if one.state == "finished" else f"**{one.state}** · "
    if sweep.ranges:
        done = f"{one.ended} of {sweep.trials} trials"
        done += f", {sweep.seeds} seeds each" if sweep.seeds > 1 else ""
    else:
        finished = sum(job.status.state == "finished" for job in one.jobs)
        done = f"{finished} of {sweep.seeds} seeds"
    best = ""
    if groups:
        top = groups[0]
        which = "best validation" if sweep.ranges else "validation"
        best = f" · {which} {score_text(top)}, test {score_text(top, test=True)}"
    return f"{state}{plain(sweep.name, 'markdown')} · {done}{best}"


def _show_buttons(one: SweepState) -> None:
    if not offers(Action.TRAIN, says=False):
        return
    name = one.sweep.name
    if one.state == "running":
        st.button(
            "Stop",
            icon=":material/stop:",
            key=f"sweep-stop-{name}",
            on_click=act,
            args=(_stop, one),
            help="Runs that train finish their step and save; you can resume the sweep later.",
        )
    if one.state == "stopped":
        st.button(
            "Resume",
            icon=":material/play_arrow:",
            key=f"sweep-resume-{name}",
            on_click=act,
            args=(searcher.resume, name),
            help="Goes on with the trials that were left; none is trained twice.",
        )
    if one.state != "running":
        with st.popover("Delete", icon=":material/delete:", key=f"sweep-deletion-{name}"):
            count = units.several(len(one.jobs), "run")
            st.markdown(f"Delete the {count} of **{plain(name, 'markdown')}**?")
            st.button(
                f"Yes, delete {count}",
                key=f"sweep-delete-{name}",
                type="primary",
                on_click=act,
                args=(_delete, one),
            )


def _stop(one: SweepState) -> None:
    searcher.stop(one.sweep.name)


def _delete(one: SweepState) -> None:
    for job in one.jobs:
        jobs.delete(job.run)
        st.session_state.setdefault("train-deleted", []).append(job.run.name)
