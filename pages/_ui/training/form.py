"""The Training page's form: architectures, data, recipe, settings, start."""

import streamlit as st

from emotion_core.data.faces import is_synthetic
from emotion_core.data.fer2013 import FER2013_SPEC
from emotion_core.errors import EmotionError
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.runs.shipped import is_shipped
from emotion_core.text import unquoted
from emotion_core.training import jobs
from emotion_core.training.estimate import total_seconds
from emotion_core.training.searcher import begin
from pages._ui.cache import chosen_data, runs
from pages._ui.training.acts import watched
from pages._ui.training.architectures import architectures
from pages._ui.training.prefill import prefill, take_prefill
from pages._ui.training.settings import pick_values
from pages._ui.training.sweep_form import Plan
from pages._ui.widgets import duration, show_error, synthetic_badge

DATA_NAMES = {"synthetic": "Synthetic faces", FER2013_SPEC: "FER-2013"}
RECIPES = {"ours": "Ours", "study": "Study"}


def pick_configs() -> list[TrainConfig] | None:
    """The form.

    Returns:
        One checked config per architecture, none while a setting breaks its rule; None while no
        architecture is chosen.
    """
    given = take_prefill()
    left, middle, right = st.columns([4, 3, 2], vertical_alignment="top")
    with left:
        models = _pick_models(given.get("model"))
    with middle:
        data = _pick_data(given.get("data"))
    with right:
        recipe = _pick_recipe(given.get("recipe"))
    if not models:
        st.info("Choose at least one architecture.", icon=":material/info:")
        return None
    base = recipe_config(recipe, models[0])
    values = pick_values(base, models, given)
    options = values.pop("options")
    # Only what was changed is passed on: a recipe may set the rest differently for each model.
    changed = {name: value for name, value in values.items() if value != getattr(base, name)}
    try:
        return [
            recipe_config(recipe, name, data=data, options=options[name], **changed)
            for name in models
        ]
    except EmotionError as error:
        show_error(error)
        return []


def _pick_models(given: str | None) -> list[str]:
    known = architectures()
    if given in known:
        st.session_state["train-models"] = [given]
    elif "train-models" not in st.session_state:
        st.session_state["train-models"] = [TrainConfig().model]
    chosen = st.multiselect(
        "Architectures",
        list(known),
        key="train-models",
        persist_state="session",
        help="Each gets a run of its own; they train one after the other.",
    )
    for name in chosen:
        st.caption(f"**{name}** {known[name].summary}")
    return chosen


def _pick_data(given: str | None) -> str:
    """The data set; the Dataset page's choice comes first, and each new one is taken."""
    chosen = chosen_data()
    if st.session_state.get("train-data-chosen") != chosen:
        st.session_state["train-data-chosen"] = st.session_state["train-data"] = chosen
    if given:
        st.session_state["train-data"] = given
    used = [run.config().data for run in runs() if not run.problem]
    shown = st.session_state.get("train-data", chosen)
    spec = st.selectbox(
        "Data",
        list(dict.fromkeys([chosen, shown, "synthetic", *used])),
        format_func=lambda spec: DATA_NAMES.get(spec, spec),
        key="train-data",
        accept_new_options=True,
        persist_state="session",
        help="The Dataset page's choice, or the path of a folder, zip, CSV, NPY or Parquet file.",
    )
    data = unquoted(str(spec or chosen))
    if is_synthetic(data):
        synthetic_badge()
    return data


def _pick_recipe(given: str | None) -> str:
    if given in RECIPES:
        st.session_state["train-recipe"] = given
    elif "train-recipe" not in st.session_state:
        st.session_state["train-recipe"] = "ours"
    return str(
        st.segmented_control(
            "Recipe",
            RECIPES,
            required=True,
            format_func=lambda name: RECIPES[name],
            key="train-recipe",
            persist_state="session",
            help="What all settings below start from: ours, or the published study's exactly.",
        )
    )


def show_start(configs: list[TrainConfig], plan: Plan) -> None:
    """Start what the form asks for and say how long it may take."""
    with st.container(horizontal=True, vertical_alignment="center"):
        clicked = st.button(
            _start_label(len(configs), plan),
            type="primary",
            icon=":material/play_arrow:",
            disabled=not configs or not plan.valid,
            key="train-start",
        )
        if configs and plan.valid:
            st.caption(_estimate(configs, plan), width="content")
    if not clicked:
        return
    try:
        text = _start(configs, plan)
    except (EmotionError, OSError) as error:  # such as a full disk
        show_error(error)
        return
    prefill({"name": "", "note": "", "tag": ""})  # they were this run's
    st.toast(text, icon=":material/play_arrow:")
    st.rerun()


def _start_label(count: int, plan: Plan) -> str:
    if plan.ranges:
        return "Start search" if count < 2 else f"Start {count} searches"
    count *= plan.seeds
    return "Start training" if count < 2 else f"Start {count} runs"


def _start(configs: list[TrainConfig], plan: Plan) -> str:
    """Start it; what was started, in words."""
    if plan.is_sweep:
        begun = plan.sweeps(configs)
        for sweep in begun:
            begin(sweep)
        return f"Started {', '.join(sweep.name for sweep in begun)}."
    started = [jobs.start(config, here=plan.here) for config in configs]
    watched().update(run.name for run in started)
    return f"Queued {len(started)} run{'s'[: len(started) > 1]}."


def _estimate(configs: list[TrainConfig], plan: Plan) -> str:
    """How long the runs may take. Shipped runs say nothing: they were trained elsewhere."""
    own = [run for run in runs() if not run.problem and not is_shipped(run)]
    total, unknown = total_seconds(configs, own)
    if unknown:
        return (
            f"No time estimate: {unknown} has not been trained with these settings on this machine."
        )
    if plan.is_sweep:
        most = "at most " if plan.ranges else ""
        total *= plan.seeds * plan.trials
        return f"Estimated from earlier runs here: {most}{duration(total)} one after the other."
    each = f"about {duration(total / configs[0].epochs)} per epoch, " if len(configs) == 1 else ""
    return f"Estimated from earlier runs here: {each}{duration(total)} in all."
