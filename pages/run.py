"""One run: its settings, curves, scores and mistakes, and what can be done with it."""

import streamlit as st

from pages._ui.cache import finished_entries
from pages._ui.frame import open_page
from pages._ui.run.actions import show_identity, show_ways_on
from pages._ui.run.results import PARTS, show_title
from pages._ui.run_picker import pick_run
from pages._ui.widgets import show_empty, synthetic_badge

open_page("pages/run.py")

entries = finished_entries()
if not entries:
    show_empty("No run has finished yet. Train one first.", "pages/training.py")
    st.stop()
run = pick_run(entries, "Run", "run-shown", lambda: entries[0][0], query="run")
report = run.require_report()
if report.data.synthetic:
    synthetic_badge()
show_title(run, report)
show_ways_on(run)
show_identity(run)
part = st.segmented_control(
    "Part",
    list(PARTS),
    default="Scores",
    key="part",
    required=True,
    label_visibility="collapsed",
    bind="query-params",
)
PARTS[part](run, report)
