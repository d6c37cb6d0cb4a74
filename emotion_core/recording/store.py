"""The recordings on this machine: a folder each, listed, deleted and brought back.

A recording that a crash cut off is made whole when it is looked for next.
"""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emotion_core.access import Action, allowed, require
from emotion_core.errors import RecordingError
from emotion_core.files import read_json, write_json
from emotion_core.paths import home_dir
from emotion_core.processes import is_held
from emotion_core.recording.facts import FACTS, LOCK, NOTES, ROWS, VIDEO, Facts, Notes
from emotion_core.recording.repair import recover

UNDO_SECONDS = 3600.0  # a deleted recording can be brought back this long
_TRASH = ".deleted-"
_STARTING = 60.0  # seconds after which a folder without anything in it is no recording that begins
_NAME = re.compile(r"[\w][\w.-]{0,99}", re.ASCII)
SHIPPED = Path(__file__).with_name("shipped")


@dataclass(frozen=True)
class Recording:
    """One recording.

    Attributes:
        path: Its folder.
        facts: What it says about itself.
        shipped: It belongs to the program: anyone may see it, nobody changes it.
    """

    path: Path
    facts: Facts
    shipped: bool = False

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.path.name

    @property
    def video(self) -> Path:
        """WebM."""
        return self.path / VIDEO

    @property
    def rows(self) -> Path:
        """Parquet, columns as ``rows.columns()``."""
        return self.path / ROWS

    def size_bytes(self) -> int:
        """Of all its files."""
        return sum(path.stat().st_size for path in self.path.iterdir() if path.is_file())

    def notes(self) -> Notes:
        """Its marks and excluded parts; none where there is no such file.

        Raises:
            RecordingError: the file is damaged.
        """
        path = self.path / NOTES
        try:
            return Notes.from_json(read_json(path))
        except FileNotFoundError:
            return Notes()
        except (OSError, ValueError) as error:
            raise RecordingError(f"{path} is damaged ({error}). Delete this file.") from error

    def save_notes(self, notes: Notes) -> None:
        """Keep marks and excluded parts.

        Raises:
            AccessError: the caller is not the owner.
            RecordingError: the recording is shipped, or gone.
        """
        require(Action.RECORD)
        if self.shipped:
            raise RecordingError(f"{self.name} belongs to the program and is not changed.")
        try:
            write_json(self.path / NOTES, notes.to_json())
        except FileNotFoundError as error:
            raise RecordingError(f"Recording '{self.name}' is not there any more.") from error


def recordings_dir() -> Path:
    """Where recordings lie; it exists only once something was recorded."""
    return home_dir() / "recordings"


def list_recordings() -> list[Recording]:
    """The owner's own, newest first, then the shipped ones; a visitor gets the latter alone.

    One that is being made now is not among them. What was deleted an hour ago goes for good.
    """
    own = []
    if allowed(Action.RECORD):
        purge(older_than=UNDO_SECONDS)
        own = [found for path in _folders(recordings_dir()) if (found := _open(path))]
    shipped = [found for path in _folders(SHIPPED) if (found := _open(path, shipped=True))]
    return sorted(own, key=lambda item: item.facts.started, reverse=True) + shipped


def new_folder() -> Path:
    """Make the folder of a recording that begins now.

    Raises:
        AccessError: the caller is not the owner.
        RecordingError: it cannot be made.
    """
    require(Action.RECORD)
    stem = time.strftime("%Y-%m-%d-%H%M%S")
    try:
        recordings_dir().mkdir(parents=True, exist_ok=True)
        recordings_dir().chmod(0o700)
        for ending in ("", *(f"-{number}" for number in range(2, 100))):
            path = recordings_dir() / f"{stem}{ending}"
            if not path.exists() and not _trash_of(path).exists():
                path.mkdir()
                return path
    except OSError as error:
        raise RecordingError(
            f"{recordings_dir()} cannot be written ({error.strerror}). Name another folder in "
            "EMOTION_HOME."
        ) from error
    raise RecordingError(f"{stem} is taken a hundred times. Wait a second.")


def delete(recording: Recording) -> None:
    """Take a recording away; ``restore`` brings it back for an hour.

    Raises:
        AccessError: the caller is not the owner.
        RecordingError: it is shipped, or gone already.
    """
    require(Action.RECORD)
    if recording.shipped:
        raise RecordingError(f"{recording.name} belongs to the program and stays.")
    with _there(recording.name):
        os.utime(recording.path)  # purge goes by the time of deletion
        recording.path.rename(_trash_of(recording.path))


def restore(name: str) -> None:
    """Bring a deleted recording back.

    Raises:
        AccessError: the caller is not the owner.
        RecordingError: it is gone for good.
    """
    require(Action.RECORD)
    if not _NAME.fullmatch(name):
        raise RecordingError(f"'{name}' is not a recording's name.")
    with _there(name):
        path = recordings_dir() / name
        _trash_of(path).rename(path)


def deleted() -> list[str]:
    """Names of those that ``restore`` can bring back, last deleted first; none for a visitor."""
    if not allowed(Action.RECORD):
        return []
    return [path.name.removeprefix(_TRASH) for path in _trash()]


def purge(*, older_than: float = 0.0) -> int:
    """Remove for good what was deleted more than so many seconds ago; gives how many.

    Raises:
        AccessError: the caller is not the owner.
    """
    require(Action.RECORD)
    gone = [path for path in _trash() if time.time() - path.stat().st_mtime >= older_than]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)  # someone else may remove it as well
    return len(gone)


def _folders(root: Path) -> Iterator[Path]:
    if root.is_dir():
        yield from (path for path in root.iterdir() if path.is_dir() and _NAME.fullmatch(path.name))


def _open(path: Path, *, shipped: bool = False) -> Recording | None:
    """A recording that is whole, or is made so; None where one is being made or nothing is left."""
    try:
        facts: Facts | None = Facts.from_json(read_json(path / FACTS))
    except FileNotFoundError:
        facts = None
        if not shipped and time.time() - path.stat().st_mtime > _STARTING and _is_empty(path):
            shutil.rmtree(path, ignore_errors=True)  # killed before its first frame
    except (OSError, ValueError):
        facts = None
    if facts and not facts.whole:
        facts = None if shipped or is_held(path / LOCK) else recover(path, facts)
    return Recording(path, facts, shipped) if facts else None


def _is_empty(path: Path) -> bool:
    return all(item.name == LOCK for item in path.iterdir()) and not is_held(path / LOCK)


def _trash_of(path: Path) -> Path:
    return path.with_name(_TRASH + path.name)


def _trash() -> list[Path]:
    root = recordings_dir()
    found = list(root.glob(f"{_TRASH}*")) if root.is_dir() else []
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


@contextlib.contextmanager
def _there(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise RecordingError(f"Recording '{name}' is not there any more.") from error
