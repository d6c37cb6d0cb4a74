"""The diary's SQLite file: where it lies, how it is opened, brought up to date and destroyed.

Every operation opens the file and closes it again. So a diary that was deleted elsewhere is never
written to by a process that still had it open, and several processes may use it at once.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from emotion_core import sqlite_file
from emotion_core.errors import DiaryError
from emotion_core.paths import home_dir

_SIDE_FILES = ("", "-wal", "-shm", "-journal")
# The schema grows by one script per version; a file is brought up to date when it is opened.
_MIGRATIONS = (
    """
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE minutes (
      minute INTEGER NOT NULL, model TEXT NOT NULL, profile TEXT NOT NULL,
      offset INTEGER NOT NULL, seen REAL NOT NULL CHECK (seen > 0),
      angry REAL NOT NULL, disgust REAL NOT NULL, fear REAL NOT NULL, happy REAL NOT NULL,
      neutral REAL NOT NULL, sad REAL NOT NULL, surprise REAL NOT NULL,
      changes INTEGER NOT NULL, light REAL NOT NULL, size REAL NOT NULL,
      tilt REAL NOT NULL, turn REAL NOT NULL,
      PRIMARY KEY (minute, model, profile)) WITHOUT ROWID;
    CREATE TABLE check_ins (
      id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, offset INTEGER NOT NULL,
      valence REAL, arousal REAL, word TEXT NOT NULL, note TEXT NOT NULL,
      place TEXT NOT NULL, company TEXT NOT NULL, activity TEXT NOT NULL,
      CHECK (word <> '' OR valence IS NOT NULL));
    CREATE INDEX check_ins_at ON check_ins (at);
    """,
)


def diary_path() -> Path:
    """The diary's file; it exists only once the diary was switched on."""
    return home_dir() / "diary" / "diary.sqlite"


@contextlib.contextmanager
def open_database(*, create: bool = False) -> Iterator[sqlite3.Connection]:
    """The diary, brought up to this version's schema.

    Args:
        create: Make it where there is none.

    Raises:
        DiaryError: there is none, it is damaged, of a later version, or the disk is full.
    """
    path = diary_path()
    if not path.exists():
        if not create:
            raise DiaryError(
                "The diary is off: nothing is kept. Switch it on on the Diary page, or with: "
                "python -m emotion_core diary on"
            )
        _make(path)
    told = partial(_told, path=path)
    with sqlite_file.opened(path, _MIGRATIONS, DiaryError, told) as database:
        yield database


@contextlib.contextmanager
def transaction(*, create: bool = False) -> Iterator[sqlite3.Connection]:
    """One change of the diary: all of it or, on an error or a crash, nothing.

    Raises:
        DiaryError: as ``open_database``.
    """
    with open_database(create=create) as database, sqlite_file.changing(database):
        yield database


def forget_pages(database: sqlite3.Connection) -> None:
    """Take deleted rows out of the write-ahead log as well; call it outside a transaction."""
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def destroy() -> bool:
    """Overwrite everything in the diary, then remove its files and its empty folder.

    Returns:
        Whether there was a diary. One that is damaged is removed without being overwritten row
        by row: its whole file is overwritten instead.

    Raises:
        DiaryError: another process holds it for too long, or a file cannot be removed.
    """
    path = diary_path()
    existed = path.exists()
    if existed:
        try:
            _empty(path)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise DiaryError(
                    sqlite_file.reason(error, path, partial(_told, path=path))
                ) from error
            _overwrite(path)
        except sqlite3.Error:
            _overwrite(path)
    try:
        for suffix in _SIDE_FILES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    except OSError as error:
        raise DiaryError(f"{error.filename} cannot be removed ({error.strerror}).") from error
    return existed


def _empty(path: Path) -> None:
    with contextlib.closing(sqlite_file.connect(path)) as database:
        for table in ("minutes", "check_ins", "settings"):
            database.execute(f"DELETE FROM {table}")
        database.execute("VACUUM")
        forget_pages(database)


def _overwrite(path: Path) -> None:
    """Zeros over the files of a diary that SQLite cannot read."""
    for suffix in _SIDE_FILES:
        with (
            contextlib.suppress(FileNotFoundError),
            path.with_name(path.name + suffix).open("rb+") as file,
        ):
            left = os.fstat(file.fileno()).st_size
            while left > 0:
                left -= file.write(bytes(min(left, 1 << 20)))
            file.flush()
            os.fsync(file.fileno())


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Nobody else on this computer may read it; SQLite gives its log the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DiaryError(
            f"The diary cannot be made in {path.parent} ({error.strerror}). Make room there, or "
            "name another folder in EMOTION_HOME."
        ) from error


def _told(reason: str, path: Path) -> str:
    """Why SQLite does not take the file, and what to do."""
    if "unable to open" in reason:
        return f"{path} cannot be opened: it was deleted meanwhile, or may not be read."
    return (
        f"{path} is damaged ({reason}). Keep a copy if you need it, and start again with: "
        "python -m emotion_core diary delete"
    )
