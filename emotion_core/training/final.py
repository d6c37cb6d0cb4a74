"""Training on the validation faces, too, which is usual once everything is chosen.

Validation chose the settings, the epoch and the calibration of a run. After that its faces are as
good as any others to learn from. A final training (``train_on`` is ``train+val``) repeats that run,
``chosen_by``, for as many epochs as that one's best. Only the test split is left to measure it on:
its validation figures and its calibration are those of the chosen run, which never learned those
faces (as with ``refit`` in scikit-learn's searches).
"""

from pathlib import Path

import numpy as np

from emotion_core.data.faces import FaceData
from emotion_core.data.splits import Split
from emotion_core.errors import TrainingError
from emotion_core.recipes import TrainConfig, listed
from emotion_core.runs.catalog import load_run
from emotion_core.runs.run import Run, best_epoch

# What a final training may set otherwise than the run that it repeats.
_FREE = ("train_on", "chosen_by", "start_from", "average_with", "seed")


def final_config(run: Run) -> TrainConfig:
    """The settings of a run's final training."""
    return run.config().replace(name="", note="", tag="", train_on="train+val", chosen_by=run.id)


def course(config: TrainConfig, data: FaceData, split: Split) -> tuple[np.ndarray, int]:
    """Positions of the faces to learn, and for how many epochs.

    Raises:
        RunError, TrainingError: as ``require_chosen``.
    """
    if not config.final:
        return split.train, config.epochs
    chosen = require_chosen(config, data)
    epochs = best_epoch(chosen.metrics(), config.monitor)
    return np.sort(np.concatenate([split.train, split.val])), epochs


def require_chosen(config: TrainConfig, data: FaceData | None = None) -> Run:
    """The run that a final training repeats.

    Args:
        config: Settings of the final training.
        data: Its data set, once it is loaded.

    Raises:
        RunError: there is no such run, or it has no answers to validation.
        TrainingError: it was chosen on other data or with other settings.
    """
    run = load_run(config.chosen_by)
    report, chosen = run.require_report(), run.config()
    if chosen.final or "val_logits" not in (run.predictions() or {}):
        raise TrainingError(
            f"Run '{run.name}' has no validation of its own, so it chose nothing. Name a finished "
            "run that was trained on the training split alone."
        )
    if data is not None and report.data.fingerprint != data.fingerprint:
        raise TrainingError(
            f"Run '{run.name}' was trained on {report.data.name}, this is another data set. What "
            "was chosen there says nothing about it."
        )
    changed = [name for name in config.difference(chosen) if name not in _FREE]
    if changed or len(listed(config.average_with)) != len(listed(chosen.average_with)):
        raise TrainingError(
            f"A final training repeats run '{run.name}' as it was chosen, but these settings "
            f"differ: {', '.join(changed) or 'average_with'}. Leave them out."
        )
    return run


def averaged_by_choice(config: TrainConfig) -> list[str]:
    """Of the runs that a final training may average with, those in whose places the chosen run
    took one in."""
    run = load_run(config.chosen_by)
    taken = listed(run.status().averaged_with)
    places = zip(listed(config.average_with), listed(run.config().average_with), strict=True)
    return [Path(mine).name for mine, offered in places if Path(offered).name in taken]
