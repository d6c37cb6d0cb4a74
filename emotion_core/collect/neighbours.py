"""Faces that look alike to a model: cosine of its penultimate features, kept beside the faces.

Features of a face can be turned back into something like it, so they lie with the collections,
not in the cache, and ``purge`` removes them with the face.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_core.access import Action, require
from emotion_core.collect.query import Item, face_files
from emotion_core.data.collection_file import collections_dir, open_database, read_face
from emotion_core.files import atomic_path, open_regular, sha256_file
from emotion_core.runs.run import Run

_BATCH = 256


@dataclass(frozen=True)
class Vectors:
    """Where a model puts the faces of a collection.

    Attributes:
        ids: ``(n,)`` int64 numbers of faces, ascending.
        values: ``(n, D)`` float32, of length 1.
    """

    ids: np.ndarray
    values: np.ndarray

    def like(self, face: int, count: int) -> list[int]:
        """The faces most like one, itself first; none where it has no features."""
        at = int(np.searchsorted(self.ids, face))
        if at == len(self.ids) or self.ids[at] != face:
            return []
        return [int(one) for one in self.ids[np.argsort(-self.cosines(at), kind="stable")[:count]]]

    def cosines(self, at: int) -> np.ndarray:
        """Cosine ``(n,)`` of each face with the one in row ``at``."""
        found: np.ndarray = self.values @ self.values[at]
        found[at] = 2.0  # first, whatever rounding says
        return found

    def rows(self, ids: Sequence[int]) -> np.ndarray:
        """Features ``(m, D)`` of faces; NaN for those that have none."""
        wanted = np.asarray(ids, np.int64)
        found = np.full((len(wanted), self.values.shape[1]), np.nan, np.float32)
        known = np.isin(wanted, self.ids)
        found[known] = self.values[np.searchsorted(self.ids, wanted[known])]
        return found


def vectors_of(name: str, run: Run, progress: Callable[[float], object] | None = None) -> Vectors:
    """Features of all faces of a collection; only those that are new are computed.

    Args:
        name: Of the collection.
        run: Whose features; those of other runs are removed.
        progress: Told the share done (0..1).

    Raises:
        CheckpointError: the run has no weights.
        CollectionError: there is no such collection, or a face cannot be read.
    """
    require(Action.COLLECT)
    files = face_files(name)
    path = _folder() / f"{sha256_file(run.weights_path)[:32]}.npz"
    kept = _read(path)
    fresh = sorted(files.keys() - set(kept.ids.tolist()))
    if fresh:
        values = _compute([files[one] for one in fresh], run, progress)
        kept = _joined(kept, np.array(fresh), values)
        for other in _folder().glob("*.npz"):
            other.unlink(missing_ok=True)
        _write(path, _of_faces(kept))
    mine = np.isin(kept.ids, np.fromiter(files, np.int64, len(files)))
    return Vectors(kept.ids[mine], kept.values[mine])


def forget_removed() -> None:
    """Remove the features of faces that are gone for good."""
    for path in _folder().glob("*.npz"):
        kept = _read(path)
        left = _of_faces(kept)
        if not len(left.ids):
            path.unlink(missing_ok=True)
        elif len(left.ids) < len(kept.ids):
            _write(path, left)


def spread(items: Sequence[Item], vectors: Vectors | None, count: int) -> list[Item]:
    """Of faces in the order of their worth, those that differ most from one another.

    Farthest first (Gonzalez 1985): begin with the first, then take the one whose nearest chosen
    face is farthest, by cosine. Faces without features come last.

    Args:
        items: More than are wanted, best first.
        vectors: Their features; None takes the first ``count``.
        count: How many to choose.
    """
    if vectors is None or len(items) <= count:
        return list(items[:count])
    values = vectors.rows([item.id for item in items])
    nearest = np.full(len(items), -1.0)  # cosine with the most similar chosen face
    nearest[np.isnan(values).any(axis=1)] = 1.0
    chosen: list[int] = []
    for _ in range(count):
        at = int(nearest.argmin())
        chosen.append(at)
        with np.errstate(invalid="ignore"):
            nearest = np.fmax(nearest, values @ np.nan_to_num(values[at]))
        nearest[at] = np.inf
    return [items[at] for at in chosen]


def _compute(
    files: Sequence[str], run: Run, progress: Callable[[float], object] | None
) -> np.ndarray:
    from emotion_core.evaluation.features import penultimate
    from emotion_core.models.checkpoint import load_classifier

    classifier = load_classifier(run, backend="torch")
    parts = []
    for start in range(0, len(files), _BATCH):
        part = files[start : start + _BATCH]
        parts.append(penultimate(classifier, np.stack([read_face(file) for file in part])))
        if progress:
            progress((start + len(part)) / len(files))
    values = np.concatenate(parts)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    unit: np.ndarray = values / np.maximum(lengths, 1e-12)
    return unit


def _joined(kept: Vectors, ids: np.ndarray, values: np.ndarray) -> Vectors:
    if len(kept.ids):
        ids, values = np.concatenate([kept.ids, ids]), np.concatenate([kept.values, values])
    order = np.argsort(ids)
    return Vectors(ids[order], values[order])


def _folder() -> Path:
    return collections_dir() / "features"


def _of_faces(kept: Vectors) -> Vectors:
    """Those of faces that are still there: another process may have removed some meanwhile."""
    with open_database() as database:
        known = [row[0] for row in database.execute("SELECT id FROM faces")]
    stay = np.isin(kept.ids, np.array(known, np.int64))
    return Vectors(kept.ids[stay], kept.values[stay])


def _read(path: Path) -> Vectors:
    """What is kept; nothing where there is no file, or one that cannot be read: it is made anew."""
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as arrays:
            ids, values = arrays["ids"], arrays["values"].astype(np.float32)
        if ids.dtype == np.int64 and ids.shape == values.shape[:1] and values.ndim == 2:
            return Vectors(ids, values)
    except (OSError, ValueError, LookupError):
        pass
    return Vectors(np.zeros(0, np.int64), np.zeros((0, 0), np.float32))


def _write(path: Path, vectors: Vectors) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with atomic_path(path) as new, new.open("wb") as file:
        np.savez(file, ids=vectors.ids, values=vectors.values.astype(np.float16))
