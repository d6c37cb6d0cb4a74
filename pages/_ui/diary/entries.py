"""Entries for the page: the owner's, read again only after a change, or two drawn weeks."""

from datetime import datetime

import pandas as pd
import streamlit as st

from emotion_core.personal import diary
from emotion_core.personal.days import minutes_frame
from emotion_core.personal.demo import drawn_diary
from emotion_core.personal.entries import CheckIn


def own_entries() -> tuple[pd.DataFrame, list[CheckIn]]:
    """The owner's minutes and check-ins.

    They are held by this browser session alone, never in a cache that others share.
    """
    stamp = diary.stamp()
    kept = st.session_state.get("diary-entries")
    if kept is None or kept[0] != stamp:
        kept = (stamp, minutes_frame(diary.minutes_table()), diary.check_ins())
        st.session_state["diary-entries"] = kept
    return kept[1], kept[2]


def drawn_entries() -> tuple[pd.DataFrame, list[CheckIn]]:
    """Two weeks up to yesterday, drawn by code."""
    rows, own = drawn_diary(datetime.now())
    return minutes_frame(rows), own


def show_words() -> None:
    """What the figures are, what they are not, and where help is found."""
    st.caption(
        "These are expressions as a model classifies them, not feelings. They are no measure of a "
        "person and say nothing about health. If you feel unwell for longer, talk to somebody you "
        "trust or to a doctor; helplines of many countries: https://findahelpline.com. This line "
        "is always here and depends on no entry."
    )
