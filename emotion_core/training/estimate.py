"""How long a training run will take, from what earlier runs of the same kind took here."""

import statistics
from collections.abc import Iterable, Sequence

from emotion_core.recipes import TrainConfig
from emotion_core.runs.run import Run

# Settings that change the work of an epoch or the speed at which it is done.
_WORK = ("model", "options", "data", "batch_size", "plain_copy", "sampling")
_MACHINE = ("device", "devices", "threads", "precision", "compile")


def epoch_seconds(config: TrainConfig, runs: Iterable[Run]) -> float | None:
    """Median seconds per epoch of the first run that does the same work; None without one.

    Args:
        config: The run to come.
        runs: Readable runs of this machine, the newest first.
    """
    for run in runs:
        other = run.config()
        same = all(getattr(other, name) == getattr(config, name) for name in (*_WORK, *_MACHINE))
        if same and (seconds := [row["seconds"] for row in run.metrics() if "seconds" in row]):
            return float(statistics.median(seconds))
    return None


def total_seconds(configs: Sequence[TrainConfig], runs: Sequence[Run]) -> tuple[float, str]:
    """Seconds that runs will take one after the other.

    Args:
        configs: The runs to come.
        runs: As for ``epoch_seconds``.

    Returns:
        The seconds and an empty name; or 0 and the first architecture without an earlier run.
    """
    total = 0.0
    for config in configs:
        seconds = epoch_seconds(config, runs)
        if seconds is None:
            return 0.0, config.model
        total += seconds * config.epochs
    return total, ""
