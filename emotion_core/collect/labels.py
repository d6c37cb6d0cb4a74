"""Labels as events: each change is one more row, and undo is one more as well."""

import sqlite3
from collections.abc import Iterable, Mapping

from emotion_core.access import Action, require
from emotion_core.data.collection_file import find, transaction
from emotion_core.errors import CollectionError, unknown
from emotion_core.labels import EMOTIONS
from emotion_core.runs.status import now

NOT_A_FACE, UNSURE = "not_a_face", "unsure"
LABELS = (*EMOTIONS, NOT_A_FACE, UNSURE)
TITLES = {**{name: name for name in EMOTIONS}, NOT_A_FACE: "not a face", UNSURE: "unsure", "": ""}


def label_faces(
    name: str, labels: Mapping[int, str], *, who: str = "you", by: str = "person"
) -> int:
    """Give faces their labels, as one action that ``undo`` takes back as a whole.

    Args:
        name: Of the collection.
        labels: Label by face; one of ``LABELS``.
        who: Who says so: a person or, with ``by="model"``, a run.
        by: ``person``, ``import``, or ``model`` for a suggestion that a person has to confirm.

    Returns:
        How many labels changed.

    Raises:
        CollectionError: a label or face is unknown.
    """
    require(Action.COLLECT)
    _check(labels.values())
    with transaction() as database:
        stored = find(database, name)
        return record(database, stored.id, labels, by=by, who=who)


def correct(overlay: str, labels: Mapping[bytes, str], *, who: str = "you") -> int:
    """Correct faces of a data set that lies elsewhere, by their pixels' digests.

    Args:
        overlay: Name of the overlay.
        labels: Label by digest (``collect.faces.digest_of``).
        who: Who says so.

    Returns:
        How many labels changed.

    Raises:
        CollectionError: there is no such overlay, or a label is unknown.
    """
    require(Action.COLLECT)
    _check(labels.values())
    with transaction() as database:
        stored = find(database, overlay, "overlay")
        return record(database, stored.id, labels, by="person", who=who)


def undo(name: str, kind: str = "faces") -> list[int]:
    """Take back the newest action of a person that is not yet taken back.

    A face gets the label that it had before, also one that a model had suggested.

    Returns:
        The faces that changed; of an overlay, of each a 0; none where nothing is left to undo.

    Raises:
        CollectionError: there is no such collection.
    """
    require(Action.COLLECT)
    with transaction() as database:
        stored = find(database, name, kind)
        row = database.execute(
            "SELECT action FROM events e WHERE collection = ? AND by = 'person' AND "
            "undoes IS NULL AND NOT EXISTS (SELECT 1 FROM events u WHERE u.collection = "
            "e.collection AND u.undoes = e.action) ORDER BY id DESC LIMIT 1",
            (stored.id,),
        ).fetchone()
        if row is None:
            return []
        events = database.execute(
            "SELECT * FROM events WHERE collection = ? AND action = ?", (stored.id, row[0])
        ).fetchall()
        first = 0
        for event in events:
            first = _append(
                database,
                stored.id,
                (event["face"], event["digest"]),
                (event["new"], event["by"]),
                (event["old"], event["old_by"]),
                who="undo",
                action=first,
                undoes=row[0],
            )
        return [int(event["face"] or 0) for event in events]


def history(face: int) -> list[dict[str, str]]:
    """A face's label events, newest first: ``new``, ``by``, ``who`` and ``at``."""
    with transaction() as database:
        rows = database.execute(
            "SELECT new, by, who, at FROM events WHERE face = ? ORDER BY id DESC", (face,)
        ).fetchall()
    return [dict(row) for row in rows]


def record(
    database: sqlite3.Connection,
    collection: int,
    labels: Mapping[int, str] | Mapping[bytes, str],
    *,
    by: str,
    who: str,
) -> int:
    """Add events inside a transaction; one that changes nothing is left out.

    A model's suggestion never replaces what a person said.
    """
    action, count = 0, 0
    for key, label in labels.items():
        face, digest = (None, key) if isinstance(key, bytes) else (int(key), None)
        old, old_by = _present(database, collection, face, digest)
        if (old, old_by) == (label, by) or (by == "model" and old_by in ("person", "import")):
            continue
        action = _append(
            database, collection, (face, digest), (old, old_by), (label, by), who=who, action=action
        )
        count += 1
    return count


def _present(
    database: sqlite3.Connection, collection: int, face: int | None, digest: bytes | None
) -> tuple[str, str]:
    values: tuple[object, ...]
    if digest is not None:
        where, values = "collection = ? AND digest = ?", (collection, digest)
    else:
        known = "SELECT 1 FROM faces WHERE id = ? AND collection = ?"
        if not database.execute(known, (face, collection)).fetchone():
            raise CollectionError(f"Face {face} is not in this collection any more.")
        where, values = "face = ?", (face,)
    row = database.execute(
        f"SELECT new, by FROM events WHERE {where} ORDER BY id DESC LIMIT 1", values
    ).fetchone()
    return (row["new"], row["by"]) if row else ("", "")


def _append(
    database: sqlite3.Connection,
    collection: int,
    key: tuple[int | None, bytes | None],
    old: tuple[str, str],
    new: tuple[str, str],
    *,
    who: str,
    action: int,
    undoes: int | None = None,
) -> int:
    """One more event; gives the number of its action, which is that of its first event."""
    cursor = database.execute(
        "INSERT INTO events (collection, face, digest, old, old_by, new, by, who, at, action, undoes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (collection, *key, *old, *new, who, now(), action, undoes),
    )
    if action:
        return action
    number = int(cursor.lastrowid or 0)
    database.execute("UPDATE events SET action = id WHERE id = ?", (number,))
    return number


def _check(labels: Iterable[str]) -> None:
    for label in labels:
        if label not in LABELS:
            raise CollectionError(unknown("label", label, LABELS))
