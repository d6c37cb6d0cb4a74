"""What decides the result of a training run: its settings, and the two recipes that preset them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from emotion_core.config import Config, setting
from emotion_core.errors import ConfigError

RECIPES = ("ours", "study")  # that networks are trained by; "baseline" is the classical one's

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_LONGEST_NOTE = 200  # letters

# Settings that name earlier runs, through which a run profits from their training.
EARLIER = ("start_from", "teacher", "average_with")


def listed(names: str) -> list[str]:
    """The names that a setting lists, separated by commas."""
    return [name for part in names.split(",") if (name := part.strip())]


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Config):
    """Everything that decides the result of a training run."""

    model: str = setting("sequential", "registered model name")
    options: dict[str, Any] = setting(
        {}, "model options, such as stem=small or pretrained=true", group="model"
    )
    data: str = setting("synthetic", "data set: a path, or 'synthetic' for drawn faces")
    recipe: str = setting(
        "ours", "preset that the other settings start from", choices=(*RECIPES, "baseline")
    )
    epochs: int = setting(40, "passes over the training split", low=1, high=1000)
    batch_size: int = setting(64, "images per step", low=2, high=4096)
    seed: int = setting(
        0, "seed of the split's draw order, augmentation and weights", low=0, high=2**40
    )

    name: str = setting(
        "",
        "what the run is called, unique; empty: the model's name, with a number where it is taken",
        group="identity",
    )
    note: str = setting("", "one sentence on what the run is for", group="identity")

    optimizer: str = setting(
        "sgd", "optimizer", choices=("sgd", "adam", "adamw"), group="optimizer"
    )
    lr: float = setting(
        0.05, "peak learning rate, reached after warm-up", low=1e-7, high=10, group="optimizer"
    )
    momentum: float = setting(
        0.9, "Nesterov momentum (sgd only)", low=0, high=0.999, group="optimizer"
    )
    weight_decay: float = setting(
        5e-4, "decay of weights, not of biases and norms", low=0, high=1, group="optimizer"
    )
    schedule: str = setting(
        "cosine", "learning rate over time", choices=("cosine", "constant"), group="optimizer"
    )
    warmup_epochs: float = setting(
        1.0, "epochs of linear warm-up", low=0, high=1000, group="optimizer"
    )
    clip_norm: float = setting(
        5.0,
        "largest gradient norm; 0 turns clipping off",
        low=0,
        high=1e6,
        group="optimizer",
    )
    ema: float = setting(
        0.999,
        "decay a step of the averaged weights; 0 turns them off",
        low=0,
        high=0.99999,
        group="optimizer",
    )
    early_stopping: int = setting(
        0,
        "stop after this many epochs without a better validation; 0 never",
        low=0,
        high=1000,
        group="optimizer",
    )
    monitor: str = setting(
        "accuracy",
        "validation metric that picks the best epoch",
        choices=("accuracy", "macro_f1", "loss"),
        group="optimizer",
    )

    label_smoothing: float = setting(
        0.1, "share of each target spread over all classes", low=0, high=0.9, group="regularisation"
    )
    mixup: float = setting(
        0.2,
        "alpha of mixup's Beta distribution; 0 turns it off",
        low=0,
        high=10,
        group="regularisation",
    )
    class_weights: str = setting(
        "none",
        "loss weight a class: scikit-learn's balanced (the study's), or its square root",
        choices=("none", "balanced", "sqrt"),
        group="regularisation",
    )
    sampling: str = setting(
        "none",
        "which images an epoch draws: all once, classes equally often, "
        "all classes repeated up to the largest, or cut down to the smallest",
        choices=("none", "balanced", "over", "under"),
        group="regularisation",
    )
    val_fraction: float = setting(
        0.1,
        "share of train held out for validation, if the data has none",
        low=0.01,
        high=0.5,
        group="regularisation",
    )

    plain_copy: bool = setting(
        False,
        "show each image once plain and once augmented an epoch, as the study did",
        group="augmentation",
    )
    flip: float = setting(
        0.5, "probability of a left-right flip", low=0, high=1, group="augmentation"
    )
    rotation: float = setting(
        12.0, "largest rotation in degrees", low=0, high=180, group="augmentation"
    )
    translation: float = setting(
        0.08, "largest shift, as a share of the width", low=0, high=0.5, group="augmentation"
    )
    scale: float = setting(
        0.15, "largest zoom in or out, as a share", low=0, high=0.5, group="augmentation"
    )
    brightness: float = setting(
        0.2,
        "largest change of brightness, as a share of white",
        low=0,
        high=1,
        group="augmentation",
    )
    contrast: float = setting(
        0.3, "largest change of contrast, as a share", low=0, high=1, group="augmentation"
    )
    blur: float = setting(
        0.0, "probability of blur or low resolution", low=0, high=1, group="augmentation"
    )
    noise: float = setting(
        0.0,
        "largest standard deviation of pixel noise, as a share of white",
        low=0,
        high=0.5,
        group="augmentation",
    )
    jpeg: float = setting(
        0.0, "probability of JPEG compression", low=0, high=1, group="augmentation"
    )
    erasing: float = setting(
        0.25, "probability of erasing one rectangle", low=0, high=1, group="augmentation"
    )
    small_faces: float = setting(
        0.0,
        "share of the epochs, from the first, that train on faces scaled to 32 pixels, at half the cost",
        low=0,
        high=0.95,
        group="augmentation",
    )
    normalize: str = setting(
        "image",
        "pixel normalisation: each image by itself, by the training split's mean and deviation, or 0..1",
        choices=("image", "dataset", "unit"),
        group="augmentation",
    )

    start_from: str = setting(
        "",
        "run whose weights training starts from, of the same architecture or one it grows out of; "
        "the mean of several, separated by commas; empty: fresh ones",
        group="earlier",
    )
    teacher: str = setting(
        "",
        "runs, separated by commas, whose mean answers are learned beside the labels",
        group="earlier",
    )
    teacher_share: float = setting(
        0.5, "weight of the teachers' answers against the labels", low=0, high=1, group="earlier"
    )
    average_with: str = setting(
        "",
        "runs, separated by commas, whose weights are averaged with the trained ones at the end, "
        "each if validation gains by it; it does for runs that started from one another",
        group="earlier",
    )
    train_on: str = setting(
        "train",
        "splits to learn; train+val repeats the run chosen_by once everything is chosen",
        choices=("train", "train+val"),
        group="earlier",
    )
    chosen_by: str = setting(
        "",
        "with train_on=train+val: finished run of the same settings, whose best epoch, validation "
        "figures and calibration are used",
        group="earlier",
    )

    precision: str = setting(
        "auto",
        "arithmetic; auto is bf16 on GPUs and CPUs with instructions for it",
        choices=("auto", "fp32", "bf16"),
        group="machine",
    )
    device: str = setting("auto", "auto, cpu or cuda:N", group="machine")
    compile: bool = setting(False, "compile the model with torch.compile first", group="machine")
    threads: int = setting(
        0, "CPU threads; 0 leaves it to PyTorch", low=0, high=1024, group="machine"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        kind, _, index = self.device.partition(":")
        if kind not in ("auto", "cpu", "cuda") or (
            index and not (kind == "cuda" and index.isdigit())
        ):
            raise ConfigError(f"device must be auto, cpu, cuda or cuda:N, got '{self.device}'.")
        if self.name:
            check_name(self.name)
        if len(self.note) > _LONGEST_NOTE or not self.note.isprintable():
            raise ConfigError(
                f"note must be one line of at most {_LONGEST_NOTE} letters, got {self.note[:40]!r}"
                f"{'...' if len(self.note) > 40 else ''} with {len(self.note)}."
            )
        if self.final != bool(self.chosen_by):
            raise ConfigError(
                f"chosen_by names the run that train_on=train+val repeats, got '{self.chosen_by}' "
                f"for train_on={self.train_on}. Give both, or take them from a run: --like RUN."
            )

    @property
    def final(self) -> bool:
        """Whether the validation faces are learned, too."""
        return self.train_on != "train"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """As ``Config.from_dict``; what earlier versions wrote is translated: ``ours`` was called
        ``best``, and ``refit`` named the run that is now ``chosen_by``."""
        values = dict(values)
        if values.get("recipe") == "best":
            values["recipe"] = "ours"
        if chosen := values.pop("refit", ""):
            values |= {"train_on": "train+val", "chosen_by": chosen}
        return super().from_dict(values)

    def earlier(self) -> list[str]:
        """Names of the runs whose weights or answers go into this one, each once."""
        return list(dict.fromkeys(name for key in EARLIER for name in listed(getattr(self, key))))

    def difference(self, other: Self) -> list[str]:
        """Settings that differ, but for name and note, the machine's and the place of the data."""
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
_STUDY: dict[str, Any] = {
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


def check_name(name: str) -> None:
    """Check what a run is to be called.

    Raises:
        ConfigError: it breaks the rule.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            "name must begin with a letter or digit and have only lower-case letters, digits, "
            f"'-', '_' and '.', at most 60, such as 'resnet18-finer'; got {name[:80]!r}."
        )


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
    base: dict[str, Any] = {"recipe": recipe, "model": model}
    if recipe == "study":
        base |= _STUDY
        if model == "block_cnn":
            base["class_weights"] = "balanced"
    return TrainConfig.from_dict(base | given)
