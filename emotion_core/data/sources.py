"""``load_data``: any form of a face data set, recognised by what it is, parsed once and cached."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from emotion_core.data.cache import keep, open_kept
from emotion_core.data.combined import load_made
from emotion_core.data.faces import (
    SPLITS,
    SYNTHETIC_SPEC,
    FaceData,
    Note,
    fingerprint,
    is_synthetic,
)
from emotion_core.data.fer2013 import is_fer2013, source_path
from emotion_core.data.forms import recognise
from emotion_core.data.label_tables import label_table, split_labels
from emotion_core.data.number_labels import resolve_numbers
from emotion_core.data.parsed import Parsed, Progress, as_text
from emotion_core.data.specs import is_made
from emotion_core.data.splits import cut_test
from emotion_core.data.synthetic import DEFAULT_COUNT, synthetic_faces
from emotion_core.data.uploads import parsed_folder
from emotion_core.data.walk import walk
from emotion_core.errors import DataError, EmotionError
from emotion_core.labels import EMOTIONS

_FORMAT = 8  # of the cache; raise it when parsing changes


def load_data(spec: str | Path, *, progress: Progress | None = None) -> FaceData:
    """Load a data set.

    Args:
        spec: ``synthetic`` or ``synthetic:N`` for N drawn faces; ``fer2013`` for FER-2013 where
            ``data fetch`` or ``FER2013_DIR`` put it; else the path of a folder tree, a zip of one,
            a FER-2013 CSV, the study's ``.npy``, an ``.npz`` or Parquet files. A table of number
            labels may follow, as ``label_tables.with_labels`` writes it. ``data.specs`` tells how
            collections, joined and corrected data sets are named.
        progress: Told what is being done and the share done (0..1).

    Returns:
        The data; images of a file source are memory-mapped from the cache, or, where that cannot
        be written, in memory, with a note that says so.

    Raises:
        DataError: the source is missing, unknown, unsafe or empty.
    """
    text = str(spec).strip()
    if is_made(text):
        return load_made(text, lambda part: load_data(part, progress=progress))
    if is_synthetic(text):
        return synthetic_faces(synthetic_count(text), progress=progress)
    labels = split_labels(text)[1]
    if labels:
        label_table(labels)  # a wrong one is told at once
    path = source_path(text)  # absolute, so that it is parsed once, however it is spelled
    try:
        form = recognise(path)
        folder = parsed_folder(path) / f"{_hash(path, labels)}-{data_signature(path)}"
        data = open_kept(folder, text)
        if data is not None:
            return data
        parsed = form.read(path, progress)
        resolve_numbers(parsed, str(path), labels)
        data = _assembled(parsed, path, text)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from error
    except MemoryError as error:
        raise DataError(f"{path} needs more memory than this machine has free.") from error
    except EmotionError:
        raise
    except Exception as error:  # a damaged file may raise anything in the libraries that read it
        raise DataError(
            f"{path} cannot be read; it is damaged, or of a kind that is not known "
            f"({type(error).__name__}: {str(error)[:200]})."
        ) from error
    if progress:
        progress("Storing for next time", 1.0)
    try:
        keep(folder, data)
    except OSError as error:  # the faces are here all the same
        if kept := open_kept(folder, text):  # another process was faster
            return kept
        told = (
            f"not kept in {folder.parent} ({error.strerror or error}), so it is parsed each time; "
            "make room there, or name another folder in EMOTION_CACHE"
        )
        return replace(data, notes=(*data.notes, Note("warning", "cache", as_text(told), 0)))
    return open_kept(folder, text) or data


def same_source(one: str, other: str) -> bool:
    """Whether two specs for ``load_data`` mean the same drawn faces, or the same place.

    Another table of labels makes no other faces.
    """
    return _place(one) == _place(other)


def _place(spec: str) -> str:
    if is_made(spec):
        return spec
    spec = split_labels(spec)[0]
    kind, _, number = spec.partition(":")
    if kind == SYNTHETIC_SPEC:
        return f"{kind}:{number or DEFAULT_COUNT}"
    try:
        return str(source_path(spec))
    except DataError:
        return spec  # FER-2013, which is not here


def synthetic_count(spec: str) -> int:
    """How many drawn faces ``synthetic`` or ``synthetic:N`` means.

    Raises:
        DataError: N is no number from 70 to 200,000.
    """
    number = spec.partition(":")[2]
    if number and not (number.isdecimal() and len(number) < 7 and 70 <= int(number) <= 200_000):
        raise DataError(f"synthetic:N takes a number from 70 to 200000, got '{number}'.")
    return int(number) if number else DEFAULT_COUNT


def _assembled(parsed: Parsed, path: Path, spec: str) -> FaceData:
    """What a reader collected as one data set; ``parsed`` is empty afterwards.

    Raises:
        DataError: there is no face.
    """
    labels = np.array(parsed.labels, np.int64)
    splits = np.array(parsed.splits, np.uint8)
    images = np.stack(parsed.images) if parsed.images else np.empty((0, 48, 48), np.uint8)
    parsed.images.clear()
    if not len(labels):
        reason = f" {parsed.skipped[0][0]}: {parsed.skipped[0][1]}." if parsed.skipped else ""
        raise DataError(f"{path} has no readable face.{reason}")
    if cut := cut_test(images, labels, splits):
        told = "no test given; a tenth of each emotion's training images became test"
        parsed.notes.append(Note("fixed", "splits", told, cut))
    notes = list(parsed.all_notes())
    for label, emotion in enumerate(EMOTIONS):
        if not (labels == label).any():
            notes.append(Note("warning", emotion, "no image of this emotion", 0))
    test = splits == SPLITS.index("test")
    return FaceData(
        images=images,
        labels=labels,
        splits=splits,
        usage=np.array(parsed.usage),
        ids=np.array(parsed.ids),
        name="FER-2013" if is_fer2013(labels, splits) else as_text(path.stem) or str(path),
        source=spec,
        fingerprint=fingerprint(images, labels, splits),
        test_fingerprint=fingerprint(images[test], labels[test], splits[test]),
        notes=tuple(notes),
    )


def data_signature(path: Path) -> str:
    """Changes when a file of a source is added, removed or written; reads no content.

    Raises:
        OSError: there is nothing at ``path``, or it cannot be read.
    """
    digest = hashlib.blake2b(str(_FORMAT).encode(), digest_size=12)
    files = [str(path)]
    if path.is_dir():  # as text, because there may be many
        files = [f"{folder}/{name}" for folder, _, names in walk(path, _refuse) for name in names]
    for file in files:
        try:
            facts = os.stat(file)  # noqa: PTH116
        except OSError:
            facts = os.lstat(file)  # a link that leads nowhere
        digest.update(os.fsencode(file) + f"\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _refuse(error: OSError) -> None:
    raise error


def _hash(path: Path, labels: str) -> str:
    name = os.fsencode(path) + (f"\0{labels}".encode() if labels else b"")
    return hashlib.blake2b(name, digest_size=8).hexdigest()
