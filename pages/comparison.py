"""Which model is better, by how much, and where each fails."""

import streamlit as st

from pages._ui.comparison import parts
from pages._ui.frame import open_page
from pages._ui.widgets import synthetic_badge

open_page("pages/comparison.py")

comparison = parts.pick_comparison()
if comparison.synthetic:
    synthetic_badge()
parts.draw_headline(comparison)
tab = parts.pick_tab()
parts.TABS[tab](comparison)
st.divider()
parts.draw_report_button(comparison)
