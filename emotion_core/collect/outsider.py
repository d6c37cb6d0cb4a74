"""A second opinion on own faces: of the champion, where it has learned none of them.

Quick models know a few hundred faces; the champion knows tens of thousands, of other people. Which of
them knows a collection better, its labels tell: the two are mixed by the weight that makes these most
probable (stacking, Wolpert 1992).
"""

from collections.abc import Callable

import numpy as np

from emotion_core.data.collection_file import COLLECTION_SPEC
from emotion_core.data.faces import FaceData
from emotion_core.data.specs import sources_of
from emotion_core.errors import RunError
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import champion, load_run
from emotion_core.runs.run import Run
from emotion_core.runs.shipped import is_shipped

_BATCH = 256
_WEIGHTS = np.linspace(0.0, 1.0, 21)
_LEAST = 1e-6  # probability, so that one wrong label does not decide


def outsider(data: FaceData) -> Run | None:
    """The champion, or what it goes on from, that has learned no collection's faces.

    None for other data sets, which may be copies of what it learned, and where no such run has
    weights here.
    """
    if not all(map(_is_collection, sources_of(data.source))):
        return None
    try:
        waiting = [champion()]
    except RunError:
        return None
    seen: set[str] = set()
    while waiting:
        run = waiting.pop(0)
        if run.id in seen or run.problem:
            continue
        seen.add(run.id)
        if run.weights_path.exists() and _is_outsider(run, set()):
            return run
        if config := _config(run):
            waiting += _loaded(config.earlier())
    return None


def outsider_probs(
    run: Run, images: np.ndarray, progress: Callable[[float], object] | None = None
) -> np.ndarray:
    """A run's calibrated answers ``(n, 7)`` float64 to faces ``(n, 48, 48)`` uint8.

    Args:
        run: With weights.
        images: The faces.
        progress: Told the share done (0..1).

    Raises:
        CheckpointError: the weights cannot be read.
    """
    from emotion_core.models.checkpoint import load_classifier

    classifier = load_classifier(run)
    parts = []
    for start in range(0, len(images), _BATCH):
        part = np.ascontiguousarray(images[start : start + _BATCH])
        parts.append(classifier.probs(part).astype(np.float64))
        if progress:
            progress((start + len(part)) / len(images))
    return np.concatenate(parts)


def stacked(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The mixture of two opinions that makes the labels most probable.

    Args:
        labels: ``(n,)`` int64.
        first: ``(n, 7)`` probabilities.
        second: The same, of others.
    """
    rows = np.arange(len(labels))
    one, other = first[rows, labels], second[rows, labels]
    likelihoods = [
        np.log(np.maximum((1 - weight) * one + weight * other, _LEAST)).mean()
        for weight in _WEIGHTS
    ]
    weight = _WEIGHTS[int(np.argmax(likelihoods))]
    mixture: np.ndarray = (1 - weight) * first + weight * second
    return mixture


def _is_outsider(run: Run, seen: set[str]) -> bool:
    """Whether neither the run nor any that went into it has learned a collection's faces."""
    if is_shipped(run) or run.id in seen:
        return True
    seen.add(run.id)
    config = _config(run)
    if config is None or any(map(_is_collection, sources_of(config.data))):
        return False
    earlier = _loaded(config.earlier())
    if len(earlier) < len(config.earlier()):
        return False  # one is gone, and with it what it learned
    return all(_is_outsider(parent, seen) for parent in earlier)


def _config(run: Run) -> TrainConfig | None:
    """A run's settings; None if they cannot be read."""
    try:
        return run.config()
    except RunError:
        return None


def _loaded(names: list[str]) -> list[Run]:
    found = []
    for name in names:
        try:
            found.append(load_run(name))
        except RunError:
            continue
    return found


def _is_collection(source: str) -> bool:
    return source.startswith(COLLECTION_SPEC)
