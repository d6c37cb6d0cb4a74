"""What decides the result of a training run: its settings, and the two recipes that preset them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from emotion_core.errors import ConfigError
from emotion_core.train_settings import (
    AugmentationSettings,
    BasicSettings,
    EarlierSettings,
    IdentitySettings,
    MachineSettings,
    OptimizerSettings,
    RegularisationSettings,
)

# Of earlier versions: it halved the early epochs' cost and brought nothing measurable.
_RETIRED = ("small_faces",)

# Settings that name earlier runs, through which a run profits from their training.
EARLIER = ("start_from", "teacher", "average_with")


def listed(names: str) -> list[str]:
    """The names that a setting lists, separated by commas."""
    return [name for part in names.split(",") if (name := part.strip())]


@dataclass(frozen=True, kw_only=True)
class TrainConfig(
    MachineSettings,  # the last group of a form comes first: fields are collected from the end
    EarlierSettings,
    AugmentationSettings,
    RegularisationSettings,
    OptimizerSettings,
    IdentitySettings,
    BasicSettings,
):
    """Everything that decides the result of a training run; ``train_settings`` has the settings."""

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """As ``Config.from_dict``; what earlier versions wrote is translated: ``ours`` was called
        ``best``, ``refit`` named the run that is now ``chosen_by``, and some settings are gone."""
        values = {name: value for name, value in values.items() if name not in _RETIRED}
        if values.get("recipe") == "best":
            values["recipe"] = "ours"
        if chosen := values.pop("refit", ""):
            values |= {"train_on": "train+val", "chosen_by": chosen}
        return super().from_dict(values)

    def earlier(self) -> list[str]:
        """Names of the runs whose weights or answers go into this one, each once."""
        return list(dict.fromkeys(name for key in EARLIER for name in listed(getattr(self, key))))

    def for_another_run(self) -> Self:
        """A copy without the run's name, note and tag, on this machine as it suits it: another's
        bf16 may be many times as slow here, and its GPU not there."""
        groups = ("identity", "machine")
        kept = {item.name for item in self.settings() if item.group not in groups}
        return type(self)(**{name: getattr(self, name) for name in kept})

    def difference(self, other: Self) -> list[str]:
        """Settings that differ, but for the run's identity, the machine and the place of the data."""
        neutral = {item.name for item in self.settings() if item.group in ("identity", "machine")}
        neutral.add("data")
        mine, theirs = self.to_dict(), other.to_dict()
        return [name for name in mine if name not in neutral and mine[name] != theirs[name]]

    def needed(self) -> list[str]:
        """Names of the runs that must stay until this one is trained."""
        return [*self.earlier(), *listed(self.chosen_by)]

    def with_earlier(self, change: Callable[[str], str]) -> Self:
        """A copy with each earlier run's name replaced by what ``change`` makes of it."""
        renamed = {
            setting: ", ".join(map(change, listed(getattr(self, setting)))) for setting in EARLIER
        }
        return self.replace(**renamed)


# What a recipe changes from the defaults above. The study: Adam 1e-4, batch 32, 30 epochs,
# each training image once as it is and once augmented, class weights for block_cnn alone.
_STUDY: dict[str, object] = {
    "epochs": 30,
    "batch_size": 32,
    "optimizer": "adam",
    "lr": 1e-4,
    "weight_decay": 0.0,
    "schedule": "constant",
    "warmup_epochs": 0.0,
    "clip_norm": 0.0,
    "ema": 0.0,
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "plain_copy": True,
    "rotation": 10.0,
    "translation": 0.1,
    "scale": 0.1,
    "brightness": 0.0,
    "contrast": 0.0,
    "erasing": 0.0,
    "normalize": "unit",
}


def recipe_config(recipe: str, model: str, **given: Any) -> TrainConfig:
    """A recipe's settings for one model, with the user's own settings on top.

    Args:
        recipe: ``ours`` or ``study`` (the published study's, exactly).
        model: Registered model name.
        given: Settings that replace the recipe's.

    Raises:
        ConfigError: a setting is unknown or out of range, or no network is trained by the recipe.
    """
    if recipe == "baseline":
        raise ConfigError(
            "recipe 'baseline' is the classical baseline's, not a network's. Fit that with: "
            "python -m emotion_core baseline"
        )
    base: dict[str, object] = {"recipe": recipe, "model": model}
    if recipe == "study":
        base |= _STUDY
        if model == "block_cnn":
            base["class_weights"] = "balanced"
    return TrainConfig.from_dict(base | given)
