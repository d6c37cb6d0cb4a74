"""Collections as data sets: their confirmed faces, split by session, and overlays of corrections."""

import sqlite3

import numpy as np

from emotion_core.data.collection_file import (
    COLLECTION_SPEC,
    CONFIRMED,
    LATEST,
    PRESENT,
    find,
    open_database,
    read_face,
)
from emotion_core.data.faces import BY_HAND, SPLITS, FaceData, Note, fingerprint
from emotion_core.data.generated import GENERATED
from emotion_core.data.splits import cut_test
from emotion_core.errors import CollectionError, DataError
from emotion_core.labels import EMOTIONS


def collected_stamp() -> str:
    """Changes with every change of any collection, also with a deleted face."""
    try:
        with open_database() as database:
            kept = database.execute(
                "SELECT count(*), max(id), (SELECT max(id) FROM events) FROM faces "
                "WHERE deleted IS NULL"
            ).fetchone()
    except CollectionError:
        return ""
    return "-".join(str(value or 0) for value in kept)


def last_event(name: str, kind: str = "faces") -> int:
    """Number of a collection's newest label event; 0 before the first.

    Raises:
        CollectionError: there is no such collection.
    """
    with open_database() as database:
        stored = find(database, name, kind)
        row = database.execute(
            "SELECT max(id) FROM events WHERE collection = ?", (stored.id,)
        ).fetchone()
    return int(row[0] or 0)


def load_collection(name: str, event: int = LATEST) -> FaceData:
    """A collection's faces with a confirmed emotion, as a data set.

    Splits are those of the sessions, so that no session is learned and measured at once. Where no
    session is held out for test, whole files are, as ``cut_test`` cuts; never generated faces.

    Args:
        name: Of the collection.
        event: Labels as they were after the event of this number.

    Raises:
        CollectionError: there is no such collection, or a face cannot be read.
        DataError: no face has a confirmed emotion.
    """
    with open_database() as database:
        stored = find(database, name)
        rows = database.execute(f"{PRESENT} AND f.collection = ? ORDER BY f.id", (event, stored.id))
        found = rows.fetchall()
    used = [row for row in found if row["by"] in CONFIRMED and row["label"] in EMOTIONS]
    if not used:
        raise DataError(
            f"Collection '{name}' has no face with a confirmed emotion. Label some on the Collect "
            "page."
        )
    images = np.stack([read_face(row["file"]) for row in used])
    labels = np.array([EMOTIONS.index(row["label"]) for row in used], np.int64)
    splits = np.array([SPLITS.index(row["role"]) for row in used], np.uint8)
    notes = _notes(found, used, labels)
    origins = np.unique([f"{row['session']}/{row['origin']}" for row in used], return_inverse=True)
    usage = np.array([_usage(row) for row in used])
    real = usage != GENERATED  # nothing that is reported rests on a generated face
    parts = images[real], labels[real], splits[real]
    cut = cut_test(*parts, origins[1][real]) or cut_test(*parts)
    splits[real] = parts[2]
    if cut:
        told = "no session is held out; a tenth became test, of sessions that are also learned"
        notes.append(Note("warning", "splits", told, cut))
    test = splits == SPLITS.index("test")
    pinned = "" if event == LATEST else f"#{event}"
    return FaceData(
        images=images,
        labels=labels,
        splits=splits,
        usage=usage,
        ids=np.array([f"face-{row['id']}" for row in used]),
        name=f"collection {name}",
        source=f"{COLLECTION_SPEC}{name}{pinned}",
        fingerprint=fingerprint(images, labels, splits),
        test_fingerprint=fingerprint(images[test], labels[test], splits[test]),
        notes=tuple(notes),
    )


def overlay_labels(name: str, event: int = LATEST) -> dict[bytes, str]:
    """The corrections of an overlay: label by pixel digest; ``""`` where one was taken back.

    Raises:
        CollectionError: there is no such overlay.
    """
    with open_database() as database:
        stored = find(database, name, "overlay")
        rows = database.execute(
            "SELECT digest, new, max(id) FROM events WHERE collection = ? AND id <= ? "
            "AND digest IS NOT NULL GROUP BY digest",
            (stored.id, event),
        ).fetchall()
    return {row["digest"]: row["new"] for row in rows if row["new"]}


def _usage(row: sqlite3.Row) -> str:
    if row["source"] == GENERATED:
        return GENERATED
    return BY_HAND if row["by"] == "person" else ""


def _notes(found: list[sqlite3.Row], used: list[sqlite3.Row], labels: np.ndarray) -> list[Note]:
    suggested = sum(row["by"] == "model" for row in found)
    set_aside = sum(row["by"] in CONFIRMED and row["label"] not in EMOTIONS for row in found)
    notes = []
    if suggested:
        told = "labels that a model suggested and no person confirmed are left out"
        notes.append(Note("skipped", "suggested", told, suggested))
    if set_aside:
        told = "labeled as unsure or as not a face, so left out"
        notes.append(Note("skipped", "set aside", told, set_aside))
    if bare := len(found) - len(used) - suggested - set_aside:
        notes.append(Note("skipped", "unlabeled", "faces without a label are left out", bare))
    for label, emotion in enumerate(EMOTIONS):
        if not (labels == label).any():
            notes.append(Note("warning", emotion, "no image of this emotion", 0))
    return notes
