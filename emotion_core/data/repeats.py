"""How much of a data set repeats itself: duplicates, leaks between splits, contradicting labels."""

from collections.abc import Mapping

import numpy as np

from emotion_core.data.duplicates import cache_path, grouped, leak_free_mask
from emotion_core.data.faces import SPLITS, FaceData, digests
from emotion_core.data.parsed import Progress
from emotion_core.data.twins import augmented_twins
from emotion_core.units import percent

# Counts of ``count_repeats`` that ``repeats_reading`` speaks about.
_REPEATS = "images that repeat a photograph"
_CONTRADICTED = "groups of the same photograph with different labels"
_TEST = "test images"
_LEAKED = "test images of a photograph that is also in training"
_CHANGED = "test images that are a mirrored or re-cropped training image"


def is_counted(data: FaceData) -> bool:
    """Whether ``count_repeats`` has its searches in the cache, so that counting takes no time."""
    return all(cache_path(data, kind).exists() for kind in ("", "-twins"))


def count_repeats(data: FaceData, progress: Progress | None = None) -> dict[str, int]:
    """Counts that tell how much of a data set repeats itself, by what is counted.

    FER-2013 takes about a minute of one core the first time.
    """
    groups = grouped(data)
    twins = augmented_twins(data, progress)
    changed = {twin.test for twin in twins}
    unseen = data.indices("test")[leak_free_mask(data)].tolist()
    exact = np.unique([digest.hex() for digest in digests(data.images)], return_inverse=True)[1]
    test = data.splits == SPLITS.index("test")
    twin = ~leak_free_mask(data)
    identical = np.isin(exact[test], exact[~test])
    blank = np.fromiter((int(image.std() < 1) for image in data.images), int, len(data))
    return {
        "images": len(data),
        "different images, byte for byte": len(np.unique(exact)),
        "different photographs (near duplicates as one)": len(np.unique(groups)),
        _REPEATS: len(data) - len(np.unique(groups)),
        "groups of the same photograph": _several(groups),
        "largest group": int(np.bincount(groups).max()),
        "groups of identical images with different labels": _mixed(exact, data.labels),
        _CONTRADICTED: _mixed(groups, data.labels),
        "images in those groups": _mixed_images(groups, data.labels),
        _TEST: int(test.sum()),
        "test images identical to a training image": int(identical.sum()),
        _LEAKED: int(twin.sum()),
        _CHANGED: len(changed),
        "of these, mirrored": len({twin.test for twin in twins if twin.mirrored}),
        "of these, in the leak-free subset": len(changed.intersection(unseen)),
        "blank images (standard deviation below 1 of 255)": int(blank.sum()),
    }


def repeats_reading(found: Mapping[str, int]) -> str:
    """What ``count_repeats`` found, in two or three sentences for a reader who has to decide."""
    if not found[_REPEATS] and not found[_CHANGED]:
        return "No photograph occurs twice."
    many = found[_REPEATS] > 1
    words = [
        f"{found[_REPEATS]:,} image{'s repeat' if many else ' repeats'} a photograph that is in "
        "the data set already."
    ]
    if found[_LEAKED]:
        share = percent(found[_LEAKED] / found[_TEST])
        show = "show" if found[_LEAKED] > 1 else "shows"
        words.append(
            f"{found[_LEAKED]:,} of {found[_TEST]:,} test images ({share}) {show} a "
            "photograph that is also in training, so test accuracy partly rewards remembering. "
            "Every report also gives the accuracy without such images."
        )
    elif found[_TEST]:
        words.append("No test image shows a photograph that is also in training.")
    if found[_CHANGED]:
        many = found[_CHANGED] > 1
        words.append(
            f"{found[_CHANGED]:,} test image{'s are' if many else ' is'} a mirrored, turned or "
            "re-cropped copy of a training image."
        )
    if found[_CONTRADICTED]:
        many = found[_CONTRADICTED] > 1
        words.append(
            f"{found[_CONTRADICTED]:,} photograph{'s carry' if many else ' carries'} more than one "
            "label, so no model can be correct on all copies."
        )
    return " ".join(words)


def _several(groups: np.ndarray) -> int:
    return int((np.unique(groups, return_counts=True)[1] > 1).sum())


def _mixed_groups(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    pairs = np.unique(np.stack([groups, labels], 1), axis=0)[:, 0]
    names, counts = np.unique(pairs, return_counts=True)
    mixed: np.ndarray = names[counts > 1]
    return mixed


def _mixed(groups: np.ndarray, labels: np.ndarray) -> int:
    return len(_mixed_groups(groups, labels))


def _mixed_images(groups: np.ndarray, labels: np.ndarray) -> int:
    return int(np.isin(groups, _mixed_groups(groups, labels)).sum())
