"""Which images train, which choose (val) and which are only reported on (test)."""

from dataclasses import dataclass

import numpy as np

from emotion_core.data.duplicates import grouped, near_duplicate_groups
from emotion_core.data.faces import SPLITS, FaceData, canonical_order
from emotion_core.data.generated import is_generated, require_real
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS
from emotion_core.units import percent


@dataclass(frozen=True)
class Split:
    """Positions in a ``FaceData``, int64: ``test`` in canonical order, the others ascending."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


def split_indices(data: FaceData, seed: int = 0, val_fraction: float = 0.1) -> Split:
    """Train, val and test as the source gave them; val is cut from train if there is none.

    The cut is stratified by emotion and keeps near duplicates on one side, so that validation
    does not reward remembering; photographs with more near duplicates than val may get images stay
    in train. It depends on the data and ``seed`` alone; keep ``seed`` at 0, or runs are chosen on
    different images. Generated faces only train, so the cut leaves them there.

    Args:
        data: The data set.
        seed: Of the cut.
        val_fraction: Share of each emotion's training images that val gets.

    Raises:
        DataError: there are no training images, or too few to cut, or a generated face is in val or
            test.
    """
    require_real(data)
    train, val = data.indices("train"), data.indices("val")
    if len(train) == 0:
        raise DataError(f"'{data.name}' ({data.source}) has no training images.")
    if len(val) == 0:
        # In canonical order, so that the cut is the same for every form of the data set.
        made = is_generated(data)[train]
        real = train[~made]
        ordered = real[canonical_order(data.images[real], data.labels[real])]
        chosen = _cut(grouped(data)[ordered], data.labels[ordered], seed, val_fraction)
        val = np.sort(ordered[chosen])
        train = np.sort(np.concatenate([ordered[~chosen], train[made]]))
    if len(train) == 0 or len(val) == 0:
        raise DataError(
            f"'{data.name}' ({data.source}) has too few training images to hold "
            f"{percent(val_fraction, 0)} out for validation: near duplicates of one photograph stay "
            "together. Add other photographs, or a folder val."
        )
    return Split(train, val, data.indices("test"))


def cut_test(
    images: np.ndarray,
    labels: np.ndarray,
    splits: np.ndarray,
    groups: np.ndarray | None = None,
) -> int:
    """Make a tenth of each emotion's training images test, if nothing is; cut as val is.

    Args:
        images: uint8 ``(n, 48, 48)``.
        labels: int64 ``(n,)``.
        splits: uint8 ``(n,)``, codes as in ``SPLITS``; changed in place.
        groups: int64 ``(n,)``, images that stay together; by default near duplicates.

    Returns:
        How many images became test.
    """
    train = np.flatnonzero(splits == SPLITS.index("train"))
    if (splits == SPLITS.index("test")).any() or not len(train):
        return 0
    ordered = train[canonical_order(images[train], labels[train])]
    together = near_duplicate_groups(images[ordered]) if groups is None else groups[ordered]
    chosen = ordered[_cut(together, labels[ordered], 0, 0.1)]
    splits[chosen] = SPLITS.index("test")
    return len(chosen)


def require_test(data: FaceData, split: Split) -> None:
    """Refuse data whose split has no test images.

    Raises:
        DataError: there are none.
    """
    if len(split.test) == 0:
        raise DataError(f"'{data.name}' ({data.source}) has no test images to report on.")


def _cut(groups: np.ndarray, labels: np.ndarray, seed: int, fraction: float) -> np.ndarray:
    """Which positions are cut off: of each emotion, whole groups in random order up to the share.

    Groups larger than the share stay in training, or one burst of frames could be all that is cut.
    """
    rng = np.random.default_rng(seed)
    _, first, inverse, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    chosen = np.zeros(len(first), bool)
    by_appearance = np.argsort(first)
    for label in range(len(EMOTIONS)):
        # A group with mixed labels counts as the emotion of its first image.
        members = rng.permutation(by_appearance[labels[first[by_appearance]] == label])
        if len(members) < 2:  # training needs it
            continue
        goal = max(1, round(fraction * sizes[members].sum()))
        small = members[sizes[members] <= goal]
        if not len(small):
            small = members[np.argsort(sizes[members], kind="stable")[:1]]
        before = np.cumsum(sizes[small]) - sizes[small]
        chosen[small[before < goal]] = True
    found: np.ndarray = chosen[inverse]
    return found
