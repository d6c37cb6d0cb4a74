"""Uploaded data sets: private to the session that sent them, and gone with it.

An upload lies in the folder of its session, which nobody else of this computer may enter, together
with its parsed images. It stays beyond the session only while a run names it as its data.
"""

import contextlib
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import filelock

from emotion_core.access import Action, require
from emotion_core.data.label_tables import split_labels
from emotion_core.data.specs import sources_of
from emotion_core.errors import DataError
from emotion_core.files import short_name, write_bytes
from emotion_core.paths import cache_dir
from emotion_core.runs.catalog import list_runs

MOST_BYTES = 1 << 30  # of all sessions together, so that no visitor can fill the disk
_LOCK = ".lock"


class UploadSession:
    """The uploads of one visit. The system frees its lock with the process, however it ends."""

    def __init__(self) -> None:
        self.folder = _root() / secrets.token_hex(8)
        self._lock: filelock.BaseFileLock | None = None

    def keep(self, name: str, content: bytes | memoryview) -> Path:
        """Write an uploaded file and give its place; the same content is written once.

        Args:
            name: The file's name as its owner calls it, such as ``faces.zip``.
            content: All of it.

        Raises:
            DataError: the file cannot be written, or uploads take too much of the disk.
        """
        require(Action.UPLOAD)
        digest = hashlib.blake2b(content, digest_size=8).hexdigest()
        place = Path(name)
        target = self.folder / digest / f"{short_name(place.stem)}{place.suffix.lower()}"
        if target.exists():
            return target
        remove_unused()
        if _bytes_kept() + len(content) > MOST_BYTES:
            raise DataError(
                f"Uploads on this computer would take more than {MOST_BYTES >> 20:,} MB. Close other "
                "tabs that uploaded data, or give the path of the file instead."
            )
        try:
            self._open()
            write_bytes(target, content, parents=True)
        except OSError as error:
            raise DataError(
                f"The upload cannot be kept in {self.folder}: {error.strerror}."
            ) from error
        return target

    def close(self) -> None:
        """Remove what no run uses."""
        if self._lock:
            self._lock.release()
            self._lock = None
            remove_unused()

    def _open(self) -> None:
        if self._lock is None:
            for folder in (_root(), self.folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = filelock.FileLock(self.folder / _LOCK, timeout=0)
            self._lock.acquire()


def remove_unused() -> None:
    """Remove the uploads of ended sessions that no run names as its data."""
    used: set[Path] | None = None
    for folder in _folders(_root()):
        with contextlib.suppress(OSError, filelock.Timeout):
            lock = filelock.FileLock(folder / _LOCK, timeout=0)
            with lock:
                used = _used() if used is None else used
                for upload in _folders(folder):
                    if upload not in used:
                        shutil.rmtree(upload, ignore_errors=True)
                empty = not _folders(folder)
            if empty:
                shutil.rmtree(folder, ignore_errors=True)


def drop_upload(path: Path) -> None:
    """Remove a kept upload that is of no use; any other path is left alone."""
    if is_upload(path):
        shutil.rmtree(path.parent, ignore_errors=True)


def is_upload(path: Path) -> bool:
    """Whether a file came by upload: it is offered to nobody else, and its images stay beside it."""
    return path.resolve().parent.parent.parent == _root()


def parsed_folder(path: Path) -> Path:
    """Where the parsed images of a source are kept."""
    return path.parent / "parsed" if is_upload(path) else cache_dir() / "data"


def _used() -> set[Path]:
    """Folders of the uploads that runs name."""
    runs = [run for run in list_runs() if not run.problem]
    specs = [source for run in runs for source in sources_of(run.config().data)]
    return {Path(split_labels(spec)[0]).resolve().parent for spec in specs}


def _bytes_kept() -> int:
    return sum(path.stat().st_size for path in _files())


def _files() -> Iterator[Path]:
    for session in _folders(_root()):
        for upload in _folders(session):
            yield from (path for path in upload.rglob("*") if path.is_file())


def _folders(root: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [path for path in root.iterdir() if path.is_dir()]
    return []


def _root() -> Path:
    return cache_dir().resolve() / "uploads"
