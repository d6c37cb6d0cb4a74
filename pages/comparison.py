"""Which model is better, by how much, and where each fails."""

import streamlit as st

from pages._ui.comparison.choose import pick_comparison, pick_tab
from pages._ui.comparison.download import draw_downloads
from pages._ui.comparison.tabs import TABS
from pages._ui.frame import open_page

open_page("pages/comparison.py")

comparison = pick_comparison()
TABS[pick_tab(TABS)](comparison)
st.divider()
draw_downloads(comparison)
