"""The Training page's form: architectures, data, settings, layer table, start."""

import math
import statistics
from dataclasses import dataclass
from typing import Any

import streamlit as st

from emotion_core.config import Setting
from emotion_core.data.fer2013 import FER2013_SPEC
from emotion_core.errors import EmotionError
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.text import unquoted
from emotion_core.training import jobs
from pages._ui.cache import chosen_data, finished_runs, runs
from pages._ui.training.runs import watched
from pages._ui.widgets import draw_error, duration

GROUPS = {
    "optimizer": "Optimizer",
    "regularisation": "Regularisation and balance",
    "augmentation": "Augmentation",
    "earlier": "Earlier runs",
    "machine": "Machine",
}
LABELS = {
    "lr": "Learning rate",
    "ema": "Averaging of weights (EMA)",
    "jpeg": "JPEG",
    "clip_norm": "Gradient clipping",
    "monitor": "Best epoch by",
    "compile": "Compile (torch.compile)",
    "threads": "CPU threads",
    "start_from": "Start from the weights of",
    "teacher": "Teachers",
    "teacher_share": "Weight of the teachers",
    "average_with": "Average at the end with",
}
# Drawn by hand: they are not one value of one widget.
_BY_HAND = ("model", "options", "data", "recipe", "refit")


@dataclass(frozen=True)
class Architecture:
    """A registered model as the form needs it."""

    summary: str
    options: dict[str, Any]
    fitting: list[str]


@st.cache_resource(show_spinner="Loading the architectures")
def architectures() -> dict[str, Architecture]:
    """All registered models by name."""
    from emotion_core.models.registry import (
        fitting_models,
        list_models,
        model_options,
        model_summary,
    )

    return {
        name: Architecture(model_summary(name), model_options(name), fitting_models(name))
        for name in list_models()
    }


def pick_models() -> list[str]:
    """Choose one or several architectures."""
    known = architectures()
    chosen = st.multiselect(
        "Architectures",
        list(known),
        default=[TrainConfig().model],
        key="train-models",
        persist_state="session",
        help="Each gets a run of its own; they train one after the other.",
    )
    for name in chosen:
        st.caption(f"**{name}** {known[name].summary}")
    return chosen


DATA_NAMES = {"synthetic": "Synthetic faces", FER2013_SPEC: "FER-2013"}


def pick_data() -> str:
    """Choose the data set; the Dataset page's choice comes first, and each new one is taken."""
    chosen = chosen_data()
    if st.session_state.get("train-data-chosen") != chosen:
        st.session_state["train-data-chosen"] = st.session_state["train-data"] = chosen
    used = [run.config().data for run in runs() if not run.problem]
    specs = list(dict.fromkeys([chosen, "synthetic", *used]))
    spec = st.selectbox(
        "Data",
        specs,
        format_func=lambda spec: DATA_NAMES.get(spec, spec),
        key="train-data",
        accept_new_options=True,
        persist_state="session",
        help="The Dataset page's choice, or the path of a folder, zip, CSV, NPY or Parquet file.",
    )
    return unquoted(str(spec or chosen))


def pick_settings(models: list[str], data: str) -> list[TrainConfig]:
    """The form: a recipe, the settings that most people change, and all others folded.

    Returns:
        One checked config a model; none while a setting breaks its rule.
    """
    recipe = st.segmented_control(
        "Recipe",
        ("best", "study"),
        default="best",
        required=True,
        key="train-recipe",
        persist_state="session",
        help="What all settings below start from: ours, or the published study's exactly.",
    )
    base = recipe_config(str(recipe), models[0])
    settings = [item for item in TrainConfig.settings() if item.name not in _BY_HAND]
    if len(models) > 1:  # weights fit one architecture
        settings = [item for item in settings if item.name not in ("start_from", "average_with")]
    values: dict[str, Any] = {}
    basic = [item for item in settings if item.group == "basic"]
    for column, item in zip(st.columns(len(basic)), basic, strict=True):
        with column:
            values[item.name] = _setting_widget(item, base)
    with st.expander("More settings", icon=":material/tune:"):
        tabs = st.tabs([*GROUPS.values(), "Model"])
    with tabs[-1]:
        options = {name: _option_widgets(name) for name in models}
    for tab, group in zip(tabs, GROUPS, strict=False):
        with tab:
            columns = st.columns(3)
            for index, item in enumerate(item for item in settings if item.group == group):
                with columns[index % 3]:
                    values[item.name] = _setting_widget(item, base)
    # Only what was changed is passed on: a recipe may set the rest differently for each model.
    changed = {name: value for name, value in values.items() if value != getattr(base, name)}
    try:
        return [
            recipe_config(base.recipe, name, data=data, options=options[name], **changed)
            for name in models
        ]
    except EmotionError as error:
        draw_error(error)
        return []


def _setting_widget(item: Setting, base: TrainConfig) -> Any:
    """The input that fits a setting, with the recipe's value in it; each recipe keeps its own."""
    value, key = getattr(base, item.name), f"train-{base.recipe}-{item.name}"
    if value != getattr(recipe_config(base.recipe, TrainConfig().model), item.name):
        key += f"-{value}"  # the recipe differs for this model, and a known key keeps its value
    label = LABELS.get(item.name, item.label)
    if item.type is bool:
        return st.toggle(label, value, key=key, help=item.help, persist_state="session")
    if item.name == "start_from":
        names = ["", *_with_weights(*architectures()[base.model].fitting)]
        return st.selectbox(
            label,
            names,
            format_func=lambda name: name or "fresh weights",
            key=key,
            help=item.help,
            persist_state="session",
        )
    if item.name in ("teacher", "average_with"):
        names = _with_weights() if item.name == "teacher" else _with_weights(base.model)
        if chosen := st.session_state.get(key):  # else no run need be looked for
            known = {run.name for run in finished_runs()}
            if gone := [name for name in chosen if name not in known]:
                st.session_state[key] = [name for name in chosen if name in known]
                st.toast(f"{label}: {', '.join(gone)} was deleted.", icon=":material/info:")
        return ",".join(
            st.multiselect(label, names, key=key, help=item.help, persist_state="session")
        )
    if item.choices:
        return st.selectbox(
            label,
            item.choices,
            item.choices.index(value),
            key=key,
            help=item.help,
            persist_state="session",
        )
    if item.type in (int, float):
        low, high = (None if limit is None else item.type(limit) for limit in (item.low, item.high))
        step = 1 if item.type is int else _float_step(value, high)
        return item.type(_number(label, value, low, high, step=step, key=key, help=item.help))
    return st.text_input(label, value, key=key, help=item.help, persist_state="session")


def _with_weights(*models: str) -> list[str]:
    """Finished runs that can be loaded, newest first; of these architectures if any is named."""
    return [
        run.name
        for run in finished_runs()
        if run.weights_path.exists() and (not models or run.config().model in models)
    ]


def _number(
    label: str, value: Any, low: Any, high: Any, *, step: Any, key: str, help: str | None
) -> Any:
    shape = "%d" if isinstance(value, int) else "%.6g"
    return st.number_input(
        label, low, high, value, step, shape, key=key, help=help, persist_state="session"
    )


def _float_step(value: float, high: float | None) -> float:
    """A step that fits the value and its way to the limit: 0.01 for 0.05, 0.0001 for 0.999."""
    room = [value] if high is None or high <= value else [value, high - value]
    return float(10.0 ** math.floor(math.log10(min(room)) - 0.2)) if value > 0 else 0.05


def _option_widgets(model: str) -> dict[str, Any]:
    """Inputs of an architecture's own options; those that were changed."""
    known = architectures()[model].options
    changed: dict[str, Any] = {}
    st.markdown(f"**{model}**")
    for column, (option, default) in zip(
        st.columns(max(4, len(known))), known.items(), strict=False
    ):
        with column:
            value = _option_widget(option, default, f"train-{model}-{option}")
        if value is not None and value != default:
            changed[option] = value
    return changed


def _option_widget(option: str, default: Any, key: str) -> Any:
    label = option.replace("_", " ").capitalize()
    if isinstance(default, bool):
        return st.toggle(label, default, key=key, persist_state="session")
    if option == "stem":
        from emotion_core.models.options import STEMS

        return st.selectbox(label, STEMS, STEMS.index(default), key=key, persist_state="session")
    if isinstance(default, int | float):
        low, high = (1, None) if isinstance(default, int) else (0.0, 0.95)  # probabilities
        step = 1 if isinstance(default, int) else 0.05
        return _number(label, default, low, high, step=step, key=key, help=None)
    return st.text_input(label, default, key=key, persist_state="session")


def start_button(configs: list[TrainConfig]) -> None:
    """Start a run for each config and say how long it may take."""
    count = len(configs)
    label = "Start training" if count < 2 else f"Start {count} runs"
    with st.container(horizontal=True, vertical_alignment="center"):
        clicked = st.button(
            label, type="primary", icon=":material/play_arrow:", disabled=not count, key="start"
        )
        if configs:
            st.caption(_estimate(configs), width="content")
    if not clicked:
        return
    try:
        started = [jobs.start(config) for config in configs]
    except (EmotionError, OSError) as error:  # such as a full disk
        draw_error(error)
        return
    watched().update(run.name for run in started)
    st.toast(f"Queued {len(started)} run{'s'[: len(started) > 1]}.", icon=":material/play_arrow:")
    st.rerun()


def _estimate(configs: list[TrainConfig]) -> str:
    """How long the runs may take, from earlier runs of the same kind on this machine."""
    total = 0.0
    for config in configs:
        seconds = epoch_seconds(config)
        if seconds is None:
            return f"{config.model} has not been trained like this here yet: no estimate."
        total += seconds * config.epochs
    if len(configs) == 1:
        return (
            f"About {duration(total / configs[0].epochs)} an epoch, {duration(total)} in all, "
            "as earlier runs here took."
        )
    return f"About {duration(total)} in all, as earlier runs here took."


def epoch_seconds(config: TrainConfig) -> float | None:
    """Median seconds of an epoch in the newest run that did the same work here; None without one."""
    from emotion_core.reporting.card import is_shipped

    work = ["model", "options", "data", "batch_size", "plain_copy", "sampling", "small_faces"]
    work += ["device", "threads", "precision", "compile"]
    for run in runs():
        if run.problem or is_shipped(run):  # shipped runs were trained on other machines
            continue
        other = run.config()
        if all(getattr(other, name) == getattr(config, name) for name in work):
            rows = run.metrics()
            if rows:
                return float(statistics.median(row["seconds"] for row in rows))
    return None


@st.cache_data(show_spinner="Counting the layers", max_entries=64)
def _layers(model: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    from emotion_core.models.layers import layer_table
    from emotion_core.models.registry import create_model

    options = options | ({"pretrained": False} if "pretrained" in options else {})
    return [
        {
            "layer": row.name,
            "kind": row.kind,
            "output": " × ".join(map(str, row.output_shape)),
            "parameters": row.parameters,
            "multiply-adds": row.macs,
        }
        for row in layer_table(create_model(model, **options))
    ]


def draw_layers(configs: list[TrainConfig]) -> None:
    """The layer table of each architecture of the form, worked out when it is opened."""
    box = st.expander("Layers", icon=":material/layers:", on_change="rerun", key="layers")
    if not box.open:
        return
    with box:
        for config in configs:
            try:
                rows = _layers(config.model, config.options)
            except EmotionError as error:
                draw_error(error)
                continue
            parameters = sum(row["parameters"] for row in rows)
            macs = sum(row["multiply-adds"] for row in rows)
            st.markdown(f"**{config.model}**")
            st.caption(
                f"{parameters:,} parameters, {macs / 1e6:,.1f} million multiply-adds a face, "
                f"{len(rows)} layers."
            )
            st.dataframe(
                rows,
                hide_index=True,
                height=min(420, 38 + 35 * len(rows)),
                column_config={
                    name: st.column_config.NumberColumn(format="localized")
                    for name in ("parameters", "multiply-adds")
                },
                key=f"layers-{config.model}",
            )
