"""Train a chosen run once more on all faces but test, as is usual when choosing is over.

Validation chose the settings, the epoch and the calibration; after that its faces are as good as
any others to learn from. A refit repeats the chosen run, for as many epochs as that one's best, on
training and validation faces together. Nothing is left to measure it on but test: its validation
figures and its calibration are those of the chosen run, which never learned those faces
(``refit`` of scikit-learn's searches does the same).
"""

from collections.abc import Mapping
from pathlib import Path

from emotion_core.data.faces import FaceData
from emotion_core.errors import EmotionError, TrainingError
from emotion_core.recipes import TrainConfig, listed
from emotion_core.runs.catalog import list_runs, load_run
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run, best_epoch


def refit_config(run: Run) -> TrainConfig:
    """The settings of a run's refit.

    Weights that the run took from earlier ones are taken from their refits, where there are any.

    Raises:
        TrainingError: the run cannot be refit; the message says why.
    """
    _require_chosen(run)
    refits = {
        Path(other.config().refit).name: other.id
        for other in reversed(list_runs(run.path.parent))
        if not other.problem and other.config().refit and other.weights_path.exists()
    }
    return as_refit(run.config(), run.id, refits)


def as_refit(config: TrainConfig, chosen: str, refits: Mapping[str, str]) -> TrainConfig:
    """Settings of a refit.

    Args:
        config: Those of the run that it repeats.
        chosen: That run's id.
        refits: Ids of refits by the id of the run that each repeats; weights are taken from
            them where the run took them from what they repeat. Teachers stay: answers of a network
            to faces that it has not learned say more about them.
    """
    taken = {
        setting: ", ".join(
            refits.get(Path(name).name, name) for name in listed(getattr(config, setting))
        )
        for setting in ("start_from", "average_with")
    }
    return config.replace(name="", note="", refit=chosen, **taken)


def chosen_run(config: TrainConfig, data: FaceData | None = None) -> Run:
    """The run that a refit repeats.

    Args:
        config: Settings of the refit.
        data: Its data set, once it is loaded.

    Raises:
        RunError: there is no such run.
        TrainingError: it was chosen on other data or with other settings, or it is no result.
    """
    run = load_run(config.refit)
    report = _require_chosen(run)
    if data is not None and report.data.fingerprint != data.fingerprint:
        raise TrainingError(
            f"refit: run '{run.name}' was trained on {report.data.name}, this is another "
            "data set. What was chosen there says nothing about it."
        )
    chosen, free = run.config(), ("refit", "start_from", "average_with", "seed")
    changed = [name for name in config.difference(chosen) if name not in free]
    if changed or len(listed(config.average_with)) != len(listed(chosen.average_with)):
        raise TrainingError(
            f"refit repeats run '{run.name}' as it was chosen, but these settings differ: "
            f"{', '.join(changed) or 'average_with'}. Leave them out."
        )
    return run


def refit_epochs(run: Run) -> int:
    """How many epochs a refit of a run takes: until that run's best one."""
    return best_epoch(run.metrics(), run.config().monitor)


def refit_averages(config: TrainConfig, run: Run) -> list[str]:
    """Of the runs that a refit may average with, those at whose places the chosen run took one."""
    taken = listed(run.status().averaged_with)
    places = zip(listed(config.average_with), listed(run.config().average_with), strict=True)
    return [Path(mine).name for mine, offered in places if Path(offered).name in taken]


def _require_chosen(run: Run) -> Report:
    """The report of a run that validation can have chosen."""
    try:
        report, predictions = run.report(), run.predictions()
    except EmotionError as error:
        raise TrainingError(f"refit: {error}") from error
    if run.config().refit:
        raise TrainingError(f"Run '{run.name}' is a refit already. Name the run that it repeats.")
    if run.status().state != "finished" or report is None or predictions is None:
        raise TrainingError(
            f"Run '{run.name}' is {run.status().state}; only a finished run with a report can be "
            "refit, since that says for how many epochs."
        )
    if not run.metrics() or "val_logits" not in predictions:
        raise TrainingError(
            f"Run '{run.name}' has no {'answers on validation' if run.metrics() else 'epochs'}, so "
            "it cannot be refit."
        )
    return report
