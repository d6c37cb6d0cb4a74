"""A diary of one's own expressions: minute averages and check-ins, never a picture.

It is off until somebody switches it on; before that nothing is on the disk. Times are stored as UTC
with the offset of the wall clock at that moment, so that a change of the clock or a journey moves
nothing that was written before.
"""

import sqlite3
import time
from collections.abc import Iterable
from typing import Any

from emotion_core.access import Action, require
from emotion_core.errors import DiaryError
from emotion_core.personal import database
from emotion_core.personal.database import destroy, diary_path, open_database, transaction
from emotion_core.personal.entries import (
    AVERAGED,
    CHECK_IN_COLUMNS,
    KEPT_DAYS,
    MINUTE_COLUMNS,
    CheckIn,
    DiaryStatus,
    Minute,
    check_entry,
    minute_row,
)

MOST_DAYS = 3650
MOST_REMINDERS = 4  # per day
_DAY = 86_400


def switch_on() -> None:
    """Start the diary, or go on with one that was switched off; deletes what is too old."""
    require(Action.COLLECT)
    with transaction(create=True) as opened:
        _set(opened, "on", 1)
    apply_limit()


def switch_off() -> None:
    """Write no more; what is stored stays until it is too old or deleted.

    Raises:
        DiaryError: there is no diary.
    """
    require(Action.COLLECT)
    with transaction() as opened:
        _set(opened, "on", 0)


def is_on() -> bool:
    """Whether minutes and check-ins are written; costs nothing where there is no diary."""
    if not diary_path().exists():
        return False
    with open_database() as opened:
        return bool(_get(opened, "on", 0))


def status() -> DiaryStatus:
    """How the diary stands; nothing is made by asking."""
    require(Action.READ_DIARY)
    path = diary_path()
    if not path.exists():
        return DiaryStatus()
    with open_database() as opened:
        minutes = opened.execute(
            "SELECT count(*), min(minute), max(minute) FROM minutes"
        ).fetchone()
        own = opened.execute("SELECT count(*), min(at), max(at) FROM check_ins").fetchone()
        ends = [60 * value for value in minutes[1:] if value is not None]
        ends += [value for value in own[1:] if value is not None]
        return DiaryStatus(
            on=bool(_get(opened, "on", 0)),
            exists=True,
            kept_days=_get(opened, "kept_days", KEPT_DAYS),
            reminders=_get(opened, "reminders", 0),
            minutes=minutes[0],
            check_ins=own[0],
            first=min(ends, default=0),
            last=max(ends, default=0),
            size_bytes=sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*")),
        )


def stamp() -> str:
    """Another text after every change of the diary by any process; empty where there is none."""
    path = diary_path()
    found = [file.stat() for file in sorted(path.parent.glob(f"{path.name}*"))]
    return "-".join(f"{item.st_mtime_ns}.{item.st_size}" for item in found)


def set_kept_days(days: int, now: float | None = None) -> int:
    """Keep entries for so many days; older ones are deleted at once.

    Returns:
        How many entries were deleted.

    Raises:
        DiaryError: the number is outside 1 to ``MOST_DAYS``, or the diary is off.
    """
    require(Action.COLLECT)
    if not 1 <= days <= MOST_DAYS:
        raise DiaryError(f"Entries can be kept for 1 to {MOST_DAYS} days, got {days}.")
    with transaction() as opened:
        _set(opened, "kept_days", days)
    return apply_limit(now)


def set_reminders(count: int) -> None:
    """How often per day the open dashboard asks for a check-in.

    Raises:
        DiaryError: the number is outside 0 to ``MOST_REMINDERS``, or the diary is off.
    """
    require(Action.COLLECT)
    if not 0 <= count <= MOST_REMINDERS:
        raise DiaryError(f"Reminders per day must be 0 to {MOST_REMINDERS}, got {count}.")
    with transaction() as opened:
        _set(opened, "reminders", count)


def apply_limit(now: float | None = None) -> int:
    """Delete entries that are older than the retention limit; gives how many."""
    require(Action.COLLECT)
    with open_database() as opened:
        oldest = (now or time.time()) - _DAY * _get(opened, "kept_days", KEPT_DAYS)
        opened.execute("BEGIN IMMEDIATE")
        gone = opened.execute("DELETE FROM minutes WHERE minute < ?", (oldest / 60,)).rowcount
        gone += opened.execute("DELETE FROM check_ins WHERE at < ?", (oldest,)).rowcount
        opened.execute("COMMIT")
        if gone:
            database.forget_pages(opened)
    return gone


def write_minutes(minutes: Iterable[Minute]) -> bool:
    """Store minutes; one that is stored already, of the same model and profile, is joined with it.

    Returns:
        False where the diary is off: then nothing is written.

    Raises:
        DiaryError: a minute is not one, or the diary cannot be written.
    """
    require(Action.COLLECT)
    if not diary_path().exists():
        return False
    rows = [minute_row(item) for item in minutes]
    with transaction() as opened:
        if not _get(opened, "on", 0):
            return False
        for row in rows:
            _join(opened, row)
    apply_limit()
    return True


def check_in(entry: CheckIn) -> int:
    """Store a check-in; gives its number.

    Raises:
        DiaryError: the diary is off, or the entry says nothing or too much.
    """
    require(Action.COLLECT)
    check_entry(entry)
    values = [getattr(entry, name) for name in CHECK_IN_COLUMNS]
    with transaction() as opened:
        if not _get(opened, "on", 0):
            raise DiaryError("The diary is switched off. Switch it on to check in.")
        cursor = opened.execute(
            f"INSERT INTO check_ins ({', '.join(CHECK_IN_COLUMNS)}) VALUES "
            f"({', '.join('?' * len(CHECK_IN_COLUMNS))})",
            values,
        )
    apply_limit()
    return int(cursor.lastrowid or 0)


def delete_check_in(number: int) -> bool:
    """Take a check-in out of the diary for good; whether it was there."""
    require(Action.COLLECT)
    with open_database() as opened:
        gone = opened.execute("DELETE FROM check_ins WHERE id = ?", (number,)).rowcount
        database.forget_pages(opened)
    return bool(gone)


def delete_everything() -> bool:
    """Overwrite and remove the whole diary with its settings; whether there was one.

    Raises:
        DiaryError: another process holds it for too long, or a file cannot be removed.
    """
    require(Action.COLLECT)
    return destroy()


def check_ins() -> list[CheckIn]:
    """All check-ins, oldest first; none where there is no diary."""
    require(Action.READ_DIARY)
    if not diary_path().exists():
        return []
    with open_database() as opened:
        rows = opened.execute(
            f"SELECT {', '.join((*CHECK_IN_COLUMNS, 'id'))} FROM check_ins ORDER BY at"
        )
        return [CheckIn(**dict(row)) for row in rows]


def minutes_table() -> list[tuple[Any, ...]]:
    """All minutes as rows of ``MINUTE_COLUMNS``, oldest first; none where there is no diary."""
    require(Action.READ_DIARY)
    if not diary_path().exists():
        return []
    with open_database() as opened:
        opened.row_factory = None  # plain tuples: a year has a hundred thousand
        return opened.execute(
            f"SELECT {', '.join(MINUTE_COLUMNS)} FROM minutes ORDER BY minute, model, profile"
        ).fetchall()


def _join(opened: sqlite3.Connection, row: dict[str, Any]) -> None:
    """Add a minute to what is stored of it, as a mean weighted by the time seen."""
    mean = ", ".join(
        f"{name} = ({name} * seen + excluded.{name} * excluded.seen) / (seen + excluded.seen)"
        for name in AVERAGED
    )
    opened.execute(
        f"INSERT INTO minutes ({', '.join(MINUTE_COLUMNS)}) VALUES "
        f"({', '.join(f':{name}' for name in MINUTE_COLUMNS)}) "
        f"ON CONFLICT (minute, model, profile) DO UPDATE SET {mean}, "
        "seen = min(60, seen + excluded.seen), changes = changes + excluded.changes",
        row,
    )


def _get(opened: sqlite3.Connection, key: str, default: int) -> int:
    row = opened.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else default


def _set(opened: sqlite3.Connection, key: str, value: int) -> None:
    opened.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, str(value)))
