"""The settings of a training run by group: each with its default, meaning and limits in one place."""

import re
from dataclasses import dataclass

from emotion_core.config import Config, setting
from emotion_core.errors import ConfigError
from emotion_core.records import Scalar

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_LONGEST_NOTE = 200  # letters
_LONGEST_TAG = 30
_MOST_DEVICES = 64  # of one machine


@dataclass(frozen=True, kw_only=True)
class BasicSettings(Config):
    """What is trained, on what, and for how long."""

    model: str = setting("sequential", "registered model name")
    options: dict[str, Scalar] = setting(
        {}, "model options, such as stem=small or pretrained=true", group="model"
    )
    data: str = setting("synthetic", "data set: a path, or 'synthetic' for drawn faces")
    recipe: str = setting(
        "ours", "preset that the other settings start from", choices=("ours", "study", "baseline")
    )
    epochs: int = setting(40, "passes over the training split", low=1, high=1000)
    batch_size: int = setting(64, "images per step", low=2, high=4096)
    seed: int = setting(
        0, "seed of the split's draw order, augmentation and weights", low=0, high=2**40
    )


@dataclass(frozen=True, kw_only=True)
class IdentitySettings(Config):
    """What the run is called."""

    GROUP = "identity"

    name: str = setting(
        "",
        "what the run is called, unique; empty: the model's name, with a number where it is taken",
    )
    note: str = setting("", "one sentence on what the run is for")
    tag: str = setting("", "a word or two that pickers find the run by")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name:
            check_name(self.name)
        if len(self.note) > _LONGEST_NOTE or not self.note.isprintable():
            raise ConfigError(
                f"note must be one line of at most {_LONGEST_NOTE} letters, got {self.note[:40]!r}"
                f"{'...' if len(self.note) > 40 else ''} with {len(self.note)}."
            )
        if len(self.tag) > _LONGEST_TAG or not self.tag.isprintable():
            raise ConfigError(
                f"tag must be one line of at most {_LONGEST_TAG} letters, got {self.tag[:40]!r}."
            )


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings(Config):
    """How the weights change."""

    GROUP = "optimizer"

    optimizer: str = setting("sgd", "optimizer", choices=("sgd", "adam", "adamw"))
    lr: float = setting(0.05, "peak learning rate, reached after warm-up", low=1e-7, high=10)
    momentum: float = setting(0.9, "Nesterov momentum (sgd only)", low=0, high=0.999)
    weight_decay: float = setting(5e-4, "decay of weights, not of biases and norms", low=0, high=1)
    schedule: str = setting("cosine", "learning rate over time", choices=("cosine", "constant"))
    warmup_epochs: float = setting(1.0, "epochs of linear warm-up", low=0, high=1000)
    clip_norm: float = setting(5.0, "largest gradient norm; 0 turns clipping off", low=0, high=1e6)
    ema: float = setting(
        0.999, "decay per step of the averaged weights; 0 turns them off", low=0, high=0.99999
    )
    early_stopping: int = setting(
        0, "stop after this many epochs without a better validation; 0 never", low=0, high=1000
    )
    monitor: str = setting(
        "accuracy",
        "validation metric that picks the best epoch; last keeps the last one, for short runs that go "
        "on from another one with other faces than validation has",
        choices=("accuracy", "macro_f1", "loss", "last"),
    )


@dataclass(frozen=True, kw_only=True)
class RegularisationSettings(Config):
    """What the targets and the drawn images are, against overfitting."""

    GROUP = "regularisation"

    label_smoothing: float = setting(
        0.1, "share of each target spread over all classes", low=0, high=0.9
    )
    mixup: float = setting(
        0.2, "alpha of mixup's Beta distribution; 0 turns it off", low=0, high=10
    )
    votes: float = setting(0.0, "weight of a head for FER+ votes; 0 turns it off", low=0, high=10)
    class_weights: str = setting(
        "none",
        "loss weight per class: scikit-learn's balanced (the study's), or its square root",
        choices=("none", "balanced", "sqrt"),
    )
    sampling: str = setting(
        "none",
        "which images each epoch draws: all once, classes equally often, "
        "all classes repeated up to the largest, or cut down to the smallest",
        choices=("none", "balanced", "over", "under"),
    )
    val_fraction: float = setting(
        0.1, "share of train held out for validation, if the data has none", low=0.01, high=0.5
    )


@dataclass(frozen=True, kw_only=True)
class AugmentationSettings(Config):
    """How training images are changed, and all pixels normalised."""

    GROUP = "augmentation"

    plain_copy: bool = setting(
        False, "show each image once plain and once augmented per epoch, as the study did"
    )
    flip: float = setting(0.5, "probability of a left-right flip", low=0, high=1)
    rotation: float = setting(12.0, "largest rotation in degrees", low=0, high=180)
    translation: float = setting(0.08, "largest shift, as a share of the width", low=0, high=0.5)
    scale: float = setting(0.15, "largest zoom in or out, as a share", low=0, high=0.5)
    brightness: float = setting(
        0.2, "largest change of brightness, as a share of white", low=0, high=1
    )
    contrast: float = setting(0.3, "largest change of contrast, as a share", low=0, high=1)
    blur: float = setting(0.0, "probability of blur or low resolution", low=0, high=1)
    noise: float = setting(
        0.0, "largest standard deviation of pixel noise, as a share of white", low=0, high=0.5
    )
    jpeg: float = setting(0.0, "probability of JPEG compression", low=0, high=1)
    erasing: float = setting(0.25, "probability of erasing one rectangle", low=0, high=1)
    normalize: str = setting(
        "image",
        "pixel normalization: each image by itself, by the training split's mean and deviation, or 0..1",
        choices=("image", "dataset", "unit"),
    )


@dataclass(frozen=True, kw_only=True)
class EarlierSettings(Config):
    """Which earlier runs the training profits from."""

    GROUP = "earlier"

    start_from: str = setting(
        "",
        "run whose weights training starts from, of the same architecture or one it grows out of; "
        "the mean of several, separated by commas; empty: fresh ones",
    )
    teacher: str = setting(
        "", "runs, separated by commas, whose mean answers are learned beside the labels"
    )
    teacher_share: float = setting(
        0.5, "weight of the teachers' answers against the labels", low=0, high=1
    )
    average_with: str = setting(
        "",
        "runs, separated by commas, whose weights are averaged with the trained ones at the end, "
        "each if validation gains by it; it does for runs that started from one another",
    )
    average_share: float = setting(0.0, "new weights' share in it; 0: equal", low=0, high=0.99)
    frozen_norm: bool = setting(
        False,
        "batch norms keep the statistics that the run goes on from; for few or augmented faces, "
        "whose statistics are not those that it will meet",
    )
    train_on: str = setting(
        "train",
        "splits to learn; train+val repeats the run chosen_by once everything is chosen",
        choices=("train", "train+val"),
    )
    chosen_by: str = setting(
        "",
        "with train_on=train+val: finished run of the same settings, whose best epoch, validation "
        "figures and calibration are used",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.final != bool(self.chosen_by):
            raise ConfigError(
                f"chosen_by names the run that train_on=train+val repeats, got '{self.chosen_by}' "
                f"for train_on={self.train_on}. Give both, or take them from a run: --like RUN."
            )

    @property
    def final(self) -> bool:
        """Whether the validation faces are learned, too."""
        return self.train_on != "train"


@dataclass(frozen=True, kw_only=True)
class MachineSettings(Config):
    """What the training runs on; it decides the speed."""

    GROUP = "machine"

    precision: str = setting(
        "auto",
        "arithmetic; auto is bf16 on GPUs and CPUs with instructions for it",
        choices=("auto", "fp32", "bf16"),
    )
    device: str = setting("auto", "auto, cpu or cuda:N")
    devices: str = setting(
        "1", "how many GPUs, or with cpu processes, train the run together; all: every GPU"
    )
    compile: bool = setting(False, "compile the model with torch.compile first")
    threads: int = setting(0, "CPU threads; 0 leaves it to PyTorch", low=0, high=1024)

    def __post_init__(self) -> None:
        super().__post_init__()
        kind, _, index = self.device.partition(":")
        if kind not in ("auto", "cpu", "cuda") or (
            index and not (kind == "cuda" and index.isdigit())
        ):
            raise ConfigError(f"device must be auto, cpu, cuda or cuda:N, got '{self.device}'.")
        if self.devices != "all" and not (
            self.devices.isdecimal() and 1 <= int(self.devices) <= _MOST_DEVICES
        ):
            raise ConfigError(
                f"devices must be all or a number from 1 to {_MOST_DEVICES}, got '{self.devices}'."
            )
        if index and self.devices != "1":
            raise ConfigError(
                f"device {self.device} names one GPU, but devices is {self.devices}. Give cuda, "
                "which takes the first ones, or leave devices out."
            )


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
