"""The validation cut is stratified, fixed, by photograph, and the same for every order of rows."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from emotion_core.data.duplicates import leak_free_mask, near_duplicate_groups
from emotion_core.data.faces import FaceData, canonical_order, digests
from emotion_core.data.repeats import count_repeats, repeats_reading
from emotion_core.data.splits import split_indices
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import DataError


def with_rows(data: FaceData, positions: np.ndarray, **changes) -> FaceData:
    rows = {
        name: getattr(data, name)[positions]
        for name in ("images", "labels", "splits", "usage", "ids")
    }
    return replace(data, **(rows | changes))


@pytest.fixture(scope="module")
def without_val() -> FaceData:
    data = synthetic_faces(420, seed=3)
    data.splits[data.splits == 1] = 0
    return data


def test_a_given_val_is_kept():
    data = synthetic_faces(140)
    split = split_indices(data)
    assert np.array_equal(split.val, data.indices("val"))


def test_the_cut_takes_its_share_of_every_emotion(without_val):
    split = split_indices(without_val, val_fraction=0.2)
    train = np.bincount(without_val.labels[without_val.indices("train")])
    val = np.bincount(without_val.labels[split.val])
    assert np.all(np.abs(val - 0.2 * train) <= 1)
    assert not set(split.train) & set(split.val)
    assert len(split.train) + len(split.val) == train.sum()


def test_the_cut_is_the_same_for_every_order_of_rows(without_val, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    order = np.random.default_rng(1).permutation(len(without_val))
    shuffled = with_rows(without_val, order)
    one = digests(without_val.images[split_indices(without_val).val])
    other = digests(shuffled.images[split_indices(shuffled).val])
    assert sorted(one) == sorted(other)


def test_near_duplicates_stay_on_one_side(without_val, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    train = without_val.indices("train")[:140]
    twins = np.stack(
        [
            cv2.imdecode(cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], 0)
            for face in without_val.images[train]
        ]
    )
    both = np.concatenate([train, train])
    data = with_rows(
        without_val,
        both,
        images=np.concatenate([without_val.images[train], twins]),
        ids=np.arange(280).astype(str),
    )
    split = split_indices(data, val_fraction=0.3)
    assert {int(i) % 140 for i in split.train}.isdisjoint({int(i) % 140 for i in split.val})
    assert len(split.val) > 40


def test_groups_join_shifted_copies_and_leave_others_apart(without_val):
    faces = without_val.images[:40]
    copies = np.clip(faces.astype(int) + 12, 0, 255).astype(np.uint8)
    groups = near_duplicate_groups(np.concatenate([faces, copies]))
    assert np.array_equal(groups[:40], np.arange(40))
    assert np.array_equal(groups[40:], np.arange(40))


def test_blank_images_are_only_grouped_when_identical():
    images = np.stack([np.full((48, 48), tone, np.uint8) for tone in (0, 0, 30, 31)])
    assert near_duplicate_groups(images).tolist() == [0, 0, 2, 3]


def test_leaked_test_images_are_found(without_val, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    images = np.random.default_rng(0).integers(0, 256, without_val.images.shape, np.uint8)
    test = without_val.indices("test")
    images[test[3]] = images[without_val.indices("train")[5]]
    data = replace(without_val, images=images, fingerprint="noise")
    mask = leak_free_mask(data)
    leaked = data.images[data.indices("test")][~mask]
    assert len(leaked) == 1
    assert np.array_equal(leaked[0], images[test[3]])
    found = count_repeats(data)
    assert found["test images identical to a training image"] == 1
    assert f"1 of {len(test):,} test images" in repeats_reading(found)


def test_the_canonical_order_sorts_by_pixels(without_val):
    images, labels = without_val.images[:50], without_val.labels[:50]
    order = canonical_order(images, labels)
    back = np.random.default_rng(0).permutation(50)
    again = canonical_order(images[back], labels[back])
    assert np.array_equal(images[order], images[back][again])


def burst(face: np.ndarray, count: int) -> np.ndarray:
    """Frames of one scene: the same face in other noise, uint8 ``(count, 48, 48)``."""
    noise = np.random.default_rng(0).normal(0, 6, (count, 48, 48))
    return np.clip(face + noise, 0, 255).astype(np.uint8)


def test_a_burst_of_frames_does_not_leave_training_without_an_emotion(
    without_val, tmp_path, monkeypatch
):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    train = without_val.indices("train")
    happy = train[without_val.labels[train] == 3]
    frames = burst(without_val.images[happy[0]], 100)
    rows = np.concatenate([np.setdiff1d(train, happy[6:]), np.repeat(happy[:1], 99)])
    images = without_val.images[rows]
    images[-99:] = frames[:99]
    for seed in range(5):
        split = split_indices(with_rows(without_val, rows, images=images), seed)
        assert np.bincount(without_val.labels[rows[split.train]])[3] >= 100
        assert 1 <= np.bincount(without_val.labels[rows[split.val]])[3] <= 5


def test_frames_of_one_scene_are_one_group():
    frames = burst(synthetic_faces(70, seed=3).images[3], 40)
    assert set(near_duplicate_groups(frames)) == {0}


def test_too_few_images_are_refused(without_val):
    one = with_rows(without_val, without_val.indices("train")[:1])
    with pytest.raises(DataError, match="too few training images"):
        split_indices(replace(one, fingerprint="one"))
    with pytest.raises(DataError, match="no training images"):
        split_indices(with_rows(without_val, without_val.indices("test")))


def test_a_data_set_without_repeated_photographs_is_told_so():
    faces = np.random.default_rng(0).integers(0, 256, (20, 48, 48)).astype(np.uint8)
    data = with_rows(synthetic_faces(70, seed=1), np.arange(20), images=faces)
    assert repeats_reading(count_repeats(data)) == "No photograph occurs twice."
