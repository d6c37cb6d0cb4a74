"""``load_data``: any form of a face data set, recognised by what it is, parsed once and cached."""

import hashlib
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from emotion_core.data.faces import (
    SPLITS,
    SYNTHETIC_SPEC,
    FaceData,
    Note,
    fingerprint,
    is_synthetic,
)
from emotion_core.data.fer2013 import is_fer2013, source_path
from emotion_core.data.folder import holds_pictures, read_folder, read_zip, walk
from emotion_core.data.numpy_dict import read_numpy_dict
from emotion_core.data.parsed import Parsed, Progress, as_text
from emotion_core.data.splits import cut_test
from emotion_core.data.synthetic import DEFAULT_COUNT, synthetic_faces
from emotion_core.data.table import parquet_files, read_csv, read_parquet
from emotion_core.errors import DataError
from emotion_core.files import read_json, write_json
from emotion_core.labels import EMOTIONS
from emotion_core.paths import cache_dir

_FORMAT = 6  # of the cache; raise it when parsing changes


@dataclass(frozen=True)
class Form:
    """One form a data set comes in."""

    fits: Callable[[Path], bool]
    read: Callable[[Path, Progress | None], Parsed]


FORMS = (
    Form(lambda path: path.is_file() and _starts(path, b"PK\x03\x04"), read_zip),
    Form(lambda path: path.is_file() and _starts(path, b"\x93NUMPY"), read_numpy_dict),
    Form(lambda path: bool(_parquet(path)), read_parquet),
    Form(lambda path: path.is_file() and path.suffix.lower() == ".csv", read_csv),
    Form(lambda path: path.is_dir() and holds_pictures(path), read_folder),
)


def load_data(spec: str | Path, *, progress: Progress | None = None) -> FaceData:
    """Load a data set.

    Args:
        spec: ``synthetic`` or ``synthetic:N`` for N drawn faces; ``fer2013`` for FER-2013 where
            ``data fetch`` or ``FER2013_DIR`` put it; else the path of a folder tree, a zip of one,
            a FER-2013 CSV, the study's ``.npy`` or Parquet files.
        progress: Told what is being done and the share done (0..1).

    Returns:
        The data; images of a file source are memory-mapped from the cache.

    Raises:
        DataError: the source is missing, unknown, unsafe or empty.
    """
    text = str(spec).strip()
    if is_synthetic(text):
        return synthetic_faces(synthetic_count(text), progress=progress)
    path = source_path(text)  # absolute, so that it is parsed once, however it is spelled
    try:
        form = recognise(path)
        folder = cache_dir() / "data" / f"{_hash(path)}-{data_signature(path)}"
        data = _open(folder, text)
        if data is not None:
            return data
        parsed = form.read(path, progress)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from error
    try:
        _store(folder, parsed, path, progress)
    except OSError as error:
        raise DataError(
            f"The faces of {path} cannot be kept in {folder.parent} ({error.strerror or error}). "
            "Make room there, or name another folder in EMOTION_CACHE."
        ) from error
    data = _open(folder, text)
    if data is None:
        raise DataError(f"The cache in {folder} was changed by another program. Try again.")
    return data


def same_source(one: str, other: str) -> bool:
    """Whether two specs for ``load_data`` mean the same drawn faces, or the same place."""
    return _place(one) == _place(other)


def _place(spec: str) -> str:
    spec = spec.strip()
    kind, _, number = spec.partition(":")
    if kind == SYNTHETIC_SPEC:
        return f"{kind}:{number or DEFAULT_COUNT}"
    try:
        return str(source_path(spec))
    except DataError:
        return spec  # FER-2013, which is not here


def recognise(path: Path) -> Form:
    """The form of a data set on disk.

    Raises:
        DataError: the path does not exist or holds no known form.
    """
    if not path.exists():
        raise DataError(f"There is nothing at {path}. Give the path of a data set, or 'synthetic'.")
    for form in FORMS:
        if form.fits(path):
            return form
    raise DataError(
        f"{path} is no data set that is known here. Expected a folder train/<emotion>/*.jpg, a zip "
        "of one, a CSV with emotion and pixels, a .npy dictionary, or Parquet files; emotions: "
        f"{', '.join(EMOTIONS)}."
    )


def synthetic_count(spec: str) -> int:
    """How many drawn faces ``synthetic`` or ``synthetic:N`` means.

    Raises:
        DataError: N is no number from 70 to 200,000.
    """
    number = spec.partition(":")[2]
    if number and not (number.isdecimal() and len(number) < 7 and 70 <= int(number) <= 200_000):
        raise DataError(f"synthetic:N takes a number from 70 to 200000, got '{number}'.")
    return int(number) if number else DEFAULT_COUNT


def _store(folder: Path, parsed: Parsed, path: Path, progress: Progress | None) -> None:
    """Write a parsed source to the cache: all of it, or nothing."""
    labels = np.array(parsed.labels, np.int64)
    splits = np.array(parsed.splits, np.uint8)
    images = np.stack(parsed.images) if parsed.images else np.empty((0, 48, 48), np.uint8)
    parsed.images.clear()
    if not len(labels):
        reason = f" {parsed.skipped[0][0]}: {parsed.skipped[0][1]}." if parsed.skipped else ""
        raise DataError(f"{path} has no readable face.{reason}")
    if cut := cut_test(images, labels, splits):
        told = "no test given; a tenth of each emotion's training images became test"
        parsed.notes.append(Note("mended", "splits", told, cut))
    notes = list(parsed.all_notes())
    for label, emotion in enumerate(EMOTIONS):
        if not (labels == label).any():
            notes.append(Note("warning", emotion, "no image of this emotion", 0))
    if progress:
        progress("Storing for next time", 1.0)
    test = splits == SPLITS.index("test")
    meta = {
        "name": "FER-2013" if is_fer2013(labels, splits) else as_text(path.stem) or str(path),
        "fingerprint": fingerprint(images, labels, splits),
        "test_fingerprint": fingerprint(images[test], labels[test], splits[test]),
        "notes": [asdict(note) for note in notes],
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    outer = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    temporary = outer / "parsed"  # inside, because the outer one is for this user only
    try:
        temporary.mkdir()
        np.save(temporary / "images.npy", images)
        np.savez(
            temporary / "rows.npz",
            labels=labels,
            splits=splits,
            usage=np.array(parsed.usage),
            ids=np.array(parsed.ids),
        )
        write_json(temporary / "meta.json", meta)
        if _open(folder, "") is None:  # else another process parsed the same source
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
        # Earlier states of this source; whoever has one mapped keeps it until it is closed.
        for older in folder.parent.glob(f"{folder.name.partition('-')[0]}-*"):
            if older != folder:
                shutil.rmtree(older, ignore_errors=True)
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def _open(folder: Path, spec: str) -> FaceData | None:
    """A source's faces from the cache; None if they are not there or damaged."""
    try:
        meta = read_json(folder / "meta.json")
        with (folder / "rows.npz").open("rb") as file, np.load(file, allow_pickle=False) as rows:
            arrays = {name: rows[name] for name in rows.files}
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        if len(images) != len(arrays["labels"]):
            return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return FaceData(
        images=images,
        labels=arrays["labels"],
        splits=arrays["splits"],
        usage=arrays["usage"],
        ids=arrays["ids"],
        name=meta["name"],
        source=spec,
        fingerprint=meta["fingerprint"],
        test_fingerprint=meta["test_fingerprint"],
        notes=tuple(Note(**note) for note in meta["notes"]),
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


def _hash(path: Path) -> str:
    return hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()


def _starts(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _parquet(path: Path) -> list[Path]:
    return [file for file in parquet_files(path) if _starts(file, b"PAR1")]
