"""The presentation: one step at a time, by arrow keys, without menu; it lives in the address."""

from pathlib import Path

import streamlit as st

from pages._ui.cache import finished_entries
from pages._ui.frame import open_stage, page_link
from pages._ui.present.steps import STEPS
from pages._ui.widgets import show_empty

_STYLE = Path(__file__).with_name("present.css")
_ON, _STEP = "present", "step"


def is_presenting() -> bool:
    """Whether the address asks for the presentation (``?present=1``)."""
    return st.query_params.get(_ON) == "1"


def show_start() -> None:
    """The button on the Overview that starts it."""
    st.button(
        "Present",
        icon=":material/slideshow:",
        type="primary",
        key="present-start",
        on_click=_go,
        args=(1,),
        help="Six steps for an audience: arrow keys move, Esc leaves.",
    )


def show_presentation() -> None:
    """The present step: its title, one sentence and one figure."""
    number = _number()
    step = STEPS[number - 1]
    open_stage(step.title)
    st.html(_STYLE)
    with st.container(horizontal=True, vertical_alignment="center", key="stage-bar"):
        st.title(step.title, anchor=False, width="stretch")
        st.button(
            "Back",
            shortcut="Left",
            disabled=number == 1,
            on_click=_go,
            args=(number - 1,),
            key="stage-back",
        )
        st.markdown(f"{number} / {len(STEPS)}", width="content")
        st.button(
            "Next",
            shortcut="Right",
            disabled=number == len(STEPS),
            on_click=_go,
            args=(number + 1,),
            key="stage-next",
        )
        st.button("Leave", shortcut="Escape", on_click=_leave, key="stage-leave")
    entries = finished_entries()
    if not entries:
        show_empty("There is no finished run to present yet.", "pages/training.py")
        return
    with st.container(key="stage"):
        step.show(entries)
    if number == len(STEPS):
        page_link("pages/live.py", "Open Live")


def _number() -> int:
    text = st.query_params.get(_STEP, "1")
    return min(max(int(text), 1), len(STEPS)) if text.isdecimal() else 1


def _go(number: int) -> None:
    st.query_params[_ON] = "1"
    st.query_params[_STEP] = str(number)


def _leave() -> None:
    st.query_params.clear()
