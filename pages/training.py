"""Train models and watch them learn."""

import streamlit as st

from pages._ui import training_parts as parts
from pages._ui.shell import open_page
from pages._ui.widgets import synthetic_badge

open_page("pages/training.py", "Training")

st.subheader("New run", anchor=False)
left, right = st.columns([3, 2])
with left:
    models = parts.pick_models()
with right:
    data = parts.pick_data()
    if data.startswith("synthetic"):
        synthetic_badge()

if models:
    configs = parts.pick_settings(models, data)
    parts.draw_layers(configs)
    parts.start_button(configs)
else:
    st.info("Choose at least one architecture.", icon=":material/info:")

st.subheader("Runs", anchor=False)
parts.draw_jobs()
