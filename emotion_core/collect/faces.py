"""Faces of a collection: adding and deleting them, in files and rows that never disagree.

Files come before their row: a process that is killed in between leaves files that no row names,
which ``sweep`` removes. Rows go before their files, for the same reason.
"""

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_core.access import Action, require
from emotion_core.collect.face_files import remove_files, sync_pictures, write_pictures
from emotion_core.collect.quality import Quality
from emotion_core.data.collection_file import (
    collections_dir,
    find,
    open_database,
    transaction,
)
from emotion_core.data.faces import FACE_SIZE
from emotion_core.data.generated import GENERATED
from emotion_core.errors import CollectionError
from emotion_core.labels import EMOTIONS
from emotion_core.runs.status import now

LARGE_SIZE = 112
SOURCES = ("camera", "photo", "video", "live", "import", GENERATED)
# What a session is for, by its number in the collection: whole sessions are held out, and a session
# keeps its part for good, so that what was once measured on is never learned.
_ROLES = ("train", "test", "train", "val", "train")


@dataclass(frozen=True)
class NewFace:
    """A face that is to be kept.

    Attributes:
        face: ``(48, 48)`` uint8.
        large: The ``(112, 112)`` uint8 crop that it was made from; None where there is none.
        source: One of ``SOURCES``.
        origin: File or row that it comes from.
        second: Time in a video, in seconds.
        quality: Of the face.
        label: Emotion, ``not_a_face``, ``unsure``, or empty.
        by: Whose word the label is: ``person``, ``import``, ``model``, or empty without a label.
        who: The person, the file or the run.
        probs: ``(7,)`` answer of the run ``answered_by``, if one was asked.
        answered_by: Its name.
    """

    face: np.ndarray
    large: np.ndarray | None
    source: str
    origin: str
    quality: Quality
    second: float = 0.0
    label: str = ""
    by: str = ""
    who: str = ""
    probs: np.ndarray | None = None
    answered_by: str = ""


def start_session(name: str, title: str, role: str = "") -> int:
    """Begin a session, which is learned or held out as a whole.

    Args:
        name: Of the collection.
        title: For people, such as "camera, 30 November".
        role: ``train``, ``val`` or ``test``; by default sessions take turns: of five the second is
            test and the fourth val.

    Returns:
        Its number.

    Raises:
        CollectionError: there is no such collection.
    """
    require(Action.COLLECT)
    with transaction() as database:
        stored = find(database, name)
        count = database.execute(
            "SELECT count(*) FROM sessions WHERE collection = ?", (stored.id,)
        ).fetchone()[0]
        cursor = database.execute(
            "INSERT INTO sessions (collection, name, started, role) VALUES (?, ?, ?, ?)",
            (stored.id, title, now(), role or _ROLES[count % len(_ROLES)]),
        )
    return int(cursor.lastrowid or 0)


def add_faces(session: int, faces: Sequence[NewFace]) -> list[int]:
    """Keep faces. Those whose exact pixels the collection has already are left out.

    Args:
        session: Number of their session.
        faces: In one call all are kept, or none.

    Returns:
        Ids of the faces that were kept.

    Raises:
        CollectionError: there is no such session, the disk is full, or a generated face would come
            into a session that is not for training.
    """
    require(Action.COLLECT)
    with open_database() as database:
        row = database.execute(
            "SELECT collection, role FROM sessions WHERE id = ?", (session,)
        ).fetchone()
    if row is None:
        raise CollectionError("The session is not there any more. Start a new one.")
    written: list[str] = []
    try:
        for face in faces:
            _check(face, row["role"])
        files = [write_pictures(face.face, face.large, written) for face in faces]
        sync_pictures(files)
        with transaction() as database:
            return _insert(database, int(row["collection"]), session, faces, files)
    except BaseException as error:
        with contextlib.suppress(OSError):
            remove_files(written)
        if isinstance(error, OSError):
            raise CollectionError(
                f"The faces cannot be kept in {collections_dir()} ({error.strerror or error}). Make "
                "room there, or name another folder in EMOTION_HOME."
            ) from error
        raise


def delete_faces(ids: Sequence[int]) -> int:
    """Take faces away; ``restore_faces`` brings them back for an hour, then ``purge`` removes them."""
    require(Action.COLLECT)
    return _mark(ids, time.time())


def restore_faces(ids: Sequence[int]) -> int:
    """Bring back faces that were deleted and not yet purged; gives how many."""
    require(Action.COLLECT)
    return _mark(ids, None)


def digest_of(face: np.ndarray) -> bytes:
    """The 16 bytes that stand for a face's pixels, as in ``data.faces.digests``."""
    return hashlib.blake2b(np.ascontiguousarray(face).tobytes(), digest_size=16).digest()


def find_digest(name: str, digest: bytes) -> int | None:
    """Number of the face of a collection that has these pixels; None where it is not there."""
    with open_database() as database:
        row = database.execute(
            "SELECT id FROM faces WHERE collection = ? AND digest = ? AND deleted IS NULL",
            (find(database, name).id, digest),
        ).fetchone()
    return int(row["id"]) if row else None


def _check(face: NewFace, role: str) -> None:
    if face.face.shape != (FACE_SIZE, FACE_SIZE) or face.face.dtype != np.uint8:
        raise CollectionError(f"A face must be uint8 ({FACE_SIZE}, {FACE_SIZE}).")
    if face.source not in SOURCES:
        raise CollectionError(f"A face's source must be one of {', '.join(SOURCES)}.")
    if face.source == GENERATED and role != "train":
        raise CollectionError(
            f"A generated face may only train, and this session is for {role}. Keep it in a session "
            "with the role train."
        )


def _insert(
    database: sqlite3.Connection,
    collection: int,
    session: int,
    faces: Sequence[NewFace],
    files: Sequence[str],
) -> list[int]:
    from emotion_core.collect.labels import record

    known = {
        row[0]
        for row in database.execute(
            "SELECT digest FROM faces WHERE collection = ? AND deleted IS NULL", (collection,)
        )
    }
    ids, unused, taken = [], [], now()
    for face, file in zip(faces, files, strict=True):
        digest = digest_of(face.face)
        if digest in known:
            unused.append(file)
            continue
        known.add(digest)
        cursor = database.execute(
            "INSERT INTO faces (collection, session, file, large, digest, source, origin, second, "
            "taken, size, sharpness, light) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(collection, session, file, face.large is not None, digest, face.source),
                *(face.origin[:200], face.second, taken),
                *(face.quality.size, face.quality.sharpness, face.quality.light),
            ),
        )
        identity = int(cursor.lastrowid or 0)
        ids.append(identity)
        if face.label:
            record(database, collection, {identity: face.label}, by=face.by, who=face.who)
        if face.probs is not None:
            keep_answer(database, identity, face.answered_by, face.probs)
    remove_files(unused)
    return ids


def keep_answer(database: sqlite3.Connection, face: int, run: str, probs: np.ndarray) -> None:
    """Store what a run answers to a face, ``(7,)`` probabilities, in place of an earlier answer."""
    second, first = np.sort(probs)[-2:]
    database.execute(
        "INSERT OR REPLACE INTO answers (face, run, emotion, confidence, margin) "
        "VALUES (?, ?, ?, ?, ?)",
        (face, run, EMOTIONS[int(probs.argmax())], float(first), float(first - second)),
    )


def _mark(ids: Sequence[int], when: float | None) -> int:
    with transaction() as database:
        changed = database.executemany(
            "UPDATE faces SET deleted = ? WHERE id = ?", [(when, int(face)) for face in ids]
        )
        return changed.rowcount
