"""Asks for a check-in now and then, on whichever page is open; nothing where the diary is off."""

import time
from datetime import datetime

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.errors import EmotionError
from emotion_core.personal.database import diary_path
from emotion_core.personal.reminders import is_due

_SECONDS = 120.0
_LAST = "diary-reminded"


def remind() -> None:
    """Look every two minutes whether a check-in is due, in the tab that is open."""
    if diary_path().exists() and allowed(Action.COLLECT):
        st.fragment(_remind, run_every=_SECONDS)()


def _remind() -> None:
    from emotion_core.personal import diary
    from emotion_core.personal.clock import local_time

    now = datetime.fromtimestamp(time.time())
    try:
        status = diary.status()
        if not (status.on and status.reminders):
            return
        own = [local_time(item.at, item.offset) for item in diary.check_ins()]
    except EmotionError:
        return  # the Diary page tells what is wrong with it
    today = [at for at in own if at.date() == now.date()]
    if is_due(now, status.reminders, today, st.session_state.get(_LAST)):
        st.session_state[_LAST] = now
        st.toast("Time for a check-in? Two taps on the Diary page.", icon=":material/edit_note:")
