import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from emotion_core import access
from emotion_core.collect import store
from emotion_core.collect.face_files import sweep
from emotion_core.collect.faces import (
    add_faces,
    delete_faces,
    digest_of,
    restore_faces,
    start_session,
)
from emotion_core.collect.query import Filter, list_faces, list_sessions
from emotion_core.data.collection_file import VERSION, collections_dir, open_database, read_face
from emotion_core.errors import AccessError, CollectionError
from tests.unit.collect.conftest import new_face


def pictures() -> list[Path]:
    return sorted(collections_dir().rglob("*.png"))


def test_a_face_comes_back_as_it_was_kept(fill, drawn):
    (first, *_) = fill(each=3)
    items, total = list_faces("me", Filter(order="oldest"))
    assert total == 3 and items[0].id == first and items[0].by == "person"
    assert np.array_equal(read_face(items[0].file), drawn.images[0])
    assert read_face(items[0].file, large=True).shape == (112, 112)
    assert len(pictures()) == 6


def test_pixels_that_are_there_already_are_not_kept_twice(fill, drawn):
    fill(each=3)
    session = start_session("me", "again")
    assert add_faces(session, [new_face(drawn, 0), new_face(drawn, 5)]) == [4]
    assert list_faces("me")[1] == 4 and len(pictures()) == 8


def test_names_are_checked_and_unique(fill):
    fill(each=1)
    for name, reason in (("me", "already"), ("My Face", "lower-case"), ("a+b", "lower-case")):
        with pytest.raises(CollectionError, match=reason):
            store.create(name)
    store.rename("me", "mine")
    assert [item.name for item in store.list_collections()] == ["mine"]
    with pytest.raises(CollectionError, match=r"Unknown collection 'me'.*mine"):
        list_faces("me")


def test_merging_moves_faces_sessions_and_labels(fill):
    fill("a", sessions=2, each=4)
    fill("b", each=4, at=0)
    fill("b", each=3, at=20)
    assert store.merge("a", "b") == 8
    found = {item.name: item for item in store.list_collections()}
    assert (found["a"].faces, found["b"].faces, found["b"].confirmed) == (0, 15, 15)
    assert len(list_sessions("b")) == 4
    with pytest.raises(CollectionError, match="itself"):
        store.merge("b", "b")


def test_sessions_take_turns_so_that_whole_ones_are_held_out(fill):
    fill(sessions=5, each=1)
    roles = [row["role"] for row in reversed(list_sessions("me"))]
    assert roles == ["train", "test", "train", "val", "train"]


def test_a_deleted_collection_comes_back_within_the_hour_only(fill):
    fill(each=2)
    store.delete("me")
    assert store.list_collections() == [] and store.deleted_collections() == ["me"]
    assert store.purge() == 0  # not an hour old
    store.restore("me")
    assert list_faces("me")[1] == 2
    store.delete("me")
    assert store.purge(older_than=0) == 2
    assert pictures() == [] and store.deleted_collections() == []
    with pytest.raises(CollectionError, match="deleted permanently"):
        store.restore("me")


def test_deletion_leaves_no_trace_of_a_face_on_the_disk(fill, home, drawn):
    ids = fill(each=4)
    (item,) = [item for item in list_faces("me")[0] if item.id == ids[0]]
    marks = [item.file.encode(), digest_of(drawn.images[0]), b"photo-0.jpg"]
    stored = [path.read_bytes() for path in pictures() if item.file in path.name]
    assert len(stored) == 2
    delete_faces([ids[0]])
    assert restore_faces([ids[0]]) == 1
    delete_faces([ids[0]])
    assert store.purge(older_than=0) == 1
    left = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert not any(mark in left for mark in [*marks, *stored])
    assert list_faces("me")[1] == 3 and len(pictures()) == 6


def test_files_that_no_row_names_are_swept_once_they_are_old(fill):
    fill(each=1)
    orphan = collections_dir() / "faces" / "ab" / f"{'ab' * 12}.png"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"half a pict")
    assert sweep() == 0  # a writer may be about to name it
    os.utime(orphan, (0, 0))
    assert sweep() == 1 and not orphan.exists() and len(pictures()) == 2


def test_a_failed_write_keeps_nothing(fill, monkeypatch, drawn):
    fill(each=1)
    session = start_session("me", "again")
    faces = [new_face(drawn, 5), new_face(drawn, 6, source="nowhere")]
    with pytest.raises(CollectionError, match="source"):
        add_faces(session, faces)
    assert list_faces("me")[1] == 1 and len(pictures()) == 2


def test_a_full_disk_is_told_and_loses_nothing(fill, drawn):
    fill(each=1)
    session = start_session("me", "again")
    with open_database() as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0]

    def full(path, *, uri=False, **options):
        found = connect(path, **options)
        found.execute(f"PRAGMA max_page_count = {pages}")
        return found

    connect, sqlite3.connect = sqlite3.connect, full
    try:
        with pytest.raises(CollectionError, match="disk is full"):
            add_faces(session, [new_face(drawn, row) for row in range(2, 130)])
    finally:
        sqlite3.connect = connect
    assert list_faces("me")[1] == 1 and len(pictures()) == 2


def test_a_visitor_of_a_demo_changes_nothing(fill, drawn, monkeypatch):
    fill(each=1)
    session = start_session("me", "again")
    monkeypatch.setattr(access, "current_role", lambda: access.Role.DEMO)
    for change in (
        lambda: store.create("you"),
        lambda: store.rename("me", "you"),
        lambda: store.delete("me"),
        lambda: store.purge(older_than=0),
        lambda: add_faces(session, [new_face(drawn, 3)]),
        lambda: delete_faces([1]),
    ):
        with pytest.raises(AccessError):
            change()
    assert list_faces("me")[1] == 1


def test_a_later_database_is_refused_and_an_empty_home_is_explained(fill):
    with pytest.raises(CollectionError, match="There is no collection yet"):
        list_faces("me")
    fill(each=1)
    with open_database() as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(CollectionError, match="Update it"):
        list_faces("me")


def test_a_damaged_database_is_one_clear_error(fill):
    fill(each=1)
    path = collections_dir() / "collections.sqlite"
    for other in collections_dir().glob("collections.sqlite-*"):
        other.unlink()
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(CollectionError, match="cannot be used"):
        list_faces("me")
