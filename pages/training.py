"""Train models and watch them learn."""

import streamlit as st

from emotion_core.data.faces import is_synthetic
from pages._ui.frame import open_page
from pages._ui.training import form
from pages._ui.training import runs as training_runs
from pages._ui.widgets import synthetic_badge

open_page("pages/training.py", "Training")

st.subheader("New run", anchor=False)
left, right = st.columns([3, 2])
with left:
    models = form.pick_models()
with right:
    data = form.pick_data()
    if is_synthetic(data):
        synthetic_badge()

if models:
    configs = form.pick_settings(models, data)
    form.draw_layers(configs)
    form.start_button(configs)
else:
    st.info("Choose at least one architecture.", icon=":material/info:")

st.subheader("Runs", anchor=False)
training_runs.draw_jobs()
