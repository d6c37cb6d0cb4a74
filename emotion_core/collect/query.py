"""Which faces of a collection to look at next: filters, orders, pages."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emotion_core.collect.quality import LEAST_LIGHT, LEAST_SHARPNESS, LEAST_SIZE, MOST_LIGHT
from emotion_core.data.collection_file import LATEST, PRESENT, find, open_database
from emotion_core.errors import CollectionError, unknown

PAGE = 60  # faces at once
# What a face's state is, as a condition on a row of ``PRESENT`` with its newest answer.
STATES: Mapping[str, str] = {
    "all": "1",
    "to do": "by NOT IN ('person', 'import')",
    "suggested": "by = 'model'",
    "confirmed": "by IN ('person', 'import')",
    "unlabeled": "label = ''",
    "disagreement": "by IN ('person', 'import') AND answer IS NOT NULL AND answer != label",
    "poor quality": (
        f"size < {LEAST_SIZE} OR sharpness < {LEAST_SHARPNESS} OR light < {LEAST_LIGHT} "
        f"OR light > {MOST_LIGHT}"
    ),
}
# Faces without an answer come last where the order goes by answers.
ORDERS: Mapping[str, str] = {
    "newest": "id DESC",
    "oldest": "id",
    "least certain": "margin IS NULL, margin, id",
    "most certain": "margin IS NULL, margin DESC, id",
    "blurred first": "sharpness, id",
}


@dataclass(frozen=True)
class Item:
    """A face as the grid shows it.

    Attributes:
        id: Its number.
        file: Of its picture, for ``data.collection_file.read_face``.
        label: Present label; empty for none.
        by: ``person``, ``import``, ``model`` or empty.
        who: Who gave it.
        source: Such as ``camera``.
        origin: File or row.
        session: Title.
        held_out: Whether its session is never learned.
        answer: What the run says that was asked last; empty where none was.
        confidence: Of that answer, 0..1.
        margin: Its first minus its second probability.
        size: Of the box, in pixels.
        large: Whether there is a crop of 112 pixels.
    """

    id: int
    file: str
    label: str
    by: str
    who: str
    source: str
    origin: str
    session: str
    held_out: bool
    answer: str
    confidence: float | None
    margin: float | None
    size: float
    large: bool


@dataclass(frozen=True)
class Filter:
    """Which faces, and in which order.

    Attributes:
        state: A key of ``STATES``.
        label: One label alone; empty for all.
        source: One source alone; empty for all.
        session: Number of one session alone; 0 for all.
        order: A key of ``ORDERS``.
    """

    state: str = "all"
    label: str = ""
    source: str = ""
    session: int = 0
    order: str = "newest"

    def __post_init__(self) -> None:
        """Raises CollectionError on an unknown state or order."""
        if self.state not in STATES:
            raise CollectionError(unknown("state", self.state, STATES))
        if self.order not in ORDERS:
            raise CollectionError(unknown("order", self.order, ORDERS))


def list_faces(
    name: str, which: Filter | None = None, *, offset: int = 0, limit: int = PAGE
) -> tuple[list[Item], int]:
    """A page of faces, and how many there are in all.

    Raises:
        CollectionError: there is no such collection.
    """
    which = which or Filter()
    with open_database() as database:
        stored = find(database, name)
        inner, values = _selection(stored.id, which)
        total = database.execute(f"SELECT count(*) FROM ({inner})", values).fetchone()[0]
        rows = database.execute(
            f"SELECT * FROM ({inner}) ORDER BY {ORDERS[which.order]} LIMIT ? OFFSET ?",
            (*values, limit, offset),
        ).fetchall()
    return [_item(row) for row in rows], int(total)


def face_ids(name: str, which: Filter) -> list[int]:
    """Numbers of all faces that a filter lets through, ascending."""
    with open_database() as database:
        stored = find(database, name)
        inner, values = _selection(stored.id, which)
        return [row[0] for row in database.execute(f"SELECT id FROM ({inner}) ORDER BY id", values)]


def find_faces(name: str, ids: Sequence[int]) -> list[Item]:
    """Faces by number, in that order; those that are not there any more are left out."""
    with open_database() as database:
        stored = find(database, name)
        inner, values = _selection(stored.id, Filter())
        marks = ", ".join("?" * len(ids))
        rows = database.execute(
            f"SELECT * FROM ({inner}) WHERE id IN ({marks})", (*values, *ids)
        ).fetchall()
    found = {row["id"]: _item(row) for row in rows}
    return [found[face] for face in ids if face in found]


def list_sessions(name: str) -> list[dict[str, object]]:
    """Sessions of a collection, newest first: ``id``, ``name``, ``started``, ``role``, ``faces``."""
    with open_database() as database:
        stored = find(database, name)
        rows = database.execute(
            "SELECT s.id, s.name, s.started, s.role, count(f.id) AS faces FROM sessions s "
            "LEFT JOIN faces f ON f.session = s.id AND f.deleted IS NULL WHERE s.collection = ? "
            "GROUP BY s.id ORDER BY s.id DESC",
            (stored.id,),
        ).fetchall()
    return [dict(row) for row in rows]


def label_counts(name: str) -> dict[str, int]:
    """Faces by confirmed label, those without one under ``""``."""
    with open_database() as database:
        stored = find(database, name)
        rows = database.execute(
            "SELECT CASE WHEN by IN ('person', 'import') THEN label ELSE '' END AS name, count(*) "
            f"FROM ({PRESENT} AND f.collection = ?) GROUP BY 1",
            (LATEST, stored.id),
        ).fetchall()
    return {row[0]: int(row[1]) for row in rows}


def unanswered(name: str, run: str) -> list[Item]:
    """Faces to which a run has not answered yet."""
    with open_database() as database:
        stored = find(database, name)
        inner, values = _selection(stored.id, Filter(order="oldest"))
        rows = database.execute(
            f"SELECT * FROM ({inner}) p WHERE NOT EXISTS "
            "(SELECT 1 FROM answers a WHERE a.face = p.id AND a.run = ?) ORDER BY id",
            (*values, run),
        ).fetchall()
    return [_item(row) for row in rows]


def face_files(name: str) -> dict[int, str]:
    """The file of each face of a collection, by number."""
    with open_database() as database:
        stored = find(database, name)
        rows = database.execute(
            "SELECT id, file FROM faces WHERE collection = ? AND deleted IS NULL", (stored.id,)
        ).fetchall()
    return {row["id"]: row["file"] for row in rows}


def _selection(collection: int, which: Filter) -> tuple[str, tuple[object, ...]]:
    """SQL of the faces that a filter lets through, each with the newest answer to it, and values."""
    query = (
        "SELECT * FROM (SELECT p.*, a.emotion AS answer, a.confidence, a.margin "
        f"FROM ({PRESENT} AND f.collection = ?) p LEFT JOIN answers a ON a.face = p.id) "
        f"WHERE ({STATES[which.state]})"
    )
    values: list[object] = [LATEST, collection]
    for column, value in (("label", which.label), ("source", which.source)):
        if value:
            query += f" AND {column} = ?"
            values.append(value)
    if which.session:
        query += " AND session = ?"
        values.append(which.session)
    return query, tuple(values)


def _item(row: sqlite3.Row) -> Item:
    return Item(
        id=row["id"],
        file=row["file"],
        label=row["label"],
        by=row["by"],
        who=row["who"],
        source=row["source"],
        origin=row["origin"],
        session=row["session_name"],
        held_out=row["role"] == "test",
        answer=row["answer"] or "",
        confidence=row["confidence"],
        margin=row["margin"],
        size=row["size"],
        large=bool(row["large"]),
    )
