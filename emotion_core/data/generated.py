"""Faces that a generator made: how they are marked, and where they may be used.

The mark is the word in ``FaceData.usage``, which goes with each face through joins, corrections and
folds. A marked face may train; it may never choose (val) or be reported on (test).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emotion_core.data.faces import SPLITS, FaceData, fingerprint
from emotion_core.errors import DataError

GENERATED = "generated"  # in ``FaceData.usage``, and as a collected face's source
_TRAIN = SPLITS.index("train")


def is_generated(data: FaceData) -> np.ndarray:
    """Which faces a generator made: bool ``(N,)``."""
    found: np.ndarray = np.asarray(data.usage) == GENERATED
    return found


def generated_share(data: FaceData, learned: np.ndarray) -> float:
    """Share (0..1) of the faces at positions ``learned`` that a generator made."""
    return float(is_generated(data)[learned].mean()) if len(learned) else 0.0


def marked(data: FaceData, rows: np.ndarray, captions: Sequence[str]) -> list[str]:
    """Captions of the faces at positions ``rows``, with a line ``generated`` below where it is one."""
    made = is_generated(data)[rows]
    return [
        f"{caption}\n{GENERATED}" if mark else caption
        for caption, mark in zip(captions, made, strict=True)
    ]


def without_generated(data: FaceData) -> FaceData:
    """The same data set without the faces that a generator made."""
    real = ~is_generated(data)
    if real.all():
        return data
    rows = {name: getattr(data, name)[real] for name in ("images", "labels", "splits", "ids")}
    kept = replace(data, usage=np.asarray(data.usage)[real], **rows)
    whole = fingerprint(kept.images, kept.labels, kept.splits)
    return replace(kept, fingerprint=whole)


def require_real(data: FaceData) -> None:
    """Refuse a data set in which a generated face is in val or test.

    Raises:
        DataError: one is.
    """
    wrong = int((is_generated(data) & (data.splits != _TRAIN)).sum())
    if wrong:
        raise DataError(
            f"'{data.name}' ({data.source}) has {wrong:,} generated faces in val or test. Generated "
            "faces may only train: nothing that is reported may rest on them."
        )
