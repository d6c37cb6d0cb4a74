"""A sweep on the Training page, opened: its trials, a paired test, its best settings, tables to copy."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import RunError
from emotion_core.evaluation.groups import Group, paired_group_tests
from emotion_core.plots.sweep import parallel_coordinates
from emotion_core.records import Scalar
from emotion_core.reporting import groups as tables
from emotion_core.reporting.settings import name_label, range_text
from emotion_core.runs.catalog import with_names
from emotion_core.text import plain
from emotion_core.training import searcher
from emotion_core.training.studies import TrialRow, sweeps_db, trial_rows
from emotion_core.training.sweep_state import SweepState
from pages._ui.access import offers
from pages._ui.cache import stamp
from pages._ui.training.prefill import prefill
from pages._ui.widgets import show_error, show_figure


def show_sweep(one: SweepState, groups: Mapping[str, list[Group]]) -> None:
    """An open row.

    Args:
        one: The sweep.
        groups: Of every sweep by name, each the best on validation first.
    """
    sweep, own = one.sweep, groups[one.sweep.name]
    st.caption(plain(_words(one), "markdown"))
    if sweep.ranges:
        try:
            trials = _trials(sweep.name, stamp(sweeps_db()))
        except RunError as error:  # Optuna is not installed
            show_error(error)
        else:
            _show_figure(one, trials)
            _show_trials(one, trials, own)
    else:
        _show_seeds(one)
    _show_paired_test(one, groups)
    if sweep.ranges and st.toggle("Log", key=f"sweep-log-{sweep.name}"):
        lines = searcher.log_tail(sweep.name, 15)
        st.code("\n".join(lines) or "Nothing logged yet.", language=None, wrap_lines=True)


def _words(one: SweepState) -> str:
    sweep, base = one.sweep, one.sweep.base
    if not sweep.ranges:
        return (
            f"{base.model} on {base.data}, seeds {base.seed} to {base.seed + sweep.seeds - 1}. "
            "± is the sample standard deviation over the seeds."
        )
    pruned = "Poor trials are pruned." if sweep.prune else "No trial is pruned."
    return (
        f"{base.model} on {base.data}. Varied: {'; '.join(map(range_text, sweep.ranges))}. {pruned}"
    )


@st.cache_data(show_spinner=False, max_entries=32)
def _trials(name: str, stamp: tuple[int, ...]) -> list[TrialRow]:
    return trial_rows(name)


def show_ways_on(one: SweepState, own: Sequence[Group]) -> None:
    """What can be taken from a sweep: its best settings, and its table."""
    name = one.sweep.name
    if offers(Action.TRAIN, says=False):
        st.button(
            "Best trial to the form" if one.sweep.ranges else "Settings to the form",
            icon=":material/edit_note:",
            key=f"sweep-form-{name}",
            on_click=_to_form,
            args=(one, own[0]),
            help="Fills the form above with the settings that are best on validation.",
        )
    with st.popover("Copy the table", icon=":material/content_copy:", key=f"sweep-copy-{name}"):
        varied = [item.name for item in one.sweep.ranges]
        cells = tables.group_cells(own, paired_group_tests(own), varied)
        for tab, write in zip(
            st.tabs(["Markdown", "LaTeX"]),
            (tables.groups_markdown, tables.groups_latex),
            strict=True,
        ):
            with tab:
                st.code(write(cells), language=None)


def _to_form(one: SweepState, best: Group) -> None:
    plain_run = {"name": "", "note": "", "tag": "", "seed": one.sweep.base.seed}
    prefill(with_names(best.runs[0]).replace(**plain_run).to_dict())
    st.session_state["train-vary"], st.session_state["train-seeds"] = [], 1
    st.toast(f"The form has the settings of {best.name}.", icon=":material/edit_note:")


def _show_figure(one: SweepState, trials: Sequence[TrialRow]) -> None:
    scored = [trial for trial in trials if not math.isnan(trial.score)]
    if len(scored) < 2:
        return
    labels = {item.name: name_label(item.name) for item in one.sweep.ranges}
    scale, axis = _score_axis(one.sweep.base.monitor)
    fig = parallel_coordinates(
        [trial.values for trial in scored], [scale * trial.score for trial in scored], labels, axis
    )
    best = max(scored, key=lambda trial: trial.score)
    show_figure(
        fig,
        f"sweep-{one.sweep.name}-trials",
        f"One line per trial. The best on validation, trial {best.number}, has "
        f"{', '.join(f'{labels[key]} {_short(value)}' for key, value in best.values.items())}.",
        [{"trial": t.number, **t.values, "score": t.score, "state": t.state} for t in trials],
    )


def _short(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _score_axis(monitor: str) -> tuple[float, str]:
    """What a score is multiplied by to be shown, and what it is called then."""
    names = {
        "accuracy": (100.0, "Validation accuracy (%)"),
        "macro_f1": (1.0, "Validation macro-F1"),
        "loss": (1.0, "Negative validation loss"),
    }
    return names.get(monitor, (1.0, "Last epoch"))


def _show_trials(one: SweepState, trials: Sequence[TrialRow], own: Sequence[Group]) -> None:
    scale, score = _score_axis(one.sweep.base.monitor)
    names = {run.name: group for group in own for run in group.runs}
    rows = []
    for trial in trials:
        found = [names.get(job.run.name) for job in one.trials.get(trial.number, [])]
        group = next((group for group in found if group), None)
        row: dict[str, object] = {"Trial": trial.number}
        row[score] = None if math.isnan(trial.score) else scale * trial.score
        row |= {name_label(key): value for key, value in trial.values.items()}
        row |= _test_columns(group) if group else {}
        rows.append(row | {"State": trial.state})
    if rows:
        frame = pd.DataFrame(rows).sort_values(score, ascending=False, na_position="last")
        _show_frame(frame, f"sweep-{one.sweep.name}-table")


def _show_seeds(one: SweepState) -> None:
    rows = []
    for job in one.jobs:
        report = job.run.readable_report()
        row: dict[str, object] = {"Run": job.run.name, "State": job.status.state}
        if report:
            row |= {
                "Test accuracy (%)": 100 * report.test.accuracy,
                "Macro-F1": report.test.macro_f1,
            }
        rows.append(row)
    if rows:
        _show_frame(pd.DataFrame(rows), f"sweep-{one.sweep.name}-table")


def _test_columns(group: Group) -> dict[str, object]:
    spread = group.accuracy.deviation
    return {
        "Test accuracy (%)": 100 * group.accuracy.mean,
        "±": None if math.isnan(spread) else 100 * spread,
        "Macro-F1": group.macro_f1.mean,
        "Seeds": len(group.runs),
    }


def _show_frame(frame: pd.DataFrame, key: str) -> None:
    digits = {"Test accuracy (%)": "%.1f", "±": "%.1f", "Macro-F1": "%.3f"}
    digits |= {_score_axis("accuracy")[1]: "%.1f"}
    st.dataframe(
        frame,
        hide_index=True,
        key=key,
        height="content" if len(frame) <= 10 else 390,
        placeholder="–",
        column_config={
            name: st.column_config.NumberColumn(format=text)
            for name, text in digits.items()
            if name in frame
        },
    )


def _show_paired_test(one: SweepState, groups: Mapping[str, list[Group]]) -> None:
    """Two groups of this or of other sweeps, by the seeds that both have."""
    own = groups[one.sweep.name]
    others = [group for name, found in groups.items() if name != one.sweep.name for group in found]
    known = {group.name: group for group in (*own, *others)}
    if not own or len(known) < 2:
        return
    with st.container(key=f"sweep-pair-{one.sweep.name}"):
        left, right = st.columns(2)
        with left:
            first = st.selectbox(
                "Paired test of", [group.name for group in own], key=f"sweep-a-{one.sweep.name}"
            )
        against = [name for name in known if name != first]
        with right:
            second = st.selectbox("Against", against, key=f"sweep-b-{one.sweep.name}")
        a, b = known[first], known[second]
        st.markdown(plain(tables.paired_sentence(a, b), "markdown"))
