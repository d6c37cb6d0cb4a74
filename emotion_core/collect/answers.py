"""Answers to a data set's faces, by models that have not learned the face in question."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_core.collect.outsider import outsider, stacked
from emotion_core.data.faces import FaceData
from emotion_core.data.generated import is_generated
from emotion_core.errors import DataError
from emotion_core.evaluation.results import Result, load_results
from emotion_core.files import open_regular
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.run import Run
from emotion_core.runs.shipped import read_catalog

_MOST_BYTES = 1 << 28
_SHOWN_RUNS = 3  # the fewest that make an opinion; where the catalogue names an ensemble, those


@dataclass(frozen=True)
class Answers:
    """Who has answered what.

    Attributes:
        probs: ``(n, 7)`` float64.
        by: Who answered, for people.
        quick_alone: How many faces only quick models have answered to.
    """

    probs: np.ndarray
    by: str
    quick_alone: int = 0


def answers_to(
    data: FaceData,
    quick: Callable[[FaceData], np.ndarray],
    champion: Callable[[FaceData, Run], np.ndarray],
    folds: Callable[[FaceData], np.ndarray] | None,
) -> Answers:
    """Stored answers; where there are none, those of quick models, of folds and of the champion.

    Args:
        data: The data set.
        quick: Asks ``kernel.quick_probs``. This and the next two give ``(n, 7)`` for all faces, are
            asked only where needed, and may keep their answers or show how far they are.
        champion: Asks ``outsider.outsider_probs`` of a run.
        folds: Asks ``folds.fold_probs``; None if they are not to be asked.
    """
    probs, names = stored_probs(data)
    missing = ~np.isfinite(probs).all(axis=1)
    if not missing.any():
        return Answers(probs, f"stored answers of {', '.join(names)}")
    probs[missing] = quick(data)[missing]
    by = "quick models"
    if folds:
        probs[missing] = (probs[missing] + folds(data)[missing]) / 2
        by += " with networks"
    asked = missing & ~is_generated(data)  # of the generated ones the champion chose those it likes
    run = outsider(data) if asked.any() else None
    if run:
        other = champion(data, run)[asked]
        probs[asked] = stacked(data.labels[asked], probs[asked], other)
        names = [run.name, *names]
    alone = 0 if folds or run else int(missing.sum())
    return Answers(probs, by + (f" and {', '.join(names)}" if names else ""), alone)


def stored_probs(data: FaceData, runs: Sequence[Run] | None = None) -> tuple[np.ndarray, list[str]]:
    """What finished runs answered to the validation and test faces of a data set.

    Args:
        data: The data set.
        runs: By default the shipped ensemble, or what other runs were tested on it.

    Returns:
        Mean calibrated probabilities ``(n, 7)``, NaN for faces that no run has answered to without
        having learned them; and the names of the runs.
    """
    found = [
        run
        for run in (_candidates() if runs is None else runs)
        if (report := run.report()) and report.data.test_fingerprint == data.test_fingerprint
    ]
    results = load_results(found)[0]
    total, count = np.zeros((len(data), NUM_CLASSES)), np.zeros(len(data))
    test = data.indices("test")
    place = {str(name): at for at, name in enumerate(data.ids)}
    for result in results:
        total[test] += result.probs if result.flip_probs is None else result.flip_probs
        count[test] += 1
        rows = _val_rows(result, place, data)
        total[rows] += result.val_probs[: len(rows)]
        count[rows] += 1
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: np.ndarray = total / count[:, None]
    return mean, [result.name for result in results]


def read_probs(path: Path, data: FaceData) -> np.ndarray:
    """Probabilities from a file: ``(n, 7)`` for the faces of a data set, NaN where it has none.

    Args:
        path: ``.npy`` ``(n, 7)`` in the order of the data set's rows; ``.npz`` with ``probs`` and
            perhaps ``ids``; or CSV with a column per emotion and perhaps ``id``.
        data: The data set.

    Raises:
        DataError: the file is missing, of another form, or does not fit.
    """
    try:
        with open_regular(path) as file:
            if path.suffix.lower() == ".csv":
                ids, probs = _csv_probs(file.read(_MOST_BYTES).decode("utf-8-sig"))
            else:
                loaded = np.load(file, allow_pickle=False)
                if isinstance(loaded, np.ndarray):
                    ids, probs = None, loaded
                else:
                    ids = loaded["ids"] if "ids" in loaded.files else None
                    probs = loaded["probs"]
    except (OSError, ValueError, KeyError, EOFError, csv.Error) as error:
        raise DataError(f"{path} holds no probabilities that can be read ({error}).") from error
    probs = np.asarray(probs, np.float64)
    if probs.ndim != 2 or probs.shape[1] != NUM_CLASSES or not np.isfinite(probs).all():
        raise DataError(
            f"{path}: probabilities must be numbers (n, {NUM_CLASSES}), got {probs.shape}."
        )
    if (probs < 0).any() or (np.abs(probs.sum(axis=1) - 1) > 0.01).any():
        raise DataError(f"{path}: each row of probabilities must sum to 1.")
    if ids is None:
        if len(probs) != len(data):
            raise DataError(f"{path} has {len(probs):,} rows, the data set {len(data):,} faces.")
        return probs
    place = {str(name): at for at, name in enumerate(data.ids)}
    if len(ids) != len(probs) or not any(str(name) in place for name in ids):
        raise DataError(f"{path}: its ids are not those of '{data.name}'.")
    full = np.full((len(data), NUM_CLASSES), np.nan)
    for name, row in zip(ids, probs, strict=True):
        if str(name) in place:
            full[place[str(name)]] = row
    return full


def _candidates() -> list[Run]:
    """The shipped ensemble, else the runs of our recipe that are best on validation."""
    runs = [run for run in list_runs() if not run.problem and run.report() is not None]
    names = read_catalog().ensemble
    if chosen := [run for run in runs if run.id in names]:
        return chosen
    reports = [(report.val.accuracy, run) for run in runs if (report := run.report())]
    reports.sort(key=lambda pair: -pair[0])
    return [run for _, run in reports[:_SHOWN_RUNS]]


def _val_rows(result: Result, place: dict[str, int], data: FaceData) -> list[int]:
    """Positions of a run's validation faces; none where they are not the same faces."""
    rows = [place.get(str(name), -1) for name in result.val_ids]
    if -1 in rows or not np.array_equal(data.labels[rows], result.val_labels):
        return []
    return rows


def _csv_probs(text: str) -> tuple[list[str] | None, np.ndarray]:
    rows = list(csv.DictReader(text.splitlines()))
    if not rows or any(emotion not in rows[0] for emotion in EMOTIONS):
        raise ValueError(f"its columns must be {', '.join(EMOTIONS)}, and perhaps id")
    probs = np.array([[float(row[emotion]) for emotion in EMOTIONS] for row in rows])
    return [row["id"] for row in rows] if "id" in rows[0] else None, probs
