"""A run's settings as people read them: what was changed first, and what differs between several."""

from collections.abc import Mapping
from typing import Any

from emotion_core.config import Setting
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.training.ranges import Range

_IDENTITY = ("name", "note", "tag")
_OF_ALL = ("model", "data", "recipe")  # that the classical baseline has, too
_LABELS = {
    "lr": "Learning rate",
    "ema": "Averaging of weights (EMA)",
    "jpeg": "JPEG",
    "clip_norm": "Gradient clipping",
    "monitor": "Select best epoch by",
    "val_fraction": "Validation share",
    "plain_copy": "Also train on the unaugmented image",
    "compile": "Compile (torch.compile)",
    "threads": "CPU threads",
    "start_from": "Start from the weights of",
    "teacher": "Teachers",
    "teacher_share": "Distillation weight",
    "frozen_norm": "Keep batch norm statistics",
    "average_with": "Average weights at the end with",
    "average_share": "Share of the new weights in the mean",
}


def label_of(item: Setting) -> str:
    """What a form and a table call a setting."""
    return _LABELS.get(item.name, item.label)


def name_label(name: str) -> str:
    """The same by the setting's name, or ``options.NAME`` of a model option."""
    found = {item.name: label_of(item) for item in TrainConfig.settings()}
    return found.get(name, name.removeprefix("options.").replace("_", " ").capitalize())


def range_text(one: Range) -> str:
    """What a sweep varies: ``Learning rate 0.01 to 0.2`` or ``Mixup 0, 0.2 or 0.4``."""
    if not one.choices:
        return f"{name_label(one.name)} {one.low:g} to {one.high:g}"
    *first, last = map(value_text, one.choices)
    return f"{name_label(one.name)} {', '.join(first)} or {last}"


def settings_rows(config: TrainConfig) -> list[dict[str, str | bool]]:
    """One row per setting: its value, the recipe's, whether it was changed; changed ones first.

    Args:
        config: The run's settings, with earlier runs by name (``runs.catalog.with_names``).
    """
    # The classical baseline has no recipe: what its network settings would be says nothing.
    recipe = config
    if config.recipe != "baseline":
        kept = {name: getattr(config, name) for name in (*_IDENTITY, "data")}
        recipe = recipe_config(config.recipe, config.model, **kept)
    rows = [
        {
            "Setting": label_of(item),
            "This run": value_text(getattr(config, item.name)),
            "Recipe": value_text(getattr(recipe, item.name)),
            "Changed": getattr(config, item.name) != getattr(recipe, item.name),
            "Meaning": item.help,
        }
        for item in TrainConfig.settings()
        if item.name not in _IDENTITY
    ]
    return sorted(rows, key=lambda row: not row["Changed"])


def differing_rows(configs: Mapping[str, TrainConfig]) -> list[dict[str, str]]:
    """The settings in which runs differ, names and notes left out; a column per run.

    The classical baseline has no settings of a network: its column is empty there.

    Args:
        configs: Settings of each run by what its column is called.
    """
    rows = []
    for item in TrainConfig.settings():
        values = {
            name: value_text(getattr(config, item.name))
            for name, config in configs.items()
            if config.recipe != "baseline" or item.name in _OF_ALL
        }
        if item.name not in _IDENTITY and len(set(values.values())) > 1:
            rows.append({"Setting": label_of(item), **dict.fromkeys(configs, ""), **values})
    return rows


def value_text(value: Any) -> str:
    """A setting's value as the form would show it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={part}" for key, part in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
