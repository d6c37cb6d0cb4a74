"""Mirrored, turned and re-cropped copies of test images among the training images are found."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from emotion_core.data.faces import SPLITS, FaceData
from emotion_core.data.repeats import count_repeats, is_counted, repeats_reading
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.data.twins import augmented_twins, find_twins


def turned(face: np.ndarray, degrees: float, zoom: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((23.5, 23.5), degrees, zoom)
    return cv2.warpAffine(face, matrix, (48, 48), borderMode=cv2.BORDER_REFLECT)


CHANGES = {
    "mirrored": lambda face: face[:, ::-1],
    "turned": lambda face: turned(face, 8, 1.0),
    "turned back": lambda face: turned(face, -8, 1.0),
    "zoomed in": lambda face: turned(face, 0, 1.1),
    "zoomed out": lambda face: turned(face, 0, 0.91),
    "mirrored, turned and zoomed": lambda face: turned(face[:, ::-1], 6, 1.06),
    "mirrored and darker": lambda face: (face[:, ::-1] * 0.7).astype(np.uint8),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))


def textures(count: int) -> np.ndarray:
    """Images that have nothing in common but their smoothness, uint8 ``(count, 48, 48)``."""
    noise = np.random.default_rng(0).normal(0, 1, (count, 48, 48)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(image, (0, 0), 2) for image in noise])
    smooth /= smooth.std((1, 2), keepdims=True)
    return np.clip(128 + 45 * smooth, 0, 255).astype(np.uint8)


@pytest.fixture
def data() -> FaceData:
    """100 images, 30 of them test."""
    faces = synthetic_faces(100, seed=1)
    splits = np.full(100, SPLITS.index("train"), np.uint8)
    splits[:30] = SPLITS.index("test")
    return replace(faces, images=textures(100), splits=splits, fingerprint="textures")


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(data, change):
    data.images[50:60] = [CHANGES[change](face) for face in data.images[:10]]
    twins = find_twins(data)
    assert {(twin.test, twin.other) for twin in twins} == {(i, 50 + i) for i in range(10)}
    assert {twin.mirrored for twin in twins} == {"mirrored" in change}


def test_turn_and_zoom_are_measured(data):
    data.images[50] = turned(data.images[0], 8, 1.1)
    (twin,) = find_twins(data)
    assert twin.degrees == pytest.approx(8, abs=1.5)
    assert twin.zoom == pytest.approx(1.1, abs=0.03)


def test_identical_images_and_blank_ones_are_no_changed_copies(data):
    data.images[50] = data.images[0]
    data.images[[1, 51]] = 7
    assert find_twins(data) == []


def test_what_was_found_is_kept_and_a_damaged_file_is_searched_again(data, tmp_path):
    data.images[50] = data.images[0][:, ::-1]
    found = augmented_twins(data)
    (kept,) = (tmp_path / "duplicates").glob("*-twins.npy")
    data.images[60] = data.images[1][:, ::-1]  # under the same fingerprint: only read again
    assert augmented_twins(data) == found
    for damage in (b"", b"no array", np.full((2, 6), 1e9).tobytes()):
        kept.write_bytes(damage)
        assert len(augmented_twins(data)) == 2
    np.save(kept, np.full((1, 6), 1e9))
    assert len(augmented_twins(data)) == 2


def test_counts_and_words_tell_of_changed_copies(data):
    assert not is_counted(data)
    data.images[50] = data.images[0][:, ::-1]
    data.images[51] = turned(data.images[1], 0, 1.1)
    told = []
    found = count_repeats(data, lambda text, share: told.append(share))
    assert found["test images that are a mirrored or re-cropped training image"] == 2
    assert found["of these, mirrored"] == 1
    assert found["of these, in the leak-free subset"] == 2
    assert "2 test images are a mirrored, turned or re-cropped copy" in repeats_reading(found)
    assert told == sorted(told) and told[-1] == 1.0
    assert is_counted(data)
