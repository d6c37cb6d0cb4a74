"""Parsed data sets in the cache: whole or not there, and never believed unseen."""

import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emotion_core.data.faces import FACE_SIZE, SPLITS, FaceData, Note, fingerprint
from emotion_core.files import open_regular, read_json, regular, sync_folder, write_json
from emotion_core.labels import NUM_CLASSES

_FILES = ("images.npy", "rows.npz", "meta.json")

# Files whose pixels and labels gave the fingerprint that is kept with them, in this process.
_PROVED: set[tuple[tuple[int, ...], ...]] = set()


def keep(folder: Path, data: FaceData) -> None:
    """Write a parsed source to the cache: all of it, or nothing; older states of it go.

    Args:
        folder: ``<source>-<state>``; sources of the same name before the hyphen are older states.
        data: What is kept; its ``source`` is not.

    Raises:
        OSError: the cache cannot be written.
    """
    meta = {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "test_fingerprint": data.test_fingerprint,
        "notes": [asdict(note) for note in data.notes],
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    outer = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    temporary = outer / "parsed"  # inside, because the outer one is for this user only
    try:
        temporary.mkdir()
        np.save(temporary / "images.npy", data.images)
        np.savez(
            temporary / "rows.npz",
            labels=data.labels,
            splits=data.splits,
            usage=data.usage,
            ids=data.ids,
        )
        write_json(temporary / "meta.json", meta)
        sync_folder(temporary)
        if open_kept(folder, "") is None:  # else another process parsed the same source
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
            sync_folder(folder.parent)
        # Earlier states of this source; whoever has one mapped keeps it until it is closed.
        for older in folder.parent.glob(f"{folder.name.partition('-')[0]}-*"):
            if older != folder:
                shutil.rmtree(older, ignore_errors=True)
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def open_kept(folder: Path, spec: str) -> FaceData | None:
    """A source's faces from the cache, memory-mapped; None if they are not there or not as kept.

    Types, shapes and ranges are checked each time, the fingerprint once for each process.

    Args:
        folder: As for ``keep``.
        spec: Becomes the data's ``source``.
    """
    try:
        stamp = _stamp(folder)
        data = _read(folder, spec)
        if stamp not in _PROVED:
            test = data.splits == SPLITS.index("test")
            if fingerprint(data.images, data.labels, data.splits) != data.fingerprint:
                return None
            rows = data.images[test], data.labels[test], data.splits[test]
            if fingerprint(*rows) != data.test_fingerprint:
                return None
            _PROVED.add(stamp)
    except Exception:  # whatever is wrong with the cache, the source is parsed anew
        return None
    return data


def _read(folder: Path, spec: str) -> FaceData:
    """The files as data; any exception if they do not hold what ``keep`` writes."""
    meta = read_json(folder / "meta.json")
    with open_regular(folder / "rows.npz") as file, np.load(file, allow_pickle=False) as rows:
        arrays: dict[str, np.ndarray] = {name: rows[name] for name in rows.files}
    images = np.load(regular(folder / "images.npy"), mmap_mode="r", allow_pickle=False)
    data = FaceData(
        images=images,
        labels=arrays["labels"],
        splits=arrays["splits"],
        usage=arrays["usage"],
        ids=arrays["ids"],
        name=_text(meta["name"]),
        source=spec,
        fingerprint=_text(meta["fingerprint"]),
        test_fingerprint=_text(meta["test_fingerprint"]),
        notes=tuple(_note(values) for values in meta["notes"]),
    )
    problem = _problem(data)
    if problem:
        raise ValueError(problem)
    return data


def _problem(data: FaceData) -> str:
    """How arrays differ from what a data set has; empty if they do not."""
    count = len(data.labels)
    if data.images.dtype != np.uint8 or data.images.shape != (count, FACE_SIZE, FACE_SIZE):
        return "images are not faces of 48 x 48 bytes"
    for name, kind, end in (("labels", np.int64, NUM_CLASSES), ("splits", np.uint8, len(SPLITS))):
        values = getattr(data, name)
        if values.dtype != kind or values.shape != (count,):
            return f"{name} are of another type or number"
        if not count or values.min() < 0 or values.max() >= end:
            return f"{name} are outside their range"
    for name in ("usage", "ids"):
        values = getattr(data, name)
        if values.dtype.kind != "U" or values.shape != (count,):
            return f"{name} are not texts, or of another number"
    return ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    value.encode()  # raises on what cannot be shown
    return value


def _note(values: Any) -> Note:
    note = Note(**values)
    for text in (note.kind, note.thing, note.message):
        _text(text)
    if not isinstance(note.count, int):
        raise ValueError("no count")
    return note


def _stamp(folder: Path) -> tuple[tuple[int, ...], ...]:
    """Changes when a file of a kept source is written or replaced."""
    facts = [os.stat(folder / name) for name in _FILES]  # noqa: PTH116
    return tuple((f.st_dev, f.st_ino, f.st_size, f.st_mtime_ns) for f in facts)
