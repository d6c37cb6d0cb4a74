"""Tab Improve: go on from the champion, see whether it got better, promote or roll back."""

import streamlit as st

from emotion_core.access import Action, allowed, refusal
from emotion_core.collect import gate as gates
from emotion_core.collect import improve
from emotion_core.collect.store import Summary
from emotion_core.data.collection_file import COLLECTION_SPEC
from emotion_core.errors import EmotionError
from emotion_core.runs import registry
from emotion_core.runs.catalog import champion, known_as
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui import cache
from pages._ui.frame import page_link
from pages._ui.widgets import duration, run_label, show_error

_GATE = {"True": "passed", "False": "refused"}


def show_improve(chosen: Summary) -> None:
    """The champion, a button that improves it, and the verdict on each improved run."""
    try:
        now = champion()
    except EmotionError as error:
        show_error(error)
        _show_rollback()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/trophy: **@champion** is {plain(run_label(now), 'markdown')}")
        _show_rollback()
    _show_start(chosen, now)
    found = [run for run in cache.runs() if not run.problem and _learned(run, chosen.name)]
    for run in found:
        _show_run(run, now)
    _show_history()


def _show_start(chosen: Summary, now: Run) -> None:
    try:
        config = improve.improve_config(chosen.name)
    except EmotionError as error:
        st.info(plain(error, "markdown"), icon=":material/info:")
        return
    st.caption(
        f"Trains {plain(now.name, 'markdown')} for {config.epochs} more epochs on the confirmed faces "
        f"of {chosen.name}, each up to {improve.REPEATS} times an epoch, every time among "
        f"{improve.REPLAY} earlier faces. Held-out sessions are not learned: they show whether the "
        "model improved. Confirm faces that it classifies correctly as well: the same number of "
        "randomly drawn faces teaches it more than its mistakes alone."
    )
    if st.button(
        "Improve the champion",
        type="primary",
        icon=":material/model_training:",
        disabled=not allowed(Action.TRAIN),
        help=None if allowed(Action.TRAIN) else refusal(Action.TRAIN),
    ):
        try:
            improve.start_improving(config)
        except EmotionError as error:
            show_error(error)
        else:
            st.rerun()


def _show_run(run: Run, now: Run) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(run.name, 'markdown')}** {plain(run.config().note, 'markdown')}")
        status = run.status()
        if status.state in ("queued", "running"):
            _watch(run)
        elif status.state != "finished":
            st.error(plain(f"{status.state}. {status.error}", "markdown"))
        elif run == now:
            st.success("It is the champion.")
        else:
            _show_gate(run, now)


@st.fragment(run_every=1.0)
def _watch(run: Run) -> None:
    status = run.status()
    if status.state not in ("queued", "running"):
        st.rerun()
    done = (status.epoch + status.step / max(status.steps, 1)) / max(status.epochs, 1)
    left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
    st.progress(min(done, 1.0), f"{status.state}, epoch {status.epoch} of {status.epochs}{left}")
    rows = run.metrics()
    if rows:
        st.line_chart(
            {"training": [row["train_accuracy"] for row in rows],
             "validation": [row["val_accuracy"] for row in rows]},
            height=200,
        )  # fmt: skip
    page_link("pages/training.py", "All jobs")


def _show_gate(run: Run, now: Run) -> None:
    """The verdict, and the buttons that follow from it."""
    try:
        gate = _gate(now, run)
    except EmotionError as error:
        show_error(error)
        return
    for sentence in gate.words():
        st.markdown(f"- {plain(sentence, 'markdown')}")
    for sentence in gate.refusals:
        st.warning(plain(sentence, "markdown"), icon=":material/block:")
    reason = ""
    if not gate.passed:
        reason = st.text_input(
            "Reason to promote it anyway",
            key=f"collect-anyway-{run.id}",
            placeholder="kept in the history",
        )
    label = "Promote" if gate.passed else "Promote anyway"
    if st.button(
        label,
        key=f"collect-promote-{run.id}",
        type="primary" if gate.passed else "secondary",
        disabled=not allowed(Action.PROMOTE) or not (gate.passed or reason.strip()),
        help=None if allowed(Action.PROMOTE) else refusal(Action.PROMOTE),
    ):
        try:
            improve.promote(run, anyway=reason)
        except EmotionError as error:
            show_error(error)
        else:
            st.rerun()


@st.cache_data(
    show_spinner="Comparing old and new",
    max_entries=16,
    hash_funcs=cache.hashes(*cache.MODEL_FILES, "predictions.npz"),
)
def _gate(old: Run, new: Run) -> gates.Gate:
    return gates.check(old, new)


def _show_rollback() -> None:
    previous = registry.read_registry().aliases.get(registry.PREVIOUS)
    if previous and st.button(
        f"Roll back to {known_as(previous)}",
        icon=":material/undo:",
        disabled=not allowed(Action.PROMOTE),
        help=None if allowed(Action.PROMOTE) else refusal(Action.PROMOTE),
    ):
        try:
            registry.rollback()
        except EmotionError as error:
            show_error(error)
        else:
            st.rerun()


def _show_history() -> None:
    history = registry.read_registry().history
    if not history:
        return
    with st.expander("History"):
        st.dataframe(
            [
                {
                    "when": entry.when[:16].replace("T", " "),
                    "who": entry.who,
                    "what": entry.action,
                    "alias": entry.alias,
                    "run": known_as(entry.run) if entry.run else "",
                    "reason": entry.forced or entry.why,
                    "gate": _GATE.get(str(entry.gate.get("passed")), ""),
                }
                for entry in reversed(history)
            ],
            hide_index=True,
        )


def _learned(run: Run, name: str) -> bool:
    return any(
        source.removeprefix(COLLECTION_SPEC).partition("#")[0] == name
        for source in gates.collections_of(run)
    )
