"""What a run takes from earlier ones: weights to start from, and teachers' answers to learn."""

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import nn

from emotion_core.data.faces import BY_HAND, FaceData
from emotion_core.errors import TrainingError
from emotion_core.labels import NUM_CLASSES
from emotion_core.models.checkpoint import load_classifier, read_weights
from emotion_core.recipes import TrainConfig, listed
from emotion_core.runs.catalog import load_run
from emotion_core.runs.run import Run
from emotion_core.training.final import averaged_by_choice

log = logging.getLogger(__name__)

_BATCH = 512


def start_from(model: nn.Module, config: TrainConfig, data: FaceData) -> None:
    """Copy the weights of ``config.start_from`` into a new model, in place; of several runs their mean.

    Raises:
        RunError: there is no such run.
        TrainingError: one has weights that do not fit into this model, or learned faces that
            validate this run.
        CheckpointError: one has no weights, or they are damaged.
    """
    weights = earlier_weights("start_from", model, config, data)
    model.load_state_dict(mean_weights(list(weights.values())))


def average_candidates(
    model: nn.Module, config: TrainConfig, data: FaceData
) -> dict[str, dict[str, torch.Tensor]]:
    """Weights of the runs of ``config.average_with``, by run; of a final training only those in
    whose places the run that it repeats took one in.

    Raises:
        RunError, TrainingError, CheckpointError: as ``start_from``.
    """
    weights = earlier_weights("average_with", model, config, data)
    names = averaged_by_choice(config) if config.final else list(weights)
    return {name: weights[name] for name in names}


def average_with(
    model: nn.Module,
    others: Mapping[str, Mapping[str, torch.Tensor]],
    score: Callable[[nn.Module], float],
    share: float = 0.0,
) -> list[str]:
    """Average a trained model's weights with those of earlier runs, in place.

    A greedy soup (Wortsman et al. 2022): in the order they are named, each run is taken into the
    mean of the weights if that scores no worse with it. Runs help that started from one another's
    weights; from fresh ones each finds its own optimum, and a mean of those is no network.

    Args:
        model: The trained model.
        others: Weights by run, from ``average_candidates``.
        score: Of a model on validation; more is better.
        share: Weight of the trained model in the mean (0..1), the others sharing the rest: between
            old and new weights lie networks that keep most of what each can do (Wortsman et al.
            2022, "Robust fine-tuning"). 0: as much as each of the others.

    Returns:
        Names of the runs that were taken in.
    """
    taken: list[Mapping[str, torch.Tensor]] = [
        {name: value.cpu().clone() for name, value in model.state_dict().items()}
    ]
    best, names = score(model), []
    for name, weights in others.items():
        model.load_state_dict(mean_weights([*taken, weights], share))
        reached = score(model)
        better = reached >= best
        kept = "" if better else ", left out"
        log.info("mean with %s: validation %.4f, before %.4f%s", name, reached, best, kept)
        if better:
            best = reached
            taken.append(weights)
            names.append(name)
    model.load_state_dict(mean_weights(taken, share))
    return names


def mean_weights(
    parts: Sequence[Mapping[str, torch.Tensor]], share: float = 0.0
) -> dict[str, torch.Tensor]:
    """Mean of several networks' tensors of the same names and shapes, float64.

    Args:
        parts: At least one.
        share: Weight of the first one (0..1) if there are others; 0: that of each other.
    """
    first, *others = parts
    if not others:
        return {name: value.double() for name, value in first.items()}
    share = share or 1 / len(parts)
    return {
        name: share * value.double()
        + (1 - share) * torch.stack([other[name].double() for other in others]).mean(0)
        for name, value in first.items()
    }


def earlier_weights(
    setting: str, model: nn.Module, config: TrainConfig, data: FaceData
) -> dict[str, dict[str, torch.Tensor]]:
    """Weights of the runs that a setting names, by run: all of one shape that fits into the model.

    Args:
        setting: Name of the setting.
        model: What they are for.
        config: Its settings.
        data: Its data set.

    Raises:
        RunError, TrainingError, CheckpointError: as ``start_from``.
    """
    expected = model.state_dict()
    found: dict[str, dict[str, torch.Tensor]] = {}
    for name in listed(getattr(config, setting)):
        run = load_run(name)
        earlier, weights = _config_of(run, config, data), read_weights(run)
        if weights.keys() != expected.keys() or any(
            expected[key].shape != weight.shape for key, weight in weights.items()
        ):
            raise TrainingError(
                f"{setting}: run '{run.name}' is a {earlier.model} with options "
                f"{earlier.options}, this one a {config.model} with {config.options}. Choose "
                f"the same architecture and options, or leave {setting} out."
            )
        found[run.id] = weights
    return found


def teacher_probs(
    config: TrainConfig,
    data: FaceData,
    train: np.ndarray,
    progress: Callable[[float], None] | None = None,
) -> torch.Tensor:
    """Mean calibrated answer of the teachers to each training face and its mirror image.

    They are learned beside the labels (distillation, Hinton et al. 2015): where labels are noisy,
    they also tell how doubtful a face is. A face that a person labeled by hand is taught by its label
    alone: mostly it was picked because a model was wrong about it.

    Args:
        config: Its ``teacher`` names the runs.
        data: The data set.
        train: Positions ``(n,)`` of the training split.
        progress: Told the share done (0..1).

    Returns:
        float32 ``(n, 7)``, rows sum to 1.

    Raises:
        RunError: there is no such run.
        TrainingError: a teacher learned faces that validate this run.
        CheckpointError: it has no weights, or they are damaged.
    """
    total = np.zeros((len(train), NUM_CLASSES), np.float32)
    names = listed(config.teacher)
    for asked, name in enumerate(names):
        run = load_run(name)
        _config_of(run, config, data)
        teacher = load_classifier(run)
        log.info("asking teacher %s about %d faces", run.name, len(train))
        for start in range(0, len(train), _BATCH):
            part = slice(start, start + _BATCH)
            faces = np.array(data.images[train[part]])
            mirrored = np.ascontiguousarray(faces[:, :, ::-1])
            total[part] += teacher.probs(faces) + teacher.probs(mirrored)
            if progress:
                progress((asked + (start + len(faces)) / len(train)) / len(names))
    total /= 2 * len(names)
    by_hand = np.asarray(data.usage)[train] == BY_HAND
    total[by_hand] = np.eye(NUM_CLASSES, dtype=np.float32)[data.labels[train[by_hand]]]
    return torch.from_numpy(total)


def _config_of(run: Run, config: TrainConfig, data: FaceData) -> TrainConfig:
    """An earlier run's settings, checked: no face that it learned may validate this one.

    Args:
        run: The earlier run.
        config: Settings of this run.
        data: Its data set.

    Raises:
        TrainingError: it learned such a face.
    """
    earlier, report = run.config(), run.report()
    held_out = earlier.val_fraction
    # A run that was stopped has no report, so the name of its data must do.
    same = report.data.fingerprint == data.fingerprint if report else earlier.data == config.data
    if same:
        if earlier.final and not config.final:
            raise TrainingError(
                f"Run '{run.name}' has learned the faces that would validate this one. Name the "
                f"run that it repeats instead: {earlier.chosen_by}."
            )
        if held_out != config.val_fraction and not len(data.indices("val")):
            raise TrainingError(
                f"Run '{run.name}' held out {held_out:g} of the training faces for validation, "
                f"this one {config.val_fraction:g}: some of its faces would validate this one. "
                f"Train with --val-fraction {held_out:g}."
            )
    else:
        log.warning(
            "Run '%s' was trained on other data. If that holds faces of this data's validation or "
            "test split, accuracy there will look better than it is.",
            run.name,
        )
    return earlier
