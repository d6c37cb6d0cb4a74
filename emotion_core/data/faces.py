"""``FaceData``: the one form in which faces travel from any source to training and evaluation."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emotion_core.labels import EMOTIONS

FACE_SIZE = 48
SPLITS: tuple[str, ...] = ("train", "val", "test")
SYNTHETIC_SPEC = "synthetic"
BY_HAND = "by hand"  # in ``FaceData.usage``: a person gave or confirmed this face's label


def is_synthetic(spec: str) -> bool:
    """Whether a data set's name means drawn faces alone: ``synthetic`` or ``synthetic:N``."""
    kind, _, number = spec.partition(":")
    return kind == SYNTHETIC_SPEC and not set(number) & set("+@%*")


@dataclass(frozen=True)
class Note:
    """Something the loader fixed or left out.

    Attributes:
        kind: ``fixed``, ``skipped`` or ``warning``.
        thing: File, row or class it is about.
        message: What was found and what was done.
        count: How many images it concerns.
    """

    kind: str
    thing: str
    message: str
    count: int = 1


@dataclass(frozen=True)
class FaceData:
    """A loaded data set.

    Attributes:
        images: ``(N, 48, 48)`` uint8 gray faces, may be memory-mapped and read-only.
        labels: ``(N,)`` int64 indices into ``labels.EMOTIONS``.
        splits: ``(N,)`` uint8 indices into ``SPLITS`` as the source gave them; a source with no
            ``val`` has none here (``data.splits.split_indices`` cuts it from train).
        usage: ``(N,)`` str, FER-2013's own "Training", "PublicTest", "PrivateTest"; ``BY_HAND`` or
            ``generated.GENERATED`` of collected faces; or "".
        ids: ``(N,)`` str, unique: the path inside the source or its row.
        name: Short name for people, such as "FER-2013" or "synthetic".
        source: The path or spec it was loaded from; loading it again gives the same data.
        fingerprint: Hex digest of all images, labels and splits, independent of file layout.
        test_fingerprint: The same of the test split alone; equal means comparable runs.
        synthetic: Whether the faces are drawn by code.
        notes: What the loader fixed or skipped.
    """

    images: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    usage: np.ndarray
    ids: np.ndarray
    name: str
    source: str
    fingerprint: str
    test_fingerprint: str
    synthetic: bool = False
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def indices(self, split: str) -> np.ndarray:
        """Positions of a split as the source gave it; test in canonical order.

        The canonical order (see ``canonical_order``) makes predictions of two runs align row by
        row, whichever form of the data set each was trained from.
        """
        found = np.flatnonzero(self.splits == SPLITS.index(split))
        if split == "test":
            found = found[canonical_order(self.images[found], self.labels[found])]
        return found

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by split and emotion; only splits that have any."""
        table = {}
        for code, split in enumerate(SPLITS):
            labels = self.labels[self.splits == code]
            if len(labels):
                numbers = np.bincount(labels, minlength=len(EMOTIONS))
                table[split] = dict(zip(EMOTIONS, map(int, numbers), strict=True))
        return table


def digests(images: np.ndarray) -> list[bytes]:
    """16-byte BLAKE2b digest of each image's pixels."""
    return [hashlib.blake2b(image, digest_size=16).digest() for image in _rows(images)]


def canonical_order(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Permutation that sorts by pixel digest, then label: the same for every source layout."""
    keys = np.array([d.hex() for d in digests(images)], dtype="U32")
    return np.lexsort((labels, keys))


def fingerprint(images: np.ndarray, labels: np.ndarray, splits: np.ndarray) -> str:
    """Hex digest of images with labels and splits, whatever their order."""
    rows = sorted(
        digest + bytes([int(label), int(split)])
        for digest, label, split in zip(digests(images), labels, splits, strict=True)
    )
    return hashlib.blake2b(b"".join(rows), digest_size=16).hexdigest()


def _rows(images: np.ndarray) -> Iterator[bytes]:
    for image in images:
        yield np.ascontiguousarray(image).tobytes()
