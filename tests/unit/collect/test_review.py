"""What to label next, and faces that look alike to a model."""

from dataclasses import replace

import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.collect import store
from emotion_core.collect.faces import delete_faces, keep_answer
from emotion_core.collect.labels import label_faces
from emotion_core.collect.neighbours import Vectors, spread, vectors_of
from emotion_core.collect.query import list_faces
from emotion_core.collect.review import next_faces, review_queue
from emotion_core.data.collection_file import collections_dir, transaction
from emotion_core.runs.catalog import load_run


def test_the_review_queue_takes_unsure_faces_of_many_files_first_and_some_at_random(fill):
    fill(each=40, by="")
    items = [
        replace(item, margin=item.id / 100, origin=f"file {item.id % 4}")
        for item in list_faces("me", limit=100)[0]
    ]
    items.sort(key=lambda item: item.margin)
    chosen = review_queue(items, items[-2:], 10)
    assert len({item.id for item in chosen}) == 10 and chosen[8:] == items[-2:]
    assert {item.origin for item in chosen[:4]} == {f"file {n}" for n in range(4)}
    assert [item.id for item in chosen[:8]] == sorted(range(1, 9), key=lambda n: (n - 1) // 4)


def test_a_fifth_is_drawn_at_random_and_confirmed_faces_are_left_out(fill):
    ids = fill(each=60, by="")
    with transaction() as database:
        for face in ids:
            probs = np.full(7, (0.5 - face / 1000) / 6)
            probs[0] = 0.5 + face / 1000
            keep_answer(database, face, "a model", probs)
    label_faces("me", dict.fromkeys(ids[:5], "sad"))
    first, other = next_faces("me", count=20), next_faces("me", count=20, seed=1)
    assert len({item.id for item in first}) == 20
    assert not {item.id for item in first} & set(ids[:5])
    assert {item.id for item in first[:16]} <= set(ids[5:26])  # the least certain
    assert [item.id for item in first[16:]] != [item.id for item in other[16:]]
    assert max(item.id for item in (*first[16:], *other[16:])) > ids[25]


def test_faces_that_differ_come_before_copies(fill):
    ids = fill(each=4)
    items = list_faces("me")[0][::-1]
    values = np.array([[1, 0], [1, 0.01], [0, 1], [0.02, 1]], np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    vectors = Vectors(np.array(ids), values)
    assert [item.id for item in spread(items, vectors, 2)] == [ids[0], ids[2]]
    assert vectors.like(ids[3], 2) == [ids[3], ids[2]]
    assert vectors.like(99, 2) == []
    assert np.isnan(vectors.rows([99])).all()
    fewer = Vectors(vectors.ids[:2], vectors.values[:2])
    assert [item.id for item in spread(items, fewer, 2)] == ids[:2]


@pytest.mark.timeout(300)
def test_features_are_kept_for_new_faces_and_go_with_deleted_ones(fill, drawn):
    base = ["--model", "sequential", "--options", "width=8", "--epochs", "1"]
    assert main(["train", "--data", "synthetic:140", "--name", "first", *base]) == 0
    run, ids = load_run("first"), fill(each=6)
    shares = []
    found = vectors_of("me", run, shares.append)
    assert found.ids.tolist() == ids and shares[-1] == 1.0
    assert np.allclose(np.linalg.norm(found.values, axis=1), 1, atol=1e-3)
    ids += fill(each=2, at=6)
    again = vectors_of("me", run)
    assert again.ids.tolist() == ids and np.allclose(again.values[:6], found.values, atol=1e-3)
    delete_faces(ids[:7])
    assert vectors_of("me", run).ids.tolist() == ids[7:]
    store.purge(older_than=0)
    (kept,) = (collections_dir() / "features").glob("*.npz")
    with np.load(kept) as arrays:
        assert arrays["ids"].tolist() == ids[7:]
    kept.write_bytes(b"damaged")
    assert vectors_of("me", run).ids.tolist() == ids[7:]
    store.delete("me")
    store.purge(older_than=0)
    assert not list((collections_dir() / "features").glob("*"))
