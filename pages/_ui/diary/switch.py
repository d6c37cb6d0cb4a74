"""The diary's switch: what is kept and where, said before anything is kept."""

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.errors import EmotionError
from emotion_core.personal import diary
from emotion_core.personal.database import diary_path
from emotion_core.personal.entries import DiaryStatus
from emotion_core.units import several
from pages._ui.widgets import show_error

DEMO = "diary-demo"


def kept_sentence() -> str:
    """What is kept, where, and for how long."""
    return (
        "The diary keeps numbers, never pictures: while Live plays, an average of your expressions "
        "for each minute, the time seen, light and pose, and the name of the model; and what you "
        f"check in. It is one file on this computer, `{diary_path()}`, for you alone."
    )


def counted(status: DiaryStatus) -> str:
    """``1 minute and 12 check-ins``."""
    pairs = ((status.minutes, "minute"), (status.check_ins, "check-in"))
    return " and ".join(several(count, word) for count, word in pairs)


def open_diary() -> DiaryStatus | None:
    """The diary's status for its owner; None for visitors, or where it cannot be read."""
    if not allowed(Action.READ_DIARY):
        st.info(
            "A diary belongs to one person on their own computer. Visitors cannot see it; they can "
            "look at two weeks of drawn data.",
            icon=":material/lock:",
        )
        return None
    try:
        found = diary.status()
        if found.on:
            diary.apply_limit()
    except EmotionError as error:
        show_error(error)
        return None
    return found


def show_off(status: DiaryStatus) -> None:
    """The empty state: what a diary is, and the switch."""
    with st.container(border=True):
        st.header("The diary is off", anchor=False)
        st.markdown(kept_sentence())
        st.markdown(
            "Entries older than 90 days are deleted; you can change that, export everything, or "
            "delete everything at any time."
            if not status.exists
            else f"{counted(status)} are stored. Nothing is added while it is off."
        )
        st.button(
            "Switch the diary on",
            key="diary-on",
            type="primary",
            icon=":material/toggle_on:",
            on_click=_switch_on,
        )


def show_demo_button() -> None:
    """Two weeks of drawn data, or back from them."""
    if st.session_state.get(DEMO):
        with st.container(horizontal=True, vertical_alignment="center", key="diary-demo-bar"):
            st.badge("drawn data", icon=":material/draw:", color="orange")
            st.markdown(
                "These two weeks are drawn by code. They are in memory alone and mix with nothing "
                "of yours.",
                width="content",
            )
            st.button(
                "Remove the drawn data",
                key="diary-demo-off",
                icon=":material/delete:",
                on_click=_set_demo,
                args=(False,),
            )
        return
    st.button(
        "Show two weeks of drawn data",
        key="diary-demo-on",
        icon=":material/draw:",
        on_click=_set_demo,
        args=(True,),
        help="To see what the page looks like with entries. Nothing is written.",
    )


def _switch_on() -> None:
    try:
        diary.switch_on()
        st.session_state[DEMO] = False
    except EmotionError as error:
        st.session_state["diary-failed"] = str(error)


def _set_demo(on: bool) -> None:
    st.session_state[DEMO] = on
