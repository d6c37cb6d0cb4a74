"""Where a model puts faces: its penultimate features and their 2-D maps (PCA, t-SNE).

Features and PCA take seconds and are computed when asked. t-SNE takes up to minutes, so the
dashboard runs it as a ``Task``; it ends by writing ``tsne.npz``. Both files carry a digest of the
weights: retrained, they are stale.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emotion_core.access import Action, require
from emotion_core.data.faces import FaceData
from emotion_core.errors import DataError, RunError
from emotion_core.files import atomic_path, open_regular, sha256_file
from emotion_core.runs.run import Run
from emotion_core.tasks import Task, TaskState

if TYPE_CHECKING:
    from emotion_core.models.checkpoint import Classifier

FACES = 1_000
PERPLEXITY = 30.0
_BATCH_SIZE = 64
_ITERATIONS = 1_000
_MIN_FACES = 5


@dataclass(frozen=True)
class Features:
    """Features of some test faces.

    Attributes:
        rows: ``(n,)`` int64 positions in the canonical test order.
        values: ``(n, D)`` float32, the input of the model's last layer.
    """

    rows: np.ndarray
    values: np.ndarray


def compute_features(
    run: Run,
    data: FaceData,
    *,
    faces: int = FACES,
    progress: Callable[[float], None] | None = None,
) -> Features:
    """Penultimate features of test faces, written to ``features.npz``.

    Args:
        run: A run with weights.
        data: The data set whose test split is looked at, the one that the run's report is about.
        faces: How many test faces, evenly spread over the canonical order.
        progress: Told the share done (0..1).

    Raises:
        CheckpointError: the weights are missing or do not fit.
        DataError: there are too few test faces, or they are not those of the run's report.
    """
    require(Action.MEASURE)
    from emotion_core.models.checkpoint import load_classifier

    test = data.indices("test")
    if len(test) < _MIN_FACES:
        raise DataError(
            f"'{data.name}' ({data.source}) has {len(test)} test faces; a map needs {_MIN_FACES}."
        )
    if not run.is_tested_on(data.test_fingerprint):
        own = report.data.name if (report := run.report()) else ""
        raise DataError(
            f"The test faces of '{data.name}' ({data.source}) are not those that run '{run.name}' "
            f"was tested on, of '{own}'. The map shows the run's own."
        )
    rows = np.unique(np.linspace(0, len(test) - 1, min(faces, len(test))).astype(np.int64))
    classifier = load_classifier(run, backend="torch")
    found = Features(rows, penultimate(classifier, data.images[test[rows]], progress))
    with atomic_path(_features_path(run)) as path, path.open("wb") as file:
        np.savez(
            file,
            rows=found.rows,
            values=found.values.astype(np.float16),
            weights=sha256_file(run.weights_path),
            test=data.test_fingerprint,
        )
    return found


def penultimate(
    classifier: "Classifier", faces: np.ndarray, progress: Callable[[float], None] | None = None
) -> np.ndarray:
    """What a model's last layer is given of each face.

    Args:
        classifier: With the backend ``torch``; nobody else may use it meanwhile.
        faces: ``(n, 48, 48)`` uint8, at least one.
        progress: Told the share done (0..1).

    Returns:
        float32 ``(n, D)``.
    """
    import torch
    from torch import nn

    last = [m for m in classifier.model.modules() if isinstance(m, nn.Linear)][-1]
    seen: list[np.ndarray] = []
    handle = last.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].float().numpy())
    )
    with contextlib.ExitStack() as stack:
        stack.callback(handle.remove)
        for start in range(0, len(faces), _BATCH_SIZE):
            batch = np.ascontiguousarray(faces[start : start + _BATCH_SIZE])
            with torch.inference_mode():
                classifier.model(classifier.preprocess.apply(torch.from_numpy(batch)))
            if progress:
                progress(min(1.0, (start + _BATCH_SIZE) / len(faces)))
    return np.concatenate(seen)


def load_features(run: Run) -> Features | None:
    """Stored features; None where there are none of the present weights and test faces."""
    arrays = _load(run, _features_path(run))
    if arrays is None or not run.is_tested_on(str(arrays.get("test"))):
        return None
    return Features(arrays["rows"], arrays["values"].astype(np.float32))


def pca(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project onto the two directions of largest variance.

    Args:
        values: ``(n, D)``, n at least 2.

    Returns:
        ``(n, 2)`` float32 and each direction's share of the variance ``(2,)``. A direction's sign
        is fixed by its largest entry, so that the map does not flip from time to time.
    """
    centred = values.astype(np.float64) - values.mean(axis=0)
    _, scale, directions = np.linalg.svd(centred, full_matrices=False)
    first = np.zeros((2, values.shape[1]))
    first[: len(directions[:2])] = directions[:2]
    largest = np.abs(first).argmax(axis=1)
    first *= np.where(first[np.arange(2), largest] < 0, -1.0, 1.0)[:, None]
    share = np.zeros(2)
    total = (scale**2).sum()
    if total > 0:
        share[: len(scale[:2])] = scale[:2] ** 2 / total
    return (centred @ first.T).astype(np.float32), share


def compute_tsne(run: Run, *, seed: int = 0) -> np.ndarray:
    """t-SNE (van der Maaten & Hinton 2008) of the stored features, written to ``tsne.npz``.

    Prints scikit-learn's own report of every 50th iteration.

    Returns:
        ``(n, 2)`` float32 in the order of the stored features.

    Raises:
        RunError: no features are stored, or another process computes this map.
    """
    with tsne_task(run).hold():
        from sklearn.manifold import TSNE

        features = load_features(run)
        if features is None:
            raise RunError(f"Run '{run.name}' has no features yet. Write them: features {run.name}")
        tsne = TSNE(
            perplexity=min(PERPLEXITY, (len(features.rows) - 1) / 3),
            max_iter=_ITERATIONS,
            init="pca",
            random_state=seed,
            verbose=2,
        )
        positions: np.ndarray = tsne.fit_transform(features.values).astype(np.float32)
        weights = sha256_file(run.weights_path)
        with atomic_path(_tsne_path(run)) as path, path.open("wb") as file:
            np.savez(file, rows=features.rows, positions=positions, weights=weights)
    return positions


def load_tsne(run: Run, features: Features) -> np.ndarray | None:
    """The stored map ``(n, 2)`` of exactly these features, None where there is none."""
    arrays = _load(run, _tsne_path(run))
    if arrays is None or not np.array_equal(arrays["rows"], features.rows):
        return None
    found: np.ndarray = arrays["positions"]
    return found


def tsne_task(run: Run) -> Task:
    """The map of a run in the background."""
    return Task(run, "tsne", f"The map of run '{run.name}' is being computed already.")


def start_tsne(run: Run) -> None:
    """Compute the map in a process of its own that outlives the dashboard.

    Raises:
        RunError: it is being computed already.
    """
    tsne_task(run).start("features", str(run.path.resolve()), "--tsne")


def tsne_state(run: Run) -> TaskState:
    """How far the map is, by the iterations that scikit-learn prints."""

    def share(log: str) -> float:
        done = re.findall(r"Iteration (\d+)", log)
        return min(1.0, int(done[-1]) / _ITERATIONS) if done else 0.0

    return tsne_task(run).state(share)


def _load(run: Run, path: Path) -> dict[str, np.ndarray] | None:
    """Arrays of a file that was made from the present weights; None otherwise."""
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        fits = str(arrays["weights"]) == sha256_file(run.weights_path)
    except Exception:  # zipfile, zlib and numpy each raise their own; the file is only a cache
        return None
    return arrays if fits else None


def _features_path(run: Run) -> Path:
    return run.path / "features.npz"


def _tsne_path(run: Run) -> Path:
    return run.path / "tsne.npz"
