"""Out-of-sample answers to one's own faces: k folds of a small network, trained as jobs.

Each job learns all training faces but one fold and answers to that fold. The faces of validation
and test are answered by all of them, since none has learned them. A fold's run has a name that is
made of the data's fingerprint, so that an audit that was interrupted goes on with what is there.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emotion_core.access import Action, require
from emotion_core.data.faces import FaceData
from emotion_core.errors import CollectionError, RunError
from emotion_core.evaluation.results import load_results
from emotion_core.labels import NUM_CLASSES
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.run import Run
from emotion_core.training import jobs

FOLDS = 5
_MODEL = "sequential"
_ROWS = 160_000  # faces that a fold sees in all of its epochs, within the limits below
_EPOCHS = (12, 40)
_VAL_FRACTION = 0.05  # picks the epoch and calibrates; the more faces are learned, the better
_BATCH = 256
_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class FoldState:
    """How far the folds of an audit are.

    Attributes:
        done: Finished folds.
        folds: Of how many.
        share: 0..1 of all their epochs.
        active: Whether one is queued or at work.
        error: Of one that failed; empty if none did.
    """

    done: int
    folds: int
    share: float
    active: bool
    error: str = ""


def fold_configs(data: FaceData, folds: int = FOLDS, epochs: int = 0) -> list[TrainConfig]:
    """The settings of each fold's run.

    Args:
        data: The data set; its ``source`` names it.
        folds: How many.
        epochs: Of each; 0 chooses by the number of faces.
    """
    train = int((data.splits == 0).sum())
    epochs = epochs or int(np.clip(round(_ROWS / max(train, 1)), *_EPOCHS))
    return [
        recipe_config(
            "ours",
            _MODEL,
            data=f"{data.source}%{fold}/{folds}",
            epochs=epochs,
            val_fraction=_VAL_FRACTION,
            name=f"audit-{data.fingerprint[:10]}-{fold}-of-{folds}",
            note="One fold of an audit, for answers to faces that it has not learned.",
        )
        for fold in range(1, folds + 1)
    ]


def start_folds(data: FaceData, folds: int = FOLDS, epochs: int = 0) -> None:
    """Queue those folds that are neither finished nor at work.

    Raises:
        DataError: there are too few training faces.
        RunError: the queue is full.
    """
    require(Action.TRAIN)
    known = _runs_of(data, folds)
    for config in fold_configs(data, folds, epochs):
        run = known.get(config.name)
        if run is None:
            jobs.start(config)
        elif run.status().state in ("stopped", "failed"):
            jobs.resume(run)


def fold_state(data: FaceData, folds: int = FOLDS) -> FoldState:
    """How far the folds are."""
    done, share, active, error = 0, 0.0, False, ""
    for run in _runs_of(data, folds).values():
        status = run.status()
        if status.state == "finished":
            done, share = done + 1, share + 1
            continue
        active |= status.state in ("queued", "running")
        share += status.epoch / max(status.epochs, 1)
        if status.state == "failed":
            error = status.error
    return FoldState(done, folds, share / folds, active, error)


def wait_for_folds(
    data: FaceData, folds: int = FOLDS, progress: Callable[[float], object] | None = None
) -> None:
    """Wait until all folds are finished.

    Raises:
        RunError: one failed or was stopped.
    """
    while (state := fold_state(data, folds)).done < folds:
        if state.error or not state.active:
            raise RunError(f"A fold of the audit ended early. {state.error}".strip())
        if progress:
            progress(state.share)
        time.sleep(_POLL_SECONDS)


def stop_folds(data: FaceData, folds: int = FOLDS) -> None:
    """Stop the folds that are at work."""
    for run in _runs_of(data, folds).values():
        with contextlib.suppress(RunError):  # it has just ended
            jobs.stop(run)


def remove_folds(data: FaceData, folds: int = FOLDS) -> None:
    """Take the folds' runs away once their answers are used."""
    for run in _runs_of(data, folds).values():
        jobs.delete(run)


def fold_probs(data: FaceData, folds: int = FOLDS) -> np.ndarray:
    """Out-of-sample answers ``(n, 7)`` float64 to all faces, averaged with their mirror images'.

    Raises:
        CollectionError: a fold is not finished.
    """
    from emotion_core.models.checkpoint import load_classifier

    runs = _runs_of(data, folds)
    results, refused = [], []
    for run in runs.values():  # each has a test set of its own
        found, problems = load_results([run])
        results += found
        refused += problems
    if len(results) < folds:
        reason = refused[0].reason if refused else "Not all of them are there."
        raise CollectionError(f"The folds of this audit are not finished. {reason}")
    place = {str(name): at for at, name in enumerate(data.ids)}
    probs = np.zeros((len(data), NUM_CLASSES))
    for result in results:
        rows = [place[str(name)] for name in result.ids]
        both = result.flip_probs
        probs[rows] = result.probs if both is None else both
    others = np.flatnonzero(data.splits != 0)
    for run in runs.values() if len(others) else ():
        classifier = load_classifier(run)
        for start in range(0, len(others), _BATCH):
            part = others[start : start + _BATCH]
            faces = np.ascontiguousarray(data.images[part])
            mirrored = np.ascontiguousarray(faces[:, :, ::-1])
            probs[part] += (classifier.probs(faces) + classifier.probs(mirrored)) / (2 * folds)
    return probs


def _runs_of(data: FaceData, folds: int) -> dict[str, Run]:
    names = {config.name for config in fold_configs(data, folds)}
    return {run.name: run for run in list_runs() if run.name in names and not run.problem}
