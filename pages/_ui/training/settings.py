"""The Training page's settings: one input per field of ``TrainConfig``, grouped."""

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from emotion_core.config import Setting
from emotion_core.machine import this_machine
from emotion_core.models.options import STEMS, option_limits
from emotion_core.recipes import TrainConfig, listed, recipe_config
from emotion_core.reporting.settings import label_of
from pages._ui.cache import finished_runs
from pages._ui.training.architectures import architectures

GROUPS = {
    "identity": "Name",
    "optimizer": "Optimizer",
    "regularisation": "Regularization and balance",
    "augmentation": "Augmentation",
    "earlier": "Earlier runs",
    "machine": "Machine",
}
# Shown by parts of their own: they are not one value of one input.
BY_HAND = ("model", "options", "data", "recipe", "train_on", "chosen_by")
_COLUMNS = 3


def pick_values(base: TrainConfig, models: list[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that most people change, and all others folded.

    Args:
        base: The recipe's settings of the first architecture.
        models: The chosen architectures.
        given: Values to show instead of the recipe's, by name.

    Returns:
        Values by name, and under ``options`` those of each architecture by its name.
    """
    settings = [item for item in TrainConfig.settings() if item.name not in BY_HAND]
    if len(models) > 1:  # a name belongs to one run, and weights fit one architecture
        single = ("name", "start_from", "average_with")
        settings = [item for item in settings if item.name not in single]
    if len(this_machine().gpus) < 2:
        settings = [item for item in settings if item.name != "devices"]
    values: dict[str, Any] = {}
    _grid([item for item in settings if item.group == "basic"], base, given, values)
    with st.expander("More settings", icon=":material/tune:", key="train-more"):
        tabs = st.tabs([*GROUPS.values(), "Model"])
        for tab, group in zip(tabs, GROUPS, strict=False):
            with tab:
                _grid([item for item in settings if item.group == group], base, given, values)
        with tabs[-1]:
            options = given.get("options", {})
            values["options"] = {name: _pick_options(name, options) for name in models}
    return values


def _grid(
    settings: list[Setting], base: TrainConfig, given: Mapping[str, Any], values: dict[str, Any]
) -> None:
    """Rows of inputs that stand on one line, whatever their height."""
    for start in range(0, len(settings), _COLUMNS):
        row = settings[start : start + _COLUMNS]
        for column, item in zip(
            st.columns(_COLUMNS, vertical_alignment="bottom"), row, strict=False
        ):
            with column:
                values[item.name] = _pick_setting(item, base, given)


def _pick_setting(item: Setting, base: TrainConfig, given: Mapping[str, Any]) -> Any:
    """The input that fits a setting, with the recipe's value in it; each recipe keeps its own."""
    value, key = getattr(base, item.name), f"train-{base.recipe}-{item.name}"
    if value != getattr(recipe_config(base.recipe, TrainConfig().model), item.name):
        key += f"-{value}"  # the recipe differs for this model, and a known key keeps its value
    if item.name in ("teacher", "average_with"):
        return _pick_runs(item, base, key, given.get(item.name))
    if item.name in given:
        st.session_state[key] = given[item.name]
    elif key not in st.session_state:
        st.session_state[key] = value
    label, help_text = label_of(item), item.help
    if item.type is bool:
        return st.toggle(label, key=key, help=help_text, persist_state="session")
    if item.name == "start_from":
        return _pick_start(label, base, key, help_text)
    if item.name == "devices":
        return _pick_devices(label, key, help_text)
    if item.choices:
        return st.selectbox(label, item.choices, key=key, help=help_text, persist_state="session")
    if item.type in (int, float):
        low, high = (None if limit is None else item.type(limit) for limit in (item.low, item.high))
        step = 1 if item.type is int else _float_step(value, high)
        shape = "%d" if item.type is int else "%.6g"
        return item.type(_pick_number(label, low, high, step, shape, key, help_text))
    return st.text_input(label, key=key, help=help_text, persist_state="session")


def _pick_number(
    label: str, low: Any, high: Any, step: Any, shape: str, key: str, help_text: str | None = None
) -> Any:
    return st.number_input(
        label,
        low,
        high,
        step=step,
        format=shape,
        key=key,
        help=help_text,
        persist_state="session",
    )


def _pick_devices(label: str, key: str, help_text: str) -> str:
    count = len(this_machine().gpus)
    numbers = [str(number) for number in range(1, count)]
    if st.session_state[key] not in (*numbers, "all"):
        st.session_state[key] = "all"
    return st.selectbox(
        label,
        [*numbers, "all"],
        format_func=lambda name: f"All {count} GPUs" if name == "all" else name,
        key=key,
        help=help_text,
        persist_state="session",
    )


def _pick_start(label: str, base: TrainConfig, key: str, help_text: str) -> str:
    names = ["", *_with_weights(base.model)]
    if st.session_state[key] not in names:
        st.toast(f"{label}: {st.session_state[key]} is not here.", icon=":material/info:")
        st.session_state[key] = ""
    return st.selectbox(
        label,
        names,
        format_func=lambda name: name or "Fresh weights",
        key=key,
        help=help_text,
        persist_state="session",
    )


def _pick_runs(item: Setting, base: TrainConfig, key: str, given: str | None) -> str:
    names = _with_weights() if item.name == "teacher" else _with_weights(base.model)
    if given is not None:
        st.session_state[key] = listed(given)
    if gone := [name for name in st.session_state.get(key, []) if name not in names]:
        st.session_state[key] = [name for name in st.session_state[key] if name in names]
        what = "were" if len(gone) > 1 else "was"
        text = f"{label_of(item)}: {', '.join(gone)} {what} deleted or has no weights here."
        st.toast(text, icon=":material/info:")
    chosen = st.multiselect(label_of(item), names, key=key, help=item.help, persist_state="session")
    return ",".join(chosen)


def _with_weights(*models: str) -> list[str]:
    """Finished runs that can be loaded, newest first; of these architectures if any is named."""
    return [
        run.name
        for run in finished_runs()
        if run.weights_path.exists() and (not models or run.config().model in models)
    ]


def _float_step(value: float, high: float | None) -> float:
    """A step that fits the value and its way to the limit: 0.01 for 0.05, 0.0001 for 0.999."""
    room = [value] if high is None or high <= value else [value, high - value]
    return float(10.0 ** math.floor(math.log10(min(room)) - 0.2)) if value > 0 else 0.05


def _pick_options(model: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of an architecture's own options; those that were changed."""
    known = architectures()[model].options
    changed: dict[str, Any] = {}
    st.markdown(f"**{model}**")
    for column, (option, default) in zip(
        st.columns(max(4, len(known)), vertical_alignment="bottom"), known.items(), strict=False
    ):
        key = f"train-{model}-{option}"
        if option in given:
            st.session_state[key] = given[option]
        elif key not in st.session_state:
            st.session_state[key] = default
        with column:
            value = _pick_option(option, default, key)
        if value is not None and value != default:
            changed[option] = value
    return changed


def _pick_option(option: str, default: Any, key: str) -> Any:
    label = option.replace("_", " ").capitalize()
    if isinstance(default, bool):
        return st.toggle(label, key=key, persist_state="session")
    if option == "stem":
        return st.selectbox(label, STEMS, key=key, persist_state="session")
    if limits := option_limits(option, default):
        whole = isinstance(default, int)
        low, high = map(type(default), limits)
        return _pick_number(label, low, high, 1 if whole else 0.05, "%d" if whole else "%.6g", key)
    return st.text_input(label, key=key, persist_state="session")
