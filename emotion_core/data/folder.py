"""Folder trees of pictures: ``[train|val|test/]<emotion>/<picture>``."""

import os
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np

from emotion_core.data.allowance import Allowance, UsedUpError
from emotion_core.data.faces import Note
from emotion_core.data.number_labels import is_number, label_value
from emotion_core.data.parsed import Parsed, Progress, usage_of
from emotion_core.data.pictures import MAX_FILE, decode_image
from emotion_core.data.split_names import read_splits, split_folder, split_notes
from emotion_core.data.walk import walk
from emotion_core.errors import DataError
from emotion_core.files import read_regular
from emotion_core.labels import EMOTIONS, parse_emotion

_PICTURES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp"),
    *(".tif", ".tiff", ".gif", ".pgm", ".ppm"),
)
_TABLES = (".csv", ".npy", ".parquet")
_BATCH = 512
_TELL_SECONDS = 0.2
_NO_MEMORY = "needs more memory than there is"
_DEEPEST = 8  # levels down at which an emotion folder is looked for
# What reading one file or archive entry may raise; NotImplementedError is an unknown compression.
UNREADABLE = (
    DataError,
    OSError,
    EOFError,
    MemoryError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_folder(root: Path, progress: Progress | None = None) -> Parsed:
    """Read a folder tree.

    Raises:
        DataError: it holds no ``<emotion>/<picture>``.
    """
    names = sorted(
        (folder / name).relative_to(root).as_posix()
        for folder, _, files in walk(root)
        for name in files
    )
    allowance = Allowance(str(root))

    def load(name: str) -> bytes:
        data = read_regular(root / name, MAX_FILE)
        allowance.add(len(data))
        return data

    return read_pictures(str(root), names, load, os.cpu_count() or 1, allowance, progress)


def holds_pictures(root: Path) -> bool:
    """Whether a folder has emotion folders, named or numbered, at most ``_DEEPEST`` levels down."""
    for folder, folders, _ in walk(root):
        values = [value for name in folders if (value := label_value(name)) is not None]
        if len(values) > 2 or any(not is_number(value) for value in values):
            return True
        if len(folder.relative_to(root).parts) >= _DEEPEST - 1:
            folders.clear()
    return False


def read_pictures(
    source: str,
    names: list[str],
    load: Callable[[str], bytes],
    workers: int,
    allowance: Allowance,
    progress: Progress | None,
) -> Parsed:
    """Decode the pictures among some names, with the labels and splits that their folders name.

    Args:
        source: For messages.
        names: Paths within the source, with slashes.
        load: The bytes of one; may raise ``UNREADABLE`` where it cannot be had.
        workers: Threads that load and decode.
        allowance: What the source may unpack to.
        progress: Told the share done, some times a second.

    Raises:
        DataError: there is no picture in a folder named after an emotion, a split is unclear, or
            the allowance is used up.
    """
    parsed = Parsed(allowance=allowance)
    wanted = _places(source, names, parsed)
    if not wanted:
        table = next((name for name in names if name.lower().endswith(_TABLES)), None)
        if table:
            raise DataError(
                f"{source} holds no pictures in emotion folders, but '{table}': unpack it and "
                "give the path of that file."
            )
        raise DataError(
            f"{source} holds no pictures in emotion folders. Expected "
            f"train/<emotion>/*.jpg and test/<emotion>/*.jpg, or <emotion>/*.jpg, with the "
            f"emotions {', '.join(EMOTIONS)}."
        )

    def decode(name: str) -> tuple[np.ndarray | str, Counter[str]]:
        mended: Counter[str] = Counter()  # of its own: threads would lose counts in a shared one
        try:
            return decode_image(load(name), mended, allowance), mended
        except UsedUpError:
            raise
        except OSError as error:
            return error.strerror or str(error), mended
        except UNREADABLE as error:
            return str(error) or _NO_MEMORY, mended

    told = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for start in range(0, len(wanted), _BATCH):
                batch = wanted[start : start + _BATCH]
                found = pool.map(decode, [item[0] for item in batch])
                for place, (item, (face, mended)) in enumerate(zip(batch, found, strict=True)):
                    _take(parsed, item, face, mended)
                    # By time, because whoever is told may want to stop: some pictures take seconds.
                    if progress and time.monotonic() - told > _TELL_SECONDS:
                        progress("Reading pictures", (start + place) / len(wanted))
                        told = time.monotonic()
        finally:
            pool.shutdown(cancel_futures=True)
    if progress:
        progress("Reading pictures", 1.0)
    return parsed


def _take(
    parsed: Parsed, item: tuple[str, int, int], face: np.ndarray | str, mended: Counter[str]
) -> None:
    """Take a picture's face, or note why there is none."""
    name, label, split = item
    if isinstance(face, str):
        parsed.skip(name, face)
    else:
        parsed.mended += mended
        parsed.add(face, label, split, name, usage_of(_parts(name)[-1]))


def _places(source: str, names: list[str], parsed: Parsed) -> list[tuple[str, int, int]]:
    """Pictures with label and split code, from their folders' names.

    Raises:
        DataError: a folder's split is unclear.
    """
    pictures, others = _pictures(names)
    labels = {parts[-2]: label_value(parts[-2]) for parts in pictures.values()}
    if any(label is not None and not is_number(label) for label in labels.values()):
        # Beside names, a number is something else, such as a person's.
        labels = {name: parse_emotion(name) for name in labels}
    known = {name: parts for name, parts in pictures.items() if labels[parts[-2]] is not None}
    unknown = Counter("/".join(p[:-1]) for name, p in pictures.items() if name not in known)
    for folder, count in unknown.items():
        parsed.notes.append(
            Note("skipped", folder, "unknown emotion folder; its pictures are left out", count)
        )
    for suffix, count in others.items():
        message = "not read as pictures; save them as PNG or JPEG"
        parsed.notes.append(Note("skipped", f"files {suffix or 'without ending'}", message, count))
    above = {name: "/".join(parts[:-2]) or "." for name, parts in known.items()}
    splits = {place: split_folder(place.split("/")) for place in above.values()}
    codes = read_splits(splits, source, "folders")
    parsed.notes += split_notes(splits, codes, Counter(above.values()))
    return [
        (name, label, codes[above[name]])
        for name, parts in known.items()
        if (label := labels[parts[-2]]) is not None and above[name] in codes
    ]


def _pictures(names: list[str]) -> tuple[dict[str, tuple[str, ...]], Counter[str]]:
    """Pictures in folders with their path's parts; and other files beside them by their ending."""
    pictures, others = {}, Counter[str]()
    for name in names:
        parts = _parts(name)
        if len(parts) < 2 or parts[-1].startswith(".") or "__MACOSX" in parts:
            continue
        if is_picture(name):
            pictures[name] = parts
        elif parse_emotion(parts[-2]) is not None:
            others[PurePosixPath(parts[-1]).suffix.lower()] += 1
    return pictures, others


def _parts(name: str) -> tuple[str, ...]:
    """Folders and file of a name; some programs write zips with backslashes."""
    return PurePosixPath(name.replace("\\", "/")).parts


def is_picture(name: str) -> bool:
    """Whether a file has the ending of a picture."""
    return name.lower().endswith(_PICTURES)
