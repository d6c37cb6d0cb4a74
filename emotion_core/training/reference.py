"""The project's reference runs on FER-2013, as configs: ``reproduce`` trains exactly these."""

from typing import Any

from emotion_core.data.sources import same_source
from emotion_core.errors import ConfigError, unknown
from emotion_core.recipes import TrainConfig, listed, recipe_config
from emotion_core.runs.catalog import is_shipped, list_runs, load_run
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run

# Blur and noise for faces from elsewhere: other cameras, low resolution. Mixup and erasing are
# milder than the recipe's, because 40 to 60 epochs on a CPU end before a model overfits.
_OURS: dict[str, Any] = {
    "blur": 0.15,
    "noise": 0.03,
    "mixup": 0.1,
    "erasing": 0.1,
    "batch_size": 128,
    "lr": 0.1,
}

_SEQUENTIAL = "20261123-022504-sequential-s0"
_SENET = "20261123-053949-senet-s0"
_SENET_TAUGHT = "20261123-141745-senet-s0"
_LITE0 = "20261125-190251-efficientnet_lite0-s0"
_LITE0_FINER = "20261125-200318-efficientnet_lite0-s0"
_EMOTION_NET = "20261125-221838-emotion_net-s0"
_EMOTION_NET_TAUGHT = "20261125-225117-emotion_net-s0"
_SEQUENTIAL_TAUGHT = "20261126-010249-sequential-s0"
_EMOTION_NET_AGAIN = "20261126-014554-emotion_net-s0"
_EMOTION_NET_LONG = "20261126-072918-emotion_net-s0"
_SEQUENTIAL_FINE = "20261126-072918-sequential-s0"
_EMOTION_NET_ENSEMBLE = "20261126-101828-emotion_net-s0"
_EMOTION_NET_MEAN = "20261126-151739-emotion_net-s0"
_EMOTION_NET_CLEAN = "20261126-155620-emotion_net-s0"
_EMOTION_NET_SOUP = "20261126-162353-emotion_net-s2"
_EMOTION_NET_AGAIN_CLEAN = "20261126-163331-emotion_net-s0"
_SEQUENTIAL_FINE_CLEAN = "20261126-163838-sequential-s0"
_SEQUENTIAL_TAUGHT_CLEAN = "20261126-164235-sequential-s0"
_LITE0_FINER_CLEAN = "20261126-164410-efficientnet_lite0-s0"
_EMOTION_NET_CLEAN_TAUGHT = "20261126-170306-emotion_net-s2"
_EMOTION_NET_CLEAN_LONGER = "20261126-183950-emotion_net-s3"
_EMOTION_NET_LABELS = "20261126-192816-emotion_net-s7"
_SEQUENTIAL_FINE_LABELS = "20261126-203447-sequential-s7"
_EMOTION_NET_LABELS_AGAIN = "20261126-203909-emotion_net-s8"
_EMOTION_NET_RETAUGHT = "20261127-112722-emotion_net-s13"
_EMOTION_NET_RETAUGHT_CLEAN = "20261127-131321-emotion_net-s14"
_LITE0_FINER_LABELS = "20261127-213809-efficientnet_lite0-s21"
_MOBILENET_V1 = "20261127-214342-mobilenet_v1-s22"
# Earlier runs teach, since on a CPU a slow network has time for a dozen epochs. The best epoch is
# chosen by loss, since accuracy on 2,871 validation faces moves by a point from epoch to epoch.
_TAUGHT: dict[str, Any] = {
    "teacher": f"{_SEQUENTIAL}, {_SENET_TAUGHT}",
    "teacher_share": 0.7,
    "monitor": "loss",
    "jpeg": 0.15,
}
# The same with better teachers, and without mixup and erasing: in so few epochs nothing overfits.
_TAUGHT_BRIEFLY: dict[str, Any] = _TAUGHT | {
    "teacher": f"{_LITE0}, {_SEQUENTIAL}",
    "mixup": 0.0,
    "erasing": 0.0,
    "batch_size": 64,
    "optimizer": "adamw",
    "lr": 1e-3,
    "weight_decay": 0.02,
}
# And with three that differ more: from ImageNet's weights, from fresh ones and from a face network's.
_TAUGHT_BY_THREE: dict[str, Any] = _TAUGHT_BRIEFLY | {
    "teacher": f"{_LITE0_FINER}, {_SEQUENTIAL}, {_EMOTION_NET}",
}
# Pretrained weights need small steps.
_FINE: dict[str, Any] = {
    "optimizer": "adamw",
    "weight_decay": 0.02,
    "batch_size": 64,
    "jpeg": 0.15,
    "monitor": "loss",
}
# Two epochs of faces as they come, after dozens of epochs of faces made harder, and the mean of the
# weights before and after: the faces to be recognised are no mixtures and have no holes.
_CLEAN: dict[str, Any] = _FINE | {
    "epochs": 2,
    "lr": 2e-4,
    "weight_decay": 0.05,
    "warmup_epochs": 0.2,
    "mixup": 0.0,
    "erasing": 0.0,
    "blur": 0.0,
    "noise": 0.0,
    "jpeg": 0.0,
    "rotation": 8.0,
    "translation": 0.05,
    "scale": 0.1,
    "brightness": 0.1,
    "contrast": 0.15,
}
# Labels alone and as they are, without smoothing, mixup and teachers, rare emotions weighed up: less
# accurate for it, but it errs elsewhere than networks that learned from one another.
_LABELS: dict[str, Any] = _FINE | {
    "lr": 1e-3,
    "weight_decay": 0.05,
    "mixup": 0.0,
    "erasing": 0.1,
    "scale": 0.2,
    "label_smoothing": 0.0,
    "class_weights": "sqrt",
    "monitor": "accuracy",
}
# The same on clearer faces.
_CLEAR_LABELS: dict[str, Any] = _LABELS | {
    "blur": 0.0,
    "noise": 0.0,
    "jpeg": 0.0,
    "rotation": 10.0,
    "translation": 0.08,
    "scale": 0.15,
}

_BEST: dict[str, dict[str, Any]] = {
    "sequential": {"epochs": 60},
    "sequential-taught": _TAUGHT
    | {
        "model": "sequential",
        "epochs": 80,
        "mixup": 0.2,
        "erasing": 0.2,
        "scale": 0.2,
        "teacher": f"{_LITE0_FINER}, {_SEQUENTIAL}, {_EMOTION_NET_TAUGHT}",
    },
    # Each face at its full resolution through the first stage, for four times the work.
    "sequential-fine": {
        "model": "sequential",
        "options": {"stem_stride": 1},
        "epochs": 78,
        "mixup": 0.3,
        "erasing": 0.2,
        "scale": 0.2,
        "jpeg": 0.15,
        "monitor": "loss",
    },
    "efficientnet_lite0": _FINE
    | {"options": {"pretrained": True}, "epochs": 10, "lr": 7e-4, "mixup": 0.2},
    "emotion_net": _FINE
    | {
        "options": {"pretrained": True},
        "epochs": 12,
        "lr": 5e-4,
        "warmup_epochs": 0.5,
        "mixup": 0.2,
        "scale": 0.2,
    },
    # Labels alone, for as long as a core had time: a teacher that owes nothing to the others.
    "emotion_net-long": _FINE
    | {
        "model": "emotion_net",
        "options": {"pretrained": True},
        "epochs": 54,
        "lr": 1e-3,
        "weight_decay": 0.05,
        "mixup": 0.3,
        "erasing": 0.2,
        "scale": 0.2,
    },
    # From there, taught by the four members of the ensemble that validation chooses.
    "emotion_net-ensemble": _FINE
    | {
        "model": "emotion_net",
        "epochs": 50,
        "lr": 1e-3,
        "weight_decay": 0.05,
        "mixup": 0.2,
        "erasing": 0.2,
        "scale": 0.2,
        "start_from": _EMOTION_NET_LONG,
        "teacher": f"{_EMOTION_NET_AGAIN}, {_EMOTION_NET_LONG}, {_SEQUENTIAL_FINE}, {_LITE0_FINER}",
        "teacher_share": 0.7,
    },
    "emotion_net-taught": _TAUGHT_BY_THREE
    | {
        "model": "emotion_net",
        "epochs": 14,
        "lr": 8e-4,
        "warmup_epochs": 0.5,
        "erasing": 0.1,
        "scale": 0.2,
        "start_from": _EMOTION_NET,
    },
    # Born again (Furlanello et al. 2018): it is one of its own teachers, and has time to learn more.
    "emotion_net-again": _TAUGHT_BY_THREE
    | {
        "model": "emotion_net",
        "epochs": 42,
        "weight_decay": 0.05,
        "mixup": 0.1,
        "erasing": 0.1,
        "scale": 0.2,
        "start_from": _EMOTION_NET_TAUGHT,
        "teacher": f"{_LITE0_FINER}, {_SEQUENTIAL}, {_SEQUENTIAL_TAUGHT}, {_EMOTION_NET_TAUGHT}",
    },
    "emotion_net-again-clean": _CLEAN
    | {
        "model": "emotion_net",
        "start_from": _EMOTION_NET_AGAIN,
        "average_with": _EMOTION_NET_AGAIN,
    },
    # Between the two that lie in one basin, taught by all that the ensemble had.
    "emotion_net-mean": _FINE
    | {
        "model": "emotion_net",
        "epochs": 20,
        "lr": 7e-4,
        "weight_decay": 0.05,
        "warmup_epochs": 0.5,
        "mixup": 0.2,
        "erasing": 0.2,
        "scale": 0.2,
        "start_from": f"{_EMOTION_NET_ENSEMBLE}, {_EMOTION_NET_LONG}",
        "teacher": f"{_EMOTION_NET_ENSEMBLE}, {_EMOTION_NET_AGAIN}, {_EMOTION_NET_LONG}, "
        f"{_SEQUENTIAL_FINE}, {_LITE0_FINER}",
        "teacher_share": 0.7,
    },
    "emotion_net-clean": _CLEAN
    | {
        "model": "emotion_net",
        "epochs": 6,
        "start_from": f"{_EMOTION_NET_ENSEMBLE}, {_EMOTION_NET_LONG}",
    },
    "emotion_net-soup": _CLEAN
    | {
        "model": "emotion_net",
        "seed": 2,
        "start_from": f"{_EMOTION_NET_MEAN}, {_EMOTION_NET_CLEAN}",
        "average_with": f"{_EMOTION_NET_CLEAN}, {_EMOTION_NET_MEAN}, {_EMOTION_NET_ENSEMBLE}",
    },
    # From the other basin, taught by networks that owe it little.
    "emotion_net-clean-taught": _CLEAN
    | {
        "model": "emotion_net",
        "seed": 2,
        "start_from": f"{_EMOTION_NET_AGAIN}, {_EMOTION_NET_AGAIN_CLEAN}",
        "teacher": f"{_EMOTION_NET_SOUP}, {_SEQUENTIAL_FINE_CLEAN}, {_SEQUENTIAL_TAUGHT_CLEAN}",
        "teacher_share": 0.6,
        "average_with": f"{_EMOTION_NET_AGAIN_CLEAN}, {_EMOTION_NET_AGAIN}",
    },
    "emotion_net-clean-longer": _CLEAN
    | {
        "model": "emotion_net",
        "epochs": 8,
        "lr": 3e-4,
        "seed": 3,
        "start_from": _EMOTION_NET_CLEAN_TAUGHT,
        "teacher": f"{_EMOTION_NET_CLEAN_TAUGHT}, {_EMOTION_NET_SOUP}, {_SEQUENTIAL_FINE_CLEAN}, "
        f"{_SEQUENTIAL_TAUGHT_CLEAN}, {_LITE0_FINER_CLEAN}",
        "teacher_share": 0.7,
        "average_with": _EMOTION_NET_CLEAN_TAUGHT,
    },
    # From there once more on faces made harder, taught by four members of the ensemble that
    # validation chooses, two of which learned the labels alone; then clean epochs and a mean again.
    "emotion_net-retaught": _FINE
    | {
        "model": "emotion_net",
        "epochs": 17,
        "lr": 7e-4,
        "weight_decay": 0.05,
        "warmup_epochs": 0.5,
        "mixup": 0.1,
        "erasing": 0.1,
        "scale": 0.2,
        "label_smoothing": 0.05,
        "seed": 13,
        "start_from": _EMOTION_NET_CLEAN_LONGER,
        "teacher": f"{_SEQUENTIAL_FINE_LABELS}, {_EMOTION_NET_SOUP}, {_LITE0_FINER_CLEAN}, "
        f"{_EMOTION_NET_LABELS_AGAIN}",
        "teacher_share": 0.6,
    },
    "emotion_net-retaught-clean": _CLEAN
    | {
        "model": "emotion_net",
        "seed": 14,
        "start_from": _EMOTION_NET_RETAUGHT,
        "average_with": f"{_EMOTION_NET_RETAUGHT}, {_EMOTION_NET_CLEAN_LONGER}",
    },
    "emotion_net-labels": _CLEAR_LABELS
    | {
        "model": "emotion_net",
        "epochs": 20,
        "warmup_epochs": 0.5,
        "seed": 7,
        "start_from": _EMOTION_NET,
    },
    # From there once more at the first rate, which finds another optimum (Huang et al. 2017).
    "emotion_net-labels-again": _CLEAR_LABELS
    | {
        "model": "emotion_net",
        "epochs": 5,
        "warmup_epochs": 0.3,
        "seed": 8,
        "start_from": _EMOTION_NET_LABELS,
    },
    # From face recognition weights, with mixup, blur and noise, so that they hold up under noise.
    "emotion_net-labels-fresh": _LABELS
    | {
        "model": "emotion_net",
        "options": {"pretrained": True},
        "epochs": 38,
        "warmup_epochs": 0.5,
        "mixup": 0.2,
        "erasing": 0.2,
        "seed": 11,
    },
    "emotion_net-soup-labels": _LABELS
    | {
        "model": "emotion_net",
        "epochs": 6,
        "warmup_epochs": 0.3,
        "seed": 9,
        "start_from": _EMOTION_NET_SOUP,
    },
    "sequential-fine-labels": _CLEAR_LABELS
    | {
        "model": "sequential",
        "options": {"stem_stride": 1},
        "epochs": 6,
        "warmup_epochs": 0.3,
        "seed": 7,
        "start_from": _SEQUENTIAL_FINE_CLEAN,
    },
    "efficientnet_lite0-finer-labels": _CLEAR_LABELS
    | {
        "model": "efficientnet_lite0",
        "options": {"finer": True, "dropout": 0.3},
        "epochs": 9,
        "lr": 6e-4,
        "warmup_epochs": 0.3,
        "seed": 21,
        "start_from": _LITE0_FINER_CLEAN,
    },
    # Labels alone, from weights for face recognition; with mixup, blur, noise and JPEG.
    "mobilenet_v1": _LABELS
    | {
        "options": {"pretrained": True},
        "epochs": 18,
        "lr": 7e-4,
        "warmup_epochs": 0.5,
        "mixup": 0.1,
        "seed": 22,
    },
    "mobilenet_v1-clean-taught": _CLEAN
    | {
        "model": "mobilenet_v1",
        "lr": 3e-4,
        "seed": 23,
        "start_from": _MOBILENET_V1,
        "teacher": f"{_EMOTION_NET_RETAUGHT_CLEAN}, {_LITE0_FINER_LABELS}, {_SEQUENTIAL_FINE_LABELS}",
        "teacher_share": 0.6,
        "average_with": _MOBILENET_V1,
    },
    "sequential-taught-clean": _CLEAN
    | {
        "model": "sequential",
        "epochs": 3,
        "start_from": _SEQUENTIAL_TAUGHT,
        "average_with": _SEQUENTIAL_TAUGHT,
    },
    "sequential-fine-clean": _CLEAN
    | {
        "model": "sequential",
        "options": {"stem_stride": 1},
        "start_from": _SEQUENTIAL_FINE,
        "average_with": _SEQUENTIAL_FINE,
    },
    "efficientnet_lite0-finer-clean": _CLEAN
    | {
        "model": "efficientnet_lite0",
        "options": {"finer": True, "dropout": 0.3},
        "weight_decay": 0.02,
        "start_from": _LITE0_FINER,
        "average_with": _LITE0_FINER,
    },
    "efficientnet_lite0-finer": _TAUGHT_BRIEFLY
    | {
        "model": "efficientnet_lite0",
        "options": {"finer": True, "dropout": 0.3},
        "epochs": 8,
        "lr": 4e-4,
        "warmup_epochs": 0.5,
        "mixup": 0.1,
        "erasing": 0.1,
        "scale": 0.2,
        "start_from": _LITE0,
    },
    "resnet18": _TAUGHT_BY_THREE | {"epochs": 16},
    "block_cnn": _TAUGHT_BY_THREE | {"epochs": 16},
    "block_cnn-labels": _LABELS | {"model": "block_cnn", "epochs": 46, "seed": 1},
    # Ten layers without batch norm: SGD stayed at the majority class (25 %) for two epochs, AdamW in
    # batches of 128 for one. Smaller steps more often, as the study took them.
    "plain_cnn": _TAUGHT_BY_THREE | {"epochs": 18, "lr": 5e-4, "weight_decay": 5e-4},
    "densenet121": _TAUGHT_BY_THREE | {"epochs": 18},
    "resnet50": _TAUGHT_BY_THREE | {"epochs": 18},
    "mobilenet_v3_small": {"epochs": 20} | _TAUGHT,
    # Its second halving left out, for 2.5 times the work; the last stage sees 3x3 places, not 2x2.
    "mobilenet_v3_small-finer": _TAUGHT_BRIEFLY
    | {
        "model": "mobilenet_v3_small",
        "options": {"stem": "stride2"},
        "epochs": 18,
        "lr": 2e-3,
        "seed": 1,
        "teacher": _SEQUENTIAL_TAUGHT_CLEAN,
    },
    "efficientnet_b0": _TAUGHT_BRIEFLY | {"epochs": 12},
    # Earlier designs of emotion_net. Grown out of a trained network: more to overfit with, hence
    # more mixup and erasing.
    "grown_net": {
        "epochs": 20,
        "lr": 0.05,
        "mixup": 0.2,
        "erasing": 0.2,
        "start_from": _SEQUENTIAL,
    }
    | _TAUGHT,
    "senet": {"epochs": 50, "small_faces": 0.7},
    "senet-taught": {
        "model": "senet",
        "epochs": 20,
        "lr": 0.05,
        "jpeg": 0.15,
        "start_from": _SENET,
        "teacher": f"{_SEQUENTIAL}, {_SENET}",
    },
}

# Runs that were trained once more with the validation faces, and under which names.
_REFITS: dict[str, tuple[str, str]] = {
    "emotion_net-retaught": (_EMOTION_NET_RETAUGHT, "20261127-184719-emotion_net-s13"),
    "emotion_net-retaught-clean": (_EMOTION_NET_RETAUGHT_CLEAN, "20261127-193304-emotion_net-s14"),
    "emotion_net-clean": (_EMOTION_NET_CLEAN, "20261127-193543-emotion_net-s0"),
    "emotion_net-mean": (_EMOTION_NET_MEAN, "20261127-193832-emotion_net-s0"),
    "emotion_net-soup": (_EMOTION_NET_SOUP, "20261127-203639-emotion_net-s2"),
    "emotion_net-labels": (_EMOTION_NET_LABELS, "20261127-192034-emotion_net-s7"),
    "emotion_net-labels-again": (_EMOTION_NET_LABELS_AGAIN, "20261127-200424-emotion_net-s8"),
    "sequential-fine-labels": (_SEQUENTIAL_FINE_LABELS, "20261127-201600-sequential-s7"),
    "efficientnet_lite0-finer-clean": (_LITE0_FINER_CLEAN, "20261127-202552-efficientnet_lite0-s0"),
}

# The study's five. It kept the epoch of the best validation out of 30; at a constant rate nothing
# that comes after that epoch changes it, so a run ends when six epochs brought nothing better.
# The committed runs were cut where a core's time ended.
_STUDY = {"block_cnn": 12, "plain_cnn": 12, "resnet18": 15, "resnet50": 8, "densenet121": 10}
_STUDY_PATIENCE = 6


def reference_configs(data: str = "fer2013") -> dict[str, TrainConfig]:
    """All reference runs by name, most valuable first.

    Args:
        data: Where FER-2013 is, as for ``load_data``.
    """
    configs = {
        f"best-{name}": recipe_config("ours", **({"model": name} | _OURS | settings), data=data)
        for name, settings in _BEST.items()
    }
    finals = dict(_REFITS.values())
    for name, (chosen, _) in _REFITS.items():
        config = configs[f"best-{name}"]
        taken = {
            setting: ", ".join(finals.get(name, name) for name in listed(getattr(config, setting)))
            for setting in ("start_from", "average_with")
        }
        configs[f"best-{name}-refit"] = config.replace(
            train_on="train+val", chosen_by=chosen, **taken
        )
    for model, epochs in _STUDY.items():
        configs[f"study-{model}"] = recipe_config(
            "study", model, epochs=epochs, early_stopping=_STUDY_PATIENCE, data=data
        )
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


# One change at a time of the first reference run, for fewer epochs.
ABLATIONS: dict[str, dict[str, Any]] = {
    "our recipe": {},
    "no label smoothing": {"label_smoothing": 0.0},
    "no mixup": {"mixup": 0.0},
    "no averaged weights": {"ema": 0.0},
    "no flip, rotation, shift, zoom": {
        "flip": 0.0,
        "rotation": 0.0,
        "translation": 0.0,
        "scale": 0.0,
    },
    "no light, blur, noise, erasing": {
        "brightness": 0.0,
        "contrast": 0.0,
        "blur": 0.0,
        "noise": 0.0,
        "erasing": 0.0,
    },
    "no weight decay": {"weight_decay": 0.0},
    "balanced class weights": {"class_weights": "balanced"},
    "square-root class weights": {"class_weights": "sqrt"},
    "constant learning rate": {"schedule": "constant"},
    "adam, 0.001": {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.0},
    "batch 32, rate 0.05": {"batch_size": 32, "lr": 0.05},
    "pixels by the data set's mean": {"normalize": "dataset"},
    "stem without stride": {"options": {"stem_stride": 1}},
}


def ablation_config(change: str, *, epochs: int, seed: int, data: str = "fer2013") -> TrainConfig:
    """Settings of the first reference run with one change.

    Args:
        change: A key of ``ABLATIONS``.
        epochs: Length of each run.
        seed: Of weights and draws.
        data: Where FER-2013 is.
    """
    base = reference_config("best-sequential", data)
    return base.replace(**ABLATIONS[change], epochs=epochs, seed=seed)


def same_experiment(one: TrainConfig, other: TrainConfig) -> bool:
    """Whether two configs differ at most in the machine and the place of the data."""
    return not one.difference(other)


def find_run(config: TrainConfig, *, finished: bool) -> Run | None:
    """The newest run of an experiment that is not shipped; None if there is none.

    Args:
        config: The experiment.
        finished: Whether a finished run is wanted, or one to go on with.
    """
    for run in list_runs():
        if run.problem or is_shipped(run) or not same_experiment(run.config(), config):
            continue
        ended = run.status().state == "finished"
        if ended == finished and same_source(run.config().data, config.data):
            return run
    return None


def run_of(config: TrainConfig) -> Run:
    """The run of an experiment: a finished one, else one to go on with, else a new one."""
    found = find_run(config, finished=True) or find_run(config, finished=False)
    return found or create_run(config)


def without_weights(config: TrainConfig) -> dict[str, str]:
    """Earlier runs that a config names, that are here without weights, and that can be trained.

    Returns:
        Name of the reference run that it is by the name in the config.

    Raises:
        RunError: there is no such run.
    """
    runs = {name: load_run(name) for name in config.earlier()}
    return {
        name: reference
        for name, run in runs.items()
        if not run.weights_path.exists() and (reference := reference_name(run))
    }


def reference_name(run: Run) -> str:
    """Name of the reference run that a run is one of; empty if none."""
    config = run.config()
    for name, reference in reference_configs().items():
        if same_experiment(config, reference):
            return name
    return ""
