"""Train models and watch them learn."""

import streamlit as st

from emotion_core.access import Action
from pages._ui.access import offers
from pages._ui.frame import open_page
from pages._ui.training.form import pick_configs, show_start
from pages._ui.training.layers import show_layers
from pages._ui.training.runs import show_active_runs, show_resting_runs

open_page("pages/training.py")

show_active_runs()

st.header("New run", anchor=False)
configs = pick_configs() if offers(Action.TRAIN) else None
if configs is not None:
    show_layers(configs)
    show_start(configs)

show_resting_runs()
