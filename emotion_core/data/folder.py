"""Folder trees and zip archives of pictures: ``[train|val|test/]<emotion>/<picture>``."""

import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from emotion_core.data.faces import SPLITS, FaceData, Note
from emotion_core.data.number_labels import is_number, label_value
from emotion_core.data.parsed import Parsed, Progress, decode_image, usage_of
from emotion_core.data.split_names import read_splits, split_folder, split_notes
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS, parse_emotion

_PICTURES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp"),
    *(".tif", ".tiff", ".gif", ".pgm", ".ppm"),
)
_TABLES = (".csv", ".npy", ".parquet")
_BATCH = 512
_DEEPEST = 8  # levels down at which an emotion folder is looked for
# What opening a damaged zip, or one of another kind, may raise.
_NO_ZIP = (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, UnicodeDecodeError)
# What reading one file or archive entry may raise; NotImplementedError is an unknown compression.
_UNREADABLE = (
    DataError,
    OSError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)

# A zip is read in memory and never extracted, but a bomb would still exhaust it.
MAX_ENTRIES = 500_000
MAX_TOTAL = 4 * 1024**3
MAX_ENTRY = 64 * 1024**2
MAX_RATIO = 200


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
    workers = os.cpu_count() or 1
    return _read(str(root), names, lambda name: (root / name).read_bytes(), workers, progress)


def read_zip(path: Path, progress: Progress | None = None) -> Parsed:
    """Read a zip of a folder tree without extracting it.

    Raises:
        DataError: it is no zip, its entries point outside, its pictures would unpack to too much,
            or it has no ``<emotion>/<picture>``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(set(check_zip(path, archive)))
            # An archive's file handle is shared, so one thread reads it.
            return _read(str(path), names, lambda name: _unpack(archive, name), 1, progress)
    except _NO_ZIP as error:
        raise DataError(f"{path} is not a readable zip ({error}). Download it again.") from error


def check_zip(path: Path, archive: zipfile.ZipFile) -> list[str]:
    """Names of an archive's files, after the checks of it as a whole.

    Raises:
        DataError: an entry's name leads outside, one is encrypted, there are too many, or its
            pictures are too much together.
    """
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MAX_ENTRIES:
        raise DataError(f"{path} has {len(entries)} files; at most {MAX_ENTRIES} are read.")
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        if name.startswith("/") or ":" in name.split("/")[0] or ".." in name.split("/"):
            raise DataError(
                f"{path} is refused: its entry '{entry.filename}' leads outside the archive."
            )
        if entry.flag_bits & 1:
            raise DataError(f"{path} is encrypted ('{entry.filename}'). Unpack it first.")
    # The limits are for what is read: whatever else lies in the archive stays packed.
    total = sum(entry.file_size for entry in entries if _is_picture(entry.filename))
    if total > MAX_TOTAL:
        raise DataError(f"{path} is refused: it unpacks to {total:,} bytes, over {MAX_TOTAL:,}.")
    return [entry.filename for entry in entries]


def _unpack(archive: zipfile.ZipFile, name: str) -> bytes:
    entry = archive.getinfo(name)
    # What an entry says of its size binds zipfile for these two alone; others unpack without limit.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError("is compressed in a way that cannot be checked; zip it with Deflate")
    if entry.file_size > MAX_ENTRY:
        raise DataError(f"unpacks to {entry.file_size:,} bytes, over {MAX_ENTRY:,}")
    if entry.file_size > MAX_RATIO * max(entry.compress_size, 1024):
        raise DataError(f"unpacks to more than {MAX_RATIO} times its size, as zip bombs do")
    return archive.read(entry)


def write_folder(data: FaceData, root: Path) -> None:
    """Write faces as the tree that ``read_folder`` reads; see ``picture_files``.

    Raises:
        OSError: a file cannot be written.
    """
    for name, picture in picture_files(data):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)


def picture_files(data: FaceData) -> Iterator[tuple[str, bytes]]:
    """Each face as ``<split>/<emotion>/<usage or face>_<position>.png`` and the file's bytes."""
    for position, image in enumerate(data.images):
        place = f"{SPLITS[data.splits[position]]}/{EMOTIONS[data.labels[position]]}"
        usage = data.usage[position] or "face"
        yield f"{place}/{usage}_{position}.png", cv2.imencode(".png", image)[1].tobytes()


def walk(
    root: Path, on_error: Callable[[OSError], object] | None = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """``os.walk`` in the order of names that follows links, and visits each folder once.

    Args:
        root: Where to start.
        on_error: Told of a folder that cannot be listed; by default it counts as empty.
    """
    seen: set[tuple[int, int]] = set()
    for name, folders, files in os.walk(root, onerror=on_error, followlinks=True):
        folder = Path(name)
        facts = folder.stat()
        identity = facts.st_dev, facts.st_ino
        if identity in seen:
            folders.clear()
            continue
        seen.add(identity)
        folders.sort()
        yield folder, folders, sorted(files)


def holds_pictures(root: Path) -> bool:
    """Whether a folder has emotion folders, named or numbered, at most ``_DEEPEST`` levels down."""
    for folder, folders, _ in walk(root):
        values = [value for name in folders if (value := label_value(name)) is not None]
        if len(values) > 2 or any(not is_number(value) for value in values):
            return True
        if len(folder.relative_to(root).parts) >= _DEEPEST - 1:
            folders.clear()
    return False


def _read(
    source: str,
    names: list[str],
    load: Callable[[str], bytes],
    workers: int,
    progress: Progress | None,
) -> Parsed:
    parsed = Parsed()
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
            return decode_image(load(name), mended), mended
        except _UNREADABLE as error:
            return str(error) or type(error).__name__, mended

    done = 0
    with ThreadPoolExecutor(workers) as pool:
        for batch in _batched(wanted):
            for (name, label, split), (found, mended) in zip(
                batch, pool.map(decode, [item[0] for item in batch]), strict=True
            ):
                if isinstance(found, str):
                    parsed.skip(name, found)
                else:
                    parsed.mended += mended
                    usage = usage_of(_parts(name)[-1])
                    parsed.add(found, label, split, name, usage)
            done += len(batch)
            if progress:
                progress("Reading pictures", done / len(wanted))
    return parsed


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
        if _is_picture(name):
            pictures[name] = parts
        elif parse_emotion(parts[-2]) is not None:
            others[PurePosixPath(parts[-1]).suffix.lower()] += 1
    return pictures, others


def _parts(name: str) -> tuple[str, ...]:
    """Folders and file of a name; some programs write zips with backslashes."""
    return PurePosixPath(name.replace("\\", "/")).parts


def _is_picture(name: str) -> bool:
    return name.lower().endswith(_PICTURES)


def _batched(items: list[tuple[str, int, int]]) -> Iterator[list[tuple[str, int, int]]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
