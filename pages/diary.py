"""A diary of one's own expressions, for one person on their own computer."""

import streamlit as st

from pages._ui.diary.check_in import show_check_in
from pages._ui.diary.entries import drawn_entries, own_entries, show_words
from pages._ui.diary.figures import show_figures
from pages._ui.diary.settings import show_settings
from pages._ui.diary.switch import DEMO, open_diary, show_demo_button, show_off
from pages._ui.frame import open_page

open_page("pages/diary.py")

status = open_diary()
if st.session_state.get(DEMO):
    show_demo_button()
    show_figures(*drawn_entries())
    show_words()
    st.stop()

if status is None or not status.on:
    if status is not None:
        show_off(status)
    show_demo_button()
    if status is None or not status.exists:
        show_words()
        st.stop()

frame, own = own_entries()
if status.on:
    show_check_in(own)
show_figures(frame, own)
show_settings(status)
if status.on and frame.empty:
    show_demo_button()
show_words()
