"""On Live: runs by alias in the choice of models, and the stream that follows an alias as it plays."""

import time
from collections.abc import Mapping, Sequence

import streamlit as st

from emotion_core.errors import EmotionError, RunError
from emotion_core.runs.catalog import aliased_runs
from emotion_core.runs.registry import is_alias, target
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui.widgets import run_label, show_error

_FOLLOWED, _TOLD = "live-followed", "live-alias-told"
_TOLD_SECONDS = 60.0
_Followed = dict[str, tuple[str, str, str]]  # by alias: what the registry has, run's name, label


def choices(runs: Sequence[Run]) -> dict[str, Run]:
    """What can be chosen, and the run that it means: aliases first, then names.

    Args:
        runs: That can be used, newest first.
    """
    try:
        aliased = aliased_runs()
    except EmotionError as error:
        show_error(error)  # names can be chosen all the same
        aliased = {}
    usable = {run.path.resolve(): run for run in runs}
    found = {alias: usable.get(run.path.resolve(), run) for alias, run in aliased.items()}
    found = {alias: run for alias, run in found.items() if run.weights_path.exists()}
    return found | {run.name: run for run in runs}


def choice_label(choice: str, present: Mapping[str, Run]) -> str:
    """A choice as the list shows it; an alias keeps its text, since a list that changes while it
    is in use may lose the choice."""
    return choice if is_alias(choice) else run_label(present[choice])


def follow(chosen: Mapping[str, Run]) -> None:
    """Show and remember what the chosen aliases name now; tell of one that names another run than before.

    Args:
        chosen: The run of each choice in use, of which only aliases matter.
    """
    before: _Followed = st.session_state.get(_FOLLOWED, {})
    now = {
        item: (_target(item), run.name, plain(run_label(run), "markdown"))
        for item, run in chosen.items()
        if is_alias(item)
    }
    for alias, (_, name, label) in now.items():
        _, old, old_label = before.get(alias, now[alias])
        if old != name:
            text = f"**{alias}** is {label} now, and the stream uses it. It was {old_label}."
            st.session_state[_TOLD] = (text, time.monotonic())
    st.session_state[_FOLLOWED] = now
    if now:
        means = (f"**{alias}** is {label}" for alias, (*_, label) in now.items())
        st.caption(", ".join(means) + ".")


def show_followed() -> None:
    """Draw the page anew once an alias in use names another run, and tell it for a minute."""
    before: _Followed = st.session_state.get(_FOLLOWED, {})
    if any(_target(alias) != run for alias, (run, *_) in before.items()):
        st.rerun(scope="app")
    text, since = st.session_state.get(_TOLD, ("", 0.0))
    if text and time.monotonic() - since < _TOLD_SECONDS:
        st.caption(f":material/swap_horiz: {text}")


def _target(alias: str) -> str:
    try:
        return target(alias)
    except RunError:
        return ""  # the choice of models tells what is wrong with the registry
