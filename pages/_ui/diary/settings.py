"""Retention, reminders, export, switching off and deleting the diary."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from emotion_core.errors import EmotionError
from emotion_core.personal import diary
from emotion_core.personal.entries import KEPT_DAYS, DiaryStatus
from emotion_core.personal.transfer import FORMATS, export_diary
from emotion_core.units import megabytes
from pages._ui.diary.switch import counted, kept_sentence

_LIMITS = (7, 30, KEPT_DAYS, 180, 365, 730)
_FAILED = "diary-settings-failed"
_HELP = {
    "csv": "Two tables in a zip: minutes and check-ins",
    "json": "Everything in one document",
    "ics": "Check-ins and days for a calendar program",
}


def show_settings(status: DiaryStatus) -> None:
    """All that can be done with the diary as a whole."""
    st.header("Your data", anchor=False)
    st.caption(f"{kept_sentence()} It holds {counted(status)}, {megabytes(status.size_bytes)}.")
    if failed := st.session_state.pop(_FAILED, ""):
        st.error(failed, icon=":material/error:")
    left, right = st.columns(2, gap="medium")
    with left:
        _show_limit(status)
        st.select_slider(
            "Reminders per day",
            range(diary.MOST_REMINDERS + 1),
            value=status.reminders,
            key="diary-reminders",
            on_change=_set_reminders,
            help="While this dashboard is open, between 9 and 21 h.",
        )
    with right:
        st.markdown("**Export**")
        with st.container(horizontal=True):
            for form, suffix in FORMATS.items():
                st.download_button(
                    form.upper(),
                    data=partial(export_diary, form),
                    file_name=f"diary.{suffix}",
                    key=f"diary-export-{form}",
                    icon=":material/download:",
                    on_click="ignore",
                    help=_HELP[form],
                )
        st.markdown("**Stop**")
        with st.container(horizontal=True):
            if status.on:
                st.button(
                    "Switch off",
                    key="diary-off",
                    icon=":material/toggle_off:",
                    on_click=_try,
                    args=(diary.switch_off,),
                    help="Nothing more is written; what is there stays.",
                )
            if st.button("Delete everything", key="diary-delete", icon=":material/delete:"):
                _ask_delete(status)


def _show_limit(status: DiaryStatus) -> None:
    limits = sorted({*_LIMITS, status.kept_days})
    days = st.selectbox(
        "Keep entries for",
        limits,
        index=limits.index(status.kept_days),
        format_func=lambda days: f"{days} days",
        key=f"diary-kept-{status.kept_days}",
        help="Older entries are deleted permanently.",
    )
    if days < status.kept_days:
        st.warning(
            f"Entries older than {days} days will be deleted. This cannot be undone.",
            icon=":material/warning:",
        )
        st.button(
            f"Delete entries older than {days} days",
            key="diary-kept-less",
            on_click=_try,
            args=(diary.set_kept_days, days),
        )
    elif days > status.kept_days:
        _try(diary.set_kept_days, days)
        st.rerun()


@st.dialog("Delete the diary?")
def _ask_delete(status: DiaryStatus) -> None:
    st.markdown(
        f"{counted(status)} are overwritten and removed from this computer, and the diary is switched off. This cannot be undone. "
        "Copies that you exported or backed up stay where they are."
    )
    with st.container(horizontal=True):
        if st.button(
            "Delete everything", key="diary-delete-sure", type="primary", on_click=_delete_all
        ):
            st.rerun()
        if st.button("Cancel", key="diary-delete-no"):
            st.rerun()


def _delete_all() -> None:
    _try(diary.delete_everything)
    st.session_state.pop("diary-entries", None)


def _set_reminders() -> None:
    _try(diary.set_reminders, st.session_state["diary-reminders"])


def _try(change: Callable[..., object], *values: int) -> None:
    try:
        change(*values)
    except EmotionError as error:
        st.session_state[_FAILED] = str(error)
