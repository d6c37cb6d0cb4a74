"""Uploaded data sets: files in the cache folder, named by their content."""

import hashlib
import shutil
from pathlib import Path

from emotion_core.errors import DataError
from emotion_core.files import short_name, write_bytes
from emotion_core.paths import cache_dir


def keep_upload(name: str, content: bytes | memoryview) -> Path:
    """Write an uploaded file and give its place; the same content is written once.

    The folder is named by the content: the ``data.zip`` of two people are two data sets, and a
    corrected one is a new one.

    Args:
        name: The file's name as its owner calls it, such as ``faces.zip``.
        content: All of it.

    Raises:
        DataError: the file cannot be written.
    """
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    place = Path(name)
    target = _folder() / digest / f"{short_name(place.stem)}{place.suffix.lower()}"
    if not target.exists():
        try:
            write_bytes(target, content, parents=True)
        except OSError as error:
            raise DataError(
                f"The upload cannot be kept in {target.parent}: {error.strerror}."
            ) from error
    return target


def drop_upload(path: Path) -> None:
    """Remove a kept upload that is of no use; any other path is left alone."""
    if path.parent.parent == _folder():
        shutil.rmtree(path.parent, ignore_errors=True)


def _folder() -> Path:
    return cache_dir() / "uploads"
