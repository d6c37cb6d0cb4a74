"""How a SQLite file of the user's is opened, brought up to date and changed: all or nothing."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from emotion_core.errors import EmotionError

_BUSY_SECONDS = 15.0


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """A connection that waits for others, and deletes for real what is deleted.

    Args:
        path: The file.
        create: Make it where there is none. Without it a file that is deleted at this moment
            stays deleted.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    address = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    database = sqlite3.connect(address, timeout=_BUSY_SECONDS, isolation_level=None, uri=True)
    database.row_factory = sqlite3.Row
    try:
        for pragma in ("foreign_keys = ON", "secure_delete = ON", "synchronous = FULL"):
            database.execute(f"PRAGMA {pragma}")
    except BaseException:
        database.close()
        raise
    return database


@contextlib.contextmanager
def opened(
    path: Path,
    migrations: Sequence[str],
    refuse: type[EmotionError],
    told: Callable[[str], str],
    *,
    create: bool = False,
) -> Iterator[sqlite3.Connection]:
    """A database, brought up to the newest schema.

    Args:
        path: The file.
        migrations: A script per version of the schema, the oldest first.
        refuse: The error in which every refusal is told.
        told: A sentence for SQLite's reasons other than a full disk and a busy file.
        create: As for ``connect``.

    Raises:
        EmotionError: as ``refuse``: it is damaged, busy, of a later version, or the disk is full.
    """
    try:
        with contextlib.closing(connect(path, create=create)) as database:
            _migrate(database, path, migrations, refuse)
            yield database
    except sqlite3.Error as error:
        raise refuse(reason(error, path, told)) from error


@contextlib.contextmanager
def changing(database: sqlite3.Connection) -> Iterator[None]:
    """One change of a database: all of it or, on an error or a crash, nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if database.in_transaction:  # on a full disk SQLite has ended it already
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def reason(error: sqlite3.Error, path: Path, told: Callable[[str], str]) -> str:
    """Why a database cannot be used, and what to do; ``told`` as for ``opened``."""
    text = str(error)
    if "full" in text:
        return f"{path}: the disk is full. Make room there, or name another folder in EMOTION_HOME."
    if "locked" in text:
        return f"{path} is in use by another process for too long. Try again."
    return told(text)


def _migrate(
    database: sqlite3.Connection, path: Path, migrations: Sequence[str], refuse: type[EmotionError]
) -> None:
    version = len(migrations)
    found = _version(database)
    if found > version:
        raise refuse(f"{path} has version {found}, this program reads up to {version}. Update it.")
    if found == version:
        return
    database.execute("PRAGMA journal_mode = WAL")
    with changing(database):
        # Another process may have migrated it at the same moment.
        for script in migrations[_version(database) :]:
            for statement in script.split(";"):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {version}")


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])
