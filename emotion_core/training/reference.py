"""The project's reference runs on FER-2013, as configs: ``reproduce`` trains exactly these."""

from typing import Any

from emotion_core.config import TrainConfig, recipe_config
from emotion_core.errors import ConfigError, unknown
from emotion_core.runs import Run

# Settings of where a run trains, which do not make it another experiment.
_MACHINE = ("device", "threads", "compile", "precision")

# What our recipe changes for faces from elsewhere: other cameras, other crops, low resolution.
_ROBUST: dict[str, Any] = {"blur": 0.15, "noise": 0.03, "batch_size": 128, "lr": 0.1}

_BEST: dict[str, dict[str, Any]] = {
    "sequential": {"epochs": 60, "mixup": 0.1, "erasing": 0.1},
    "emotion_net": {"epochs": 60},
    "resnet18": {"epochs": 40, "options": {"stem": "stride2"}},
    "block_cnn": {"epochs": 40},
    "densenet121": {"epochs": 40, "options": {"stem": "stride2"}},
    "plain_cnn": {"epochs": 40, "lr": 0.02},
    "resnet50": {"epochs": 40, "options": {"stem": "stride2"}},
    "mobilenet_v3_small": {"epochs": 60, "options": {"stem": "small"}},
    "efficientnet_b0": {"epochs": 40, "options": {"stem": "small"}},
}

# The study's five; its validation peaks between epochs 12 and 30.
_STUDY = ("block_cnn", "plain_cnn", "resnet18", "resnet50", "densenet121")


def reference_configs(data: str = "fer2013") -> dict[str, TrainConfig]:
    """All reference runs by name, most valuable first.

    Args:
        data: Where FER-2013 is, as for ``load_data``.
    """
    configs = {
        f"best-{model}": recipe_config("best", model, **(_ROBUST | settings), data=data)
        for model, settings in _BEST.items()
    }
    for model in _STUDY:
        configs[f"study-{model}"] = recipe_config("study", model, data=data)
    return configs


def reference_config(name: str, data: str = "fer2013") -> TrainConfig:
    """One reference run's settings.

    Raises:
        ConfigError: there is no such reference run.
    """
    configs = reference_configs(data)
    if name not in configs:
        raise ConfigError(unknown("reference run", name, configs))
    return configs[name]


def same_experiment(one: TrainConfig, other: TrainConfig) -> bool:
    """Whether two configs differ at most in the machine and the place of the data."""
    neutral: dict[str, Any] = {
        item.name: item.default for item in TrainConfig.settings() if item.name in _MACHINE
    }
    neutral["data"] = ""
    return one.replace(**neutral) == other.replace(**neutral)


def reference_name(run: Run) -> str:
    """Name of the reference run that a run is one of; empty if none."""
    config = run.config()
    for name, reference in reference_configs().items():
        if same_experiment(config, reference):
            return name
    return ""
