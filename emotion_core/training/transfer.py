"""What a run takes from earlier ones: weights to start from, and teachers' answers to learn."""

import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from emotion_core.config import TrainConfig, listed
from emotion_core.data.faces import FaceData
from emotion_core.errors import TrainingError
from emotion_core.labels import NUM_CLASSES
from emotion_core.models.checkpoint import load_classifier, read_weights
from emotion_core.runs import Run, load_run

log = logging.getLogger(__name__)

_BATCH = 512


def start_from(model: nn.Module, config: TrainConfig, data: FaceData) -> None:
    """Copy the weights of ``config.start_from`` into a new model, in place.

    Of several runs it is the mean of their weights (Wortsman et al. 2022), which is a good network
    only where they learned from one another: from fresh weights each finds its own optimum. The
    model may be a grown one: whatever the earlier runs have no weights for stays as it is built.
    ``grown_net`` grows out of ``sequential`` that way, and answers like it at first.

    Raises:
        RunError: there is no such run.
        TrainingError: one has weights that do not fit into this model, or that are not those of
            the other runs, or it learned faces that validate this run.
        CheckpointError: one has no weights, or they are damaged.
    """
    expected = model.state_dict()
    mean: dict[str, torch.Tensor] = {}
    runs = [load_run(name) for name in listed(config.start_from)]
    for run in runs:
        earlier, weights = run.config(), read_weights(run)
        if any(
            name not in expected or expected[name].shape != weight.shape
            for name, weight in weights.items()
        ):
            raise TrainingError(
                f"start_from: run '{run.name}' is a {earlier.model} with options "
                f"{earlier.options}, this one a {config.model} with {config.options}. Choose the "
                "same architecture and options or one that grows out of it, or start from fresh "
                "weights."
            )
        if mean and mean.keys() != weights.keys():
            raise TrainingError(
                f"start_from: run '{run.name}' has not the same layers as run '{runs[0].name}', "
                "so there is no mean of their weights. Name runs of one architecture with the "
                "same options."
            )
        _check_data(run, config, data)
        for name, weight in weights.items():
            part = weight.double() / len(runs)
            mean[name] = mean[name] + part if name in mean else part
    fresh = len(expected) - len(mean)
    if fresh:
        log.info("%d of %d tensors are in no earlier run, they start fresh", fresh, len(expected))
    with torch.no_grad():
        model.load_state_dict({name: mean.get(name, value) for name, value in expected.items()})


def teacher_probs(
    config: TrainConfig,
    data: FaceData,
    train: np.ndarray,
    progress: Callable[[float], None] | None = None,
) -> torch.Tensor:
    """Mean calibrated answer of the teachers to each training face and its mirror image.

    They are learned beside the labels (distillation, Hinton et al. 2015): where labels are noisy,
    they also tell how doubtful a face is.

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
        _check_data(run, config, data)
        teacher = load_classifier(run)
        log.info("asking teacher %s about %d faces", run.name, len(train))
        for start in range(0, len(train), _BATCH):
            part = slice(start, start + _BATCH)
            faces = np.array(data.images[train[part]])
            mirrored = np.ascontiguousarray(faces[:, :, ::-1])
            total[part] += teacher.probs(faces) + teacher.probs(mirrored)
            if progress:
                progress((asked + (start + len(faces)) / len(train)) / len(names))
    return torch.from_numpy(total / (2 * len(names)))


def _check_data(run: Run, config: TrainConfig, data: FaceData) -> None:
    """Faces that an earlier run has learned must not come back as validation or test."""
    report, held_out = run.report() or {}, run.config().val_fraction
    if report.get("data", {}).get("fingerprint") == data.fingerprint:
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
