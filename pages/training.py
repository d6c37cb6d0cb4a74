"""Train models and watch them learn."""

import streamlit as st

from emotion_core.access import Action
from pages._ui.access import offers
from pages._ui.frame import open_page
from pages._ui.training.active import show_active_runs
from pages._ui.training.form import pick_configs, show_start
from pages._ui.training.layers import show_layers
from pages._ui.training.runs import show_resting_runs
from pages._ui.training.sweep_form import pick_plan
from pages._ui.training.sweeps import show_sweeps

open_page("pages/training.py")

found, sweeps = show_active_runs()

st.header("New run", anchor=False)
configs = pick_configs() if offers(Action.TRAIN) else None
if configs is not None:
    plan = pick_plan(configs)
    show_layers(configs)
    show_start(configs, plan)

show_sweeps(sweeps)
show_resting_runs(found, {one.sweep.name for one in sweeps})
