"""What buttons of the Training page do to runs, and which runs this browser tab has seen."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from emotion_core.access import Action
from emotion_core.errors import EmotionError
from emotion_core.runs.run import Run
from pages._ui.access import offers


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


def stopping() -> set[str]:
    """Names of the runs that were asked to stop in this browser tab."""
    found: set[str] = st.session_state.setdefault("train-stopping", set())
    return found


def watched() -> set[str]:
    """Names of the runs that were at work while this browser tab was open."""
    found: set[str] = st.session_state.setdefault("train-watched", set())
    return found
