"""Images that show the same photograph: byte-identical or nearly so."""

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from emotion_core.access import Action, require
from emotion_core.data.faces import SPLITS, FaceData
from emotion_core.files import atomic_path, open_regular
from emotion_core.paths import cache_dir

# Correlation of pixels from which two FER-2013 faces were, on viewing, always the same photograph
# (also recompressed, watermarked or shifted by a pixel); below 0.88 others begin.
SAME_PHOTO = 0.9
_BLOCK = 2048
_MOST_PARTS = 64
_BLANK_NORM = 1.0  # a face with less deviation than this (of 255, over all pixels) shows nothing


def near_duplicate_groups(images: np.ndarray) -> np.ndarray:
    """Group images that show the same photograph.

    Two images belong together when their pixels correlate above ``SAME_PHOTO``; groups are the
    connected sets. A 16 x 16 reduction finds the candidates, the full images decide. Blank
    images are grouped only with byte-identical ones.

    Args:
        images: ``(N, 48, 48)`` uint8.

    Returns:
        ``(N,)`` int64: the smallest position of each image's group.
    """
    groups = _identical(images)
    count = len(images)
    small = _reduced(images)
    for start in range(0, count, _BLOCK):
        likeness = small[start : start + _BLOCK] @ small[start:].T
        for row, position in enumerate(range(start, min(start + _BLOCK, count))):
            similar = np.flatnonzero(likeness[row, row + 1 :] > SAME_PHOTO) + position + 1
            for part in range(0, len(similar), _BLOCK):
                others = similar[part : part + _BLOCK]
                # Only those not yet in its group: a thousand frames of a scene are all similar.
                others = others[groups[others] != groups[position]]
                if len(others):
                    _join(groups, position, others[_same_photo(images, position, others)])
    return groups


class KnownFaces:
    """Faces among which others are looked for that show the same photograph, also mirrored.

    Args:
        images: ``(N, 48, 48)`` uint8, those that are known at first.
    """

    def __init__(self, images: np.ndarray) -> None:
        self._images, self._small = [np.asarray(images)], [_reduced(np.asarray(images))]

    def add(self, image: np.ndarray) -> None:
        """Know one more face ``(48, 48)``."""
        self._images.append(image[None])
        self._small.append(_reduced(image[None]))
        if len(self._images) > _MOST_PARTS:  # the first part is large and stays as it is
            for parts in (self._images, self._small):
                parts[1:] = [np.concatenate(parts[1:])]

    def has(self, image: np.ndarray) -> bool:
        """Whether a face ``(48, 48)`` correlates above ``SAME_PHOTO`` with one that is known."""
        both = np.stack([image, image[:, ::-1]])
        small, whole = _reduced(both), _unit(_flat(both))
        for images, reduced in zip(self._images, self._small, strict=True):
            places = np.flatnonzero((reduced @ small.T).max(1, initial=-1.0) > SAME_PHOTO)
            if len(places) and (_unit(_flat(images[places])) @ whole.T).max() > SAME_PHOTO:
                return True
        return False


def grouped(data: FaceData) -> np.ndarray:
    """``near_duplicate_groups`` of a data set, computed once and cached by its content.

    FER-2013 takes about 20 s the first time on 2 cores.
    """
    return kept_array(
        cache_path(data),
        lambda groups: _are_groups(groups, len(data)),
        lambda: near_duplicate_groups(data.images),
    )


def kept_array(
    path: Path, sound: Callable[[np.ndarray], bool], find: Callable[[], np.ndarray]
) -> np.ndarray:
    """An array from the cache, or found now and kept there.

    The cache only saves time: a damaged file or a folder that cannot be written ends nothing.

    Args:
        path: Its file.
        sound: Whether what the file holds can be such an array.
        find: Computes it.

    Raises:
        AccessError: it must be computed, and the caller may not measure.
    """
    with (
        contextlib.suppress(OSError, ValueError, EOFError, MemoryError),
        open_regular(path) as kept,
    ):
        stored: np.ndarray = np.load(kept, allow_pickle=False)
        if sound(stored):
            return stored
    require(Action.MEASURE)
    found = find()
    with (
        contextlib.suppress(OSError),
        atomic_path(path, parents=True) as temporary,
        temporary.open("wb") as file,
    ):
        np.save(file, found, allow_pickle=False)
    return found


def _are_groups(groups: np.ndarray, count: int) -> bool:
    """Whether an array names each image's group by the group's first image."""
    if groups.dtype != np.int64 or groups.shape != (count,) or not count:
        return False
    if groups.min() < 0 or (groups > np.arange(count)).any():
        return False
    return bool((groups[groups] == groups).all())


def leak_free_mask(data: FaceData) -> np.ndarray:
    """Which test images have no twin in train or val.

    Returns:
        bool ``(n,)`` in the order of ``data.indices("test")``.
    """
    groups = grouped(data)
    seen = np.unique(groups[data.splits != SPLITS.index("test")])
    return ~np.isin(groups[data.indices("test")], seen)


def cache_path(data: FaceData, kind: str = "") -> Path:
    """Where positions of a data set that were found out are kept."""
    # Positions matter here, so the key covers the order of the rows too.
    order = hashlib.blake2b("\n".join(map(str, data.ids)).encode(), digest_size=8).hexdigest()
    return cache_dir() / "duplicates" / f"{data.fingerprint}-{order}{kind}.npy"


def _identical(images: np.ndarray) -> np.ndarray:
    """``(N,)`` int64: the first position of the same pixels."""
    first: dict[bytes, int] = {}
    return np.array(
        [
            first.setdefault(np.ascontiguousarray(image).tobytes(), position)
            for position, image in enumerate(images)
        ],
        np.int64,
    )


def _same_photo(images: np.ndarray, position: int, others: np.ndarray) -> np.ndarray:
    """Which of the others show the same photograph, by all pixels: bool, one each."""
    score = (_unit(_flat(images[[position]])) * _unit(_flat(images[others]))).sum(1)
    same: np.ndarray = score > SAME_PHOTO
    return same


def _join(groups: np.ndarray, position: int, others: np.ndarray) -> None:
    """Make one group, named after its first image, of a position's and those of others."""
    joined = np.unique(groups[np.append(others, position)])
    if len(joined) > 1:
        groups[np.isin(groups, joined)] = joined[0]


def _reduced(images: np.ndarray) -> np.ndarray:
    """Means of 16 x 16 cells as unit rows, whose product finds candidates quickly."""
    count, size = len(images), images.shape[1]
    cells = images.reshape(count, 16, size // 16, 16, size // 16).mean((2, 4), dtype=np.float32)
    return _unit(cells.reshape(count, -1))


def unit_pixels(images: np.ndarray) -> np.ndarray:
    """Faces ``(n, 48, 48)`` as float32 ``(n, 2304)`` rows, whose product is their correlation."""
    return _unit(_flat(images))


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and length 1, so that a product of two is their correlation."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(length > _BLANK_NORM, rows / np.maximum(length, _BLANK_NORM), 0.0)
