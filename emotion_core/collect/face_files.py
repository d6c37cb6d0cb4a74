"""The pictures of collected faces on the disk: written before their row, swept when no row names them."""

import contextlib
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from emotion_core.data.collection_file import collections_dir, face_path, open_database

_MANY = 64  # faces from which on the whole disk is synchronised at once
_SWEEP_SECONDS = 600.0  # a file without a row may belong to a writer that is still at work


def write_pictures(face: np.ndarray, large: np.ndarray | None, written: list[str]) -> str:
    """Write a face's pictures under a name that no row has.

    Args:
        face: ``(48, 48)`` uint8.
        large: ``(112, 112)`` uint8, or None.
        written: Gets the name before anything is written, so that the caller can clean up.
    """
    file = secrets.token_hex(12)
    written.append(file)
    face_path(file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for pixels, is_large in ((face, False), (large, True)):
        if pixels is not None:
            picture = cv2.imencode(".png", pixels)[1].tobytes()
            face_path(file, large=is_large).write_bytes(picture)
    return file


def sync_pictures(files: Sequence[str]) -> None:
    """Bring pictures to the disk: a row must not be there before its pixels, whatever fails."""
    if len(files) > _MANY and hasattr(os, "sync"):
        os.sync()  # once for all of them is faster than each by itself
        return
    for file in files:
        with contextlib.suppress(FileNotFoundError):  # there is no large crop
            for large in (False, True):
                with face_path(file, large=large).open("rb+") as picture:
                    os.fsync(picture.fileno())


def remove_files(files: Sequence[str]) -> None:
    """Remove the pictures of faces that no row names."""
    for file in files:
        for large in (False, True):
            face_path(file, large=large).unlink(missing_ok=True)


def is_sweep_due() -> bool:
    """Whether the last sweep is so long ago that files of a killed writer may lie there."""
    try:
        return time.time() - _mark().stat().st_mtime > _SWEEP_SECONDS
    except OSError:
        return True


def sweep(*, older_than: float = _SWEEP_SECONDS) -> int:
    """Remove pictures that no row names, left by a process that was killed; gives how many."""
    with open_database() as database:
        known = {row[0] for row in database.execute("SELECT file FROM faces")}
    before, count = time.time() - older_than, 0
    for path in (collections_dir() / "faces").glob("??/*.png"):
        with contextlib.suppress(OSError):  # another process may sweep as well
            if path.stem.removesuffix("-112") not in known and path.stat().st_mtime <= before:
                path.unlink()
                count += 1
    with contextlib.suppress(OSError):
        _mark().touch()
    return count


def _mark() -> Path:
    """An empty file; its time is that of the last sweep."""
    return collections_dir() / ".swept"
