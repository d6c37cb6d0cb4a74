"""Collections as a whole: make, list, rename, merge, delete and bring back."""

import sqlite3
import time
from dataclasses import dataclass

from emotion_core.access import Action, require
from emotion_core.collect.face_files import is_sweep_due, remove_files, sweep
from emotion_core.collect.neighbours import forget_removed
from emotion_core.data.collection_file import (
    LATEST,
    NAME,
    PRESENT,
    Stored,
    collections_dir,
    find,
    open_database,
    transaction,
)
from emotion_core.errors import CollectionError
from emotion_core.runs.status import now

UNDO_SECONDS = 3600.0  # what is deleted can be brought back this long


@dataclass(frozen=True)
class Summary:
    """A collection in a list.

    Attributes:
        stored: Its row.
        faces: How many it has; of an overlay, how many corrections.
        confirmed: How many of them have a label that a person gave or brought.
        suggested: How many have one that only a model gave.
        sessions: How many.
    """

    stored: Stored
    faces: int
    confirmed: int
    suggested: int
    sessions: int

    @property
    def name(self) -> str:
        """Of the collection."""
        return self.stored.name


def create(name: str, kind: str = "faces", note: str = "") -> None:
    """Make an empty collection, or an ``overlay`` for corrections of another data set.

    Raises:
        CollectionError: the name breaks its rule or is taken.
    """
    require(Action.COLLECT)
    _check_name(name)
    with transaction(create=True) as database:
        _refuse_taken(database, name)
        database.execute(
            "INSERT INTO collections (name, kind, note, created) VALUES (?, ?, ?, ?)",
            (name, kind, note, now()),
        )


def list_collections(kind: str = "faces") -> list[Summary]:
    """All collections of a kind by name; none where nobody has made one."""
    if not exists():
        return []
    with open_database() as database:
        counted = database.execute(
            f"""SELECT collection, count(*) AS faces, sum(by IN ('person', 'import')) AS confirmed,
            sum(by = 'model') AS suggested FROM ({PRESENT}) GROUP BY collection""",
            (LATEST,),
        )
        counts = {row["collection"]: row for row in counted}
        sessions = dict(
            database.execute("SELECT collection, count(*) FROM sessions GROUP BY collection")
        )
        corrections = dict(
            database.execute(
                "SELECT collection, count(*) FROM (SELECT collection, digest, new, max(id) FROM "
                "events WHERE digest IS NOT NULL GROUP BY collection, digest) WHERE new != '' "
                "GROUP BY collection"
            )
        )
        rows = database.execute(
            "SELECT id, name, kind, note, created FROM collections "
            "WHERE deleted IS NULL AND kind = ? ORDER BY name",
            (kind,),
        ).fetchall()
    found = []
    for row in rows:
        stored, count = Stored(**dict(row)), counts.get(row["id"])
        faces = (
            (count["faces"] if count else 0) if kind == "faces" else corrections.get(stored.id, 0)
        )
        confirmed = (count["confirmed"] if count else 0) if kind == "faces" else faces
        suggested = count["suggested"] if count else 0
        found.append(Summary(stored, faces, confirmed, suggested, sessions.get(stored.id, 0)))
    return found


def exists() -> bool:
    """Whether there is a database, so that a page may ask without an error."""
    return (collections_dir() / "collections.sqlite").exists()


def rename(name: str, new: str, kind: str = "faces") -> None:
    """Call a collection otherwise. Runs refer to collections by name, so do it early.

    Raises:
        CollectionError: there is no such collection, or the new name breaks its rule or is taken.
    """
    require(Action.COLLECT)
    _check_name(new)
    with transaction() as database:
        stored = find(database, name, kind)
        _refuse_taken(database, new)
        database.execute("UPDATE collections SET name = ? WHERE id = ?", (new, stored.id))


def merge(source: str, into: str) -> int:
    """Move all faces of a collection, with sessions and label events, into another one.

    Returns:
        How many faces moved. The source stays, empty.

    Raises:
        CollectionError: one of them is not there, or both are the same.
    """
    require(Action.COLLECT)
    if source == into:
        raise CollectionError(f"'{source}' cannot be merged into itself.")
    with transaction() as database:
        old, new = find(database, source).id, find(database, into).id
        moved = database.execute("UPDATE faces SET collection = ? WHERE collection = ?", (new, old))
        for table in ("sessions", "events"):
            database.execute(f"UPDATE {table} SET collection = ? WHERE collection = ?", (new, old))
    return moved.rowcount


def delete(name: str, kind: str = "faces") -> None:
    """Take a collection away; ``restore`` brings it back for an hour, then ``purge`` removes it.

    Raises:
        CollectionError: there is no such collection.
    """
    require(Action.COLLECT)
    with transaction() as database:
        stored = find(database, name, kind)
        database.execute(
            "UPDATE collections SET deleted = ? WHERE id = ?", (time.time(), stored.id)
        )


def restore(name: str) -> None:
    """Bring back the collection of this name that was deleted last.

    Raises:
        CollectionError: it was deleted permanently, or another one has its name.
    """
    require(Action.COLLECT)
    with transaction() as database:
        row = database.execute(
            "SELECT id FROM collections WHERE name = ? AND deleted IS NOT NULL "
            "ORDER BY deleted DESC",
            (name,),
        ).fetchone()
        if row is None:
            raise CollectionError(
                f"Collection '{name}' cannot be brought back: it was deleted permanently."
            )
        _refuse_taken(database, name)
        database.execute("UPDATE collections SET deleted = NULL WHERE id = ?", (row["id"],))


def deleted_collections() -> list[str]:
    """Names of those that ``restore`` can bring back, last deleted first."""
    if not exists():
        return []
    with open_database() as database:
        rows = database.execute(
            "SELECT name FROM collections WHERE deleted IS NOT NULL ORDER BY deleted DESC"
        ).fetchall()
    return list(dict.fromkeys(row["name"] for row in rows))


def purge(*, older_than: float = UNDO_SECONDS) -> int:
    """Remove for good what was deleted more than ``older_than`` seconds ago: rows, files, traces.

    The database is written anew (``VACUUM``) and its log emptied, so that no deleted row is left in
    their free pages. Files that no row names go as well, of writers that were killed.

    Returns:
        How many faces were removed.
    """
    require(Action.COLLECT)
    if not exists():
        return 0
    before = time.time() - older_than
    gone = "(deleted <= :t OR collection IN (SELECT id FROM collections WHERE deleted <= :t))"
    with open_database() as database:
        # Read first: a page asks at each of its reruns, and must not wait for an import's writing.
        due = database.execute(
            f"SELECT EXISTS (SELECT 1 FROM faces WHERE {gone}) "
            "OR EXISTS (SELECT 1 FROM collections WHERE deleted <= :t)",
            {"t": before},
        ).fetchone()[0]
    if not due:
        if is_sweep_due():
            sweep()
        return 0
    with transaction() as database:
        files = [
            row[0]
            for row in database.execute(f"SELECT file FROM faces WHERE {gone}", {"t": before})
        ]
        database.execute(f"DELETE FROM faces WHERE {gone}", {"t": before})
        database.execute("DELETE FROM collections WHERE deleted <= ?", (before,))
    # Rows first: a file without a row is swept later, a row without a file would be a fault.
    remove_files(files)
    forget_removed()
    sweep()
    with open_database() as database:
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(files)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise CollectionError(
            "A collection's name begins with a letter or digit and has only lower-case letters, "
            f"digits, '-', '_' and '.', at most 60, such as 'my-face'; got {name[:80]!r}."
        )


def _refuse_taken(database: sqlite3.Connection, name: str) -> None:
    taken = "SELECT 1 FROM collections WHERE name = ? AND deleted IS NULL"
    if database.execute(taken, (name,)).fetchone():
        raise CollectionError(f"A collection is called '{name}' already. Choose another name.")
