"""Arrays of faces with labels: what every reader of NumPy files hands over, and ``.npz`` files."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from emotion_core.data.allowance import Allowance
from emotion_core.data.faces import FACE_SIZE
from emotion_core.data.number_labels import label_value
from emotion_core.data.parsed import Parsed, Progress
from emotion_core.data.pictures import to_face
from emotion_core.data.split_names import read_splits, split_notes
from emotion_core.data.zips import CHECKED, check_directory
from emotion_core.errors import DataError, EmotionError
from emotion_core.files import open_regular

_IMAGES = {"x", "images", "image", "imgs", "faces", "pixels", "data", "features"}
_LABELS = {"y", "labels", "label", "emotions", "emotion", "targets", "target", "classes"}
_MOST_BYTES = 4 * 1024**3  # of a file's arrays together


def read_npz(path: Path, progress: Progress | None = None) -> Parsed:
    """Read images and labels such as ``X_train, y_train, X_test, y_test``; never a pickle.

    Raises:
        DataError: the file is damaged or too large, or holds no such pairs.
    """
    parsed = Parsed(allowance=Allowance(str(path), path.stat().st_size))
    try:
        with open_regular(path) as source:
            _check_entries(source, path, parsed.allowance)
            with np.load(source, allow_pickle=False) as file:
                pairs = _pairs(path, list(file.files))
                names: dict[str, str | None] = {part: part or None for part in pairs}
                codes, faces = read_splits(names, str(path), "arrays"), dict.fromkeys(pairs, 1)
                for position, (part, code) in enumerate(codes.items()):
                    before = len(parsed.images)
                    images, labels = pairs[part]
                    name = f"{path}: '{images[:80]}' and '{labels[:80]}'"
                    add_arrays(parsed, name, part or "row", code, (file[images], file[labels]))
                    faces[part] = len(parsed.images) - before
                    if progress:
                        progress("Reading arrays", (position + 1) / len(codes))
    except EmotionError:
        raise
    except Exception as error:  # a damaged file may raise anything
        reason = str(error)[:200] or type(error).__name__
        if "allow_pickle" in reason:
            reason = "its arrays are Python objects"
        raise DataError(f"{path} is not a readable .npz of plain arrays ({reason}).") from error
    parsed.notes += split_notes(names, codes, faces)
    return parsed


def _check_entries(source: BinaryIO, path: Path, allowance: Allowance) -> None:
    """Refuse a file whose arrays unpack to too much, before any of them is.

    Raises:
        DataError: they do, or are packed in a way that has no limit.
        zipfile.BadZipFile: it is damaged.
    """
    check_directory(source, path)
    with zipfile.ZipFile(source) as archive:
        entries = archive.infolist()
    total = sum(entry.file_size for entry in entries)
    if total > _MOST_BYTES:
        raise DataError(f"{path} is refused: {total:,} bytes of arrays, over {_MOST_BYTES:,}.")
    allowance.use(total)
    if not all(entry.compress_type in CHECKED for entry in entries):
        raise DataError(f"{path} is compressed in a way that cannot be checked; use numpy.savez.")
    source.seek(0)


def _pairs(path: Path, names: list[str]) -> dict[str, tuple[str, str]]:
    """Names of images and of labels by what else the two names say, which is their split."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        words = re.findall(r"[a-z0-9]+", name.lower())
        for kind, known in (("images", _IMAGES), ("labels", _LABELS)):
            if set(words) & known:
                rest = "_".join(word for word in words if word not in known)
                found.setdefault(rest, {})[kind] = name
    pairs = {rest: (p["images"], p["labels"]) for rest, p in found.items() if len(p) == 2}
    if not pairs:
        raise DataError(
            f"{path} holds no images with labels, such as X_train and y_train; found: "
            f"{', '.join(names[:8])[:200] or 'nothing'}."
        )
    return pairs


def add_arrays(parsed: Parsed, source: str, name: str, code: int, pair: Any) -> None:
    """Take a split's images and labels.

    Args:
        parsed: Gets the faces.
        source: File and split, for messages.
        name: Of the split, for the faces' ids.
        code: Of the split.
        pair: Images ``(N, 48, 48)``, with or without channels, or ``(N, 2304)``, of 0..255 or 0..1;
            and labels ``(N,)``, names or numbers, or ``(N, K)`` one-hot.

    Raises:
        DataError: they are no such arrays.
    """
    if not isinstance(pair, tuple | list | np.ndarray) or len(pair) != 2:
        raise DataError(f"{source} must be a pair (images, labels).")
    try:
        images, labels = _as_array(pair[0]), _as_array(pair[1])
    except ValueError as error:
        raise DataError(f"{source} has images of different sizes.") from error
    images, factor = _checked(images, source)
    labels = _flat_labels(labels, len(images), parsed)
    if len(images) != len(labels):
        raise DataError(f"{source} has {len(images)} images but {len(labels)} labels.")
    if factor != 1.0:
        parsed.mended["scaled from 0..1 to 0..255"] += len(images)
    for position, (image, label) in enumerate(zip(images, labels, strict=True)):
        text = _label_text(label)
        target = label_value(text)
        if target is None:
            parsed.skip(f"{name} {position}", f"unknown emotion '{text[:40]}'")
            continue
        pixels = image
        if image.dtype != np.uint8:
            pixels = np.rint(image.astype(np.float32) * factor).astype(np.uint8)
        if pixels.ndim == 3 and pixels.shape[2] > 1:  # RGB, where a picture file gives BGR
            pixels = pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]
        parsed.allowance.use(pixels.size, faces=1)
        parsed.add(to_face(pixels, parsed.mended), target, code, f"{name}_{position}")


def _as_array(value: Any) -> np.ndarray:
    """An array of a list; of texts an array of objects, which are not made as long as the longest.

    Raises:
        ValueError: its parts differ in size.
    """
    if isinstance(value, np.ndarray):
        return value
    return np.asarray(value, None if all(map(_is_number, _leaves(value))) else object)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _is_number(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind in "biuf"
    return isinstance(leaf, int | float | np.number)


def _label_text(label: Any) -> str:
    """A label as text; of what is neither text nor a number, the name of its type."""
    if isinstance(label, bytes):
        return label.decode("utf-8", "replace")
    if isinstance(label, int) and label.bit_length() > 64:
        return "a number of more than 64 bits"
    if isinstance(label, str | int | float | np.generic):
        return str(label)
    return f"something of type {type(label).__name__}"


def _checked(images: np.ndarray, source: str) -> tuple[np.ndarray, float]:
    """Images ``(N, H, W)`` or ``(N, H, W, C)``, and what makes their values 0..255."""
    if images.ndim == 2 and images.shape[1] == FACE_SIZE * FACE_SIZE:
        images = images.reshape(-1, FACE_SIZE, FACE_SIZE)
    elif images.ndim != 3 and not (images.ndim == 4 and images.shape[3] in (1, 3, 4)):
        raise DataError(
            f"{source}: images must be (N, {FACE_SIZE}, {FACE_SIZE}), found {images.shape}."
        )
    if images.dtype.kind not in "iuf" or not images.size:
        raise DataError(f"{source}: images must be numbers, found {images.dtype}.")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):  # also not-a-number
        raise DataError(
            f"{source}: images range from {low} to {high}. Save them as 0..255 or 0..1, before any "
            "standardisation."
        )
    # The study scaled its images to 0..1 before saving.
    return images, 255.0 if images.dtype.kind == "f" and high <= 1.0 else 1.0


def _flat_labels(labels: np.ndarray, count: int, parsed: Parsed) -> np.ndarray:
    """Labels ``(N,)``; of one-hot ones the column, which then counts as the number."""
    if labels.ndim != 2 or labels.shape[0] != count or labels.shape[1] < 2:
        return labels.ravel()
    if labels.dtype.kind not in "biuf" or not (labels.astype(np.float64).sum(axis=1) == 1).all():
        return labels.ravel()
    parsed.one_hot = max(parsed.one_hot, labels.shape[1])
    return np.asarray(labels.argmax(axis=1))
