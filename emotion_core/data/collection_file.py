"""Where collections lie: one SQLite database of rows, and a PNG file per face.

``collections.sqlite`` under ``EMOTION_HOME/collections`` holds rows, ``faces/`` holds the pictures.
A label is never changed in place: each change is an event, and the newest event of a face is its
label. So the labels of any moment can be named by the number of the last event. What writes rows is
in ``emotion_core.collect``.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_core.data.faces import FACE_SIZE
from emotion_core.errors import CollectionError, unknown
from emotion_core.paths import home_dir
from emotion_core.sqlite_file import changing, opened

COLLECTION_SPEC = "collection:"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
CONFIRMED = ("person", "import")  # whose word a label is used for training

_NOUNS = {"faces": "collection", "overlay": "overlay"}
# The schema grows by one script per version; a database is brought up to date when it is opened.
_MIGRATIONS = (
    """
    CREATE TABLE collections (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('faces', 'overlay')),
      note TEXT NOT NULL DEFAULT '', created TEXT NOT NULL, deleted REAL);
    CREATE UNIQUE INDEX collection_names ON collections (name) WHERE deleted IS NULL;
    CREATE TABLE sessions (
      id INTEGER PRIMARY KEY,
      collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
      name TEXT NOT NULL, started TEXT NOT NULL,
      role TEXT NOT NULL CHECK (role IN ('train', 'val', 'test')));
    CREATE INDEX sessions_of ON sessions (collection);
    CREATE TABLE faces (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
      session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
      file TEXT NOT NULL UNIQUE, large INTEGER NOT NULL, digest BLOB NOT NULL,
      source TEXT NOT NULL, origin TEXT NOT NULL, second REAL NOT NULL, taken TEXT NOT NULL,
      size REAL NOT NULL, sharpness REAL NOT NULL, light REAL NOT NULL, deleted REAL);
    CREATE INDEX faces_of ON faces (collection, deleted);
    CREATE INDEX faces_in ON faces (session);
    CREATE INDEX faces_like ON faces (collection, digest);
    CREATE TABLE events (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
      face INTEGER REFERENCES faces ON DELETE CASCADE, digest BLOB,
      old TEXT NOT NULL, old_by TEXT NOT NULL, new TEXT NOT NULL, by TEXT NOT NULL,
      who TEXT NOT NULL, at TEXT NOT NULL, action INTEGER NOT NULL, undoes INTEGER);
    CREATE INDEX events_of_face ON events (face, id);
    CREATE INDEX events_of_digest ON events (collection, digest, id);
    CREATE INDEX events_of_action ON events (collection, action);
    CREATE INDEX events_undone ON events (collection, undoes);
    CREATE TABLE answers (
      face INTEGER PRIMARY KEY REFERENCES faces ON DELETE CASCADE,
      run TEXT NOT NULL, emotion TEXT NOT NULL, confidence REAL NOT NULL, margin REAL NOT NULL);
    """,
)
VERSION = len(_MIGRATIONS)

# Each face with its newest event up to a number; the number is the first parameter.
PRESENT = """
  SELECT f.*, coalesce(e.new, '') AS label, coalesce(e.by, '') AS by, coalesce(e.who, '') AS who,
         s.name AS session_name, s.role AS role
  FROM faces f JOIN sessions s ON s.id = f.session
  LEFT JOIN events e ON e.id = (SELECT max(id) FROM events WHERE face = f.id AND id <= ?)
  WHERE f.deleted IS NULL
"""
LATEST = 2**62  # as the number of an event: the present


@dataclass(frozen=True)
class Stored:
    """A collection's row.

    Attributes:
        id: Key of its faces and events.
        name: Unique among those that are not deleted.
        kind: ``faces``, or ``overlay`` for corrections of a data set that lies elsewhere.
        note: One sentence for people.
        created: UTC ISO 8601.
    """

    id: int
    name: str
    kind: str
    note: str
    created: str


def collections_dir() -> Path:
    """Where collections lie."""
    return home_dir() / "collections"


def face_path(file: str, *, large: bool = False) -> Path:
    """The PNG of a face: 48 x 48, or with ``large`` the 112 x 112 crop that it was made from."""
    return collections_dir() / "faces" / file[:2] / f"{file}{'-112' if large else ''}.png"


@contextlib.contextmanager
def open_database(*, create: bool = False) -> Iterator[sqlite3.Connection]:
    """The database of all collections, brought up to this version's schema.

    Args:
        create: Make it where there is none.

    Raises:
        CollectionError: there is none, it is damaged, of a later version, or the disk is full.
    """
    path = collections_dir() / "collections.sqlite"
    if not path.exists():
        if not create:
            raise CollectionError(
                f"There is no collection yet in {path.parent}. Make one on the Collect page, or "
                "with: python -m emotion_core collect create NAME"
            )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def told(reason: str) -> str:
        return f"{path} cannot be used ({reason})."

    with opened(path, _MIGRATIONS, CollectionError, told, create=create) as database:
        yield database


@contextlib.contextmanager
def transaction(*, create: bool = False) -> Iterator[sqlite3.Connection]:
    """One change of the database: all of it or, on an error or a crash, nothing.

    Raises:
        CollectionError: as ``open_database``.
    """
    with open_database(create=create) as database, changing(database):
        yield database


def find(database: sqlite3.Connection, name: str, kind: str = "faces") -> Stored:
    """A collection by name.

    Raises:
        CollectionError: there is none of this name and kind.
    """
    rows = database.execute(
        "SELECT id, name, kind, note, created FROM collections WHERE deleted IS NULL ORDER BY name"
    ).fetchall()
    for row in rows:
        if row["name"] == name:
            found = Stored(**dict(row))
            if found.kind == kind:
                return found
            what = "corrections of another data set" if found.kind == "overlay" else "faces"
            raise CollectionError(f"'{name}' holds {what}. Choose another name.")
    noun, names = _NOUNS[kind], [row["name"] for row in rows if row["kind"] == kind]
    if not names:
        raise CollectionError(f"There is no {noun} '{name}': there is none yet.")
    raise CollectionError(unknown(noun, name, names))


def read_face(file: str, *, large: bool = False) -> np.ndarray:
    """The pixels of a face, uint8 ``(48, 48)`` or ``(112, 112)``.

    Raises:
        CollectionError: the file is missing or damaged.
    """
    import cv2  # whoever starts a job needs the rest of this module alone

    path = face_path(file, large=large)
    side = 112 if large else FACE_SIZE
    try:
        face = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error) as error:
        raise CollectionError(f"The face {path} cannot be read ({error}).") from error
    if face is None or face.shape != (side, side):
        raise CollectionError(f"The face {path} is damaged. Delete it on the Collect page.")
    return np.asarray(face, np.uint8)
