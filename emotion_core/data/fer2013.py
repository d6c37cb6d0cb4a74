"""FER-2013: where it may be, how it is recognised, and its published counts."""

import os
from pathlib import Path

import numpy as np

from emotion_core.data.faces import SPLITS
from emotion_core.data.label_tables import split_labels
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS
from emotion_core.paths import PROJECT, cache_dir, readable, user_path

FER2013_SPEC = "fer2013"
_DATA_FILES = (".zip", ".csv", ".tsv", ".npy", ".npz", ".parquet")

# Goodfellow et al. 2013, "Challenges in representation learning"; test is Public and Private.
COUNTS: dict[str, dict[str, int]] = {
    "train": dict(zip(EMOTIONS, (3995, 436, 4097, 7215, 4965, 4830, 3171), strict=True)),
    "test": dict(zip(EMOTIONS, (958, 111, 1024, 1774, 1233, 1247, 831), strict=True)),
}

# Test images of a photograph that is also in training, as ``data duplicates`` counts them.
LEAKED = 1008

BY_HAND = (
    "Download https://www.kaggle.com/datasets/msambare/fer2013 in a browser and give the path of "
    "the zip or its unpacked folder."
)


def is_fer2013(labels: np.ndarray, splits: np.ndarray) -> bool:
    """Whether the counts by split and emotion are exactly FER-2013's."""
    for code, split in enumerate(SPLITS):
        expected = list(COUNTS.get(split, dict.fromkeys(EMOTIONS, 0)).values())
        found = np.bincount(labels[splits == code], minlength=len(EMOTIONS))
        if found.tolist() != expected:
            return False
    return True


def download_dir() -> Path:
    """Where ``data fetch fer2013`` puts the data set."""
    return cache_dir() / "fer2013"


def source_path(spec: str) -> Path:
    """The absolute place of a data set on disk: ``fer2013``, or a path as a user writes it.

    A folder that only holds one file of data, as a download does, stands for that file.

    Raises:
        DataError: FER-2013 is meant, and not on this machine; or no file can have such a name.
        AccessError: the caller may not open files there.
    """
    text, _ = split_labels(spec)
    try:
        if text == FER2013_SPEC:
            return find_fer2013().resolve()
        place = readable(user_path(text))
        only = _only_file_in(place)
        return readable(only.resolve()) if only else place
    except (OSError, ValueError, RuntimeError) as error:  # NUL, half a letter, links in a circle
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"'{text[:200]}' is not the path of a file or folder ({reason})."
        ) from error


def find_fer2013() -> Path:
    """FER-2013 on this machine: ``FER2013_DIR``, the fetched one, or ``data/fer2013``.

    Raises:
        DataError: it is in none of these places.
    """
    named = os.environ.get("FER2013_DIR")
    for place in (
        user_path(named) if named else None,
        download_dir(),
        PROJECT / "data" / "fer2013",
    ):
        if place is not None and place.exists():
            return _only_file_in(place) or place
    missing = f" FER2013_DIR is {named}, where there is nothing." if named else ""
    raise DataError(
        f"FER-2013 is not on this machine yet.{missing} Run 'python -m emotion_core data fetch "
        f"fer2013', set FER2013_DIR, or put it into data/fer2013. {BY_HAND}"
    )


def data_files_in(place: Path) -> list[Path]:
    """Zips and tables that lie in a folder."""
    return sorted(file for file in place.glob("*") if file.suffix.lower() in _DATA_FILES)


def _only_file_in(place: Path) -> Path | None:
    """The one zip or table in a folder without emotion folders; None if there is no such."""
    files = data_files_in(place) if place.is_dir() else []
    if len(files) != 1:
        return None
    from emotion_core.data.folder import holds_pictures  # loads OpenCV

    return None if holds_pictures(place) else files[0]
