"""Drawn faces: any number, by seed, balanced, seven different expressions."""

import numpy as np
import pytest

from emotion_core.data.sources import load_data
from emotion_core.data.synthetic import draw_face, synthetic_faces
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS


def test_the_seed_decides_every_pixel():
    first, again, other = (synthetic_faces(70, seed=seed) for seed in (1, 1, 2))
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_classes_are_balanced_in_every_split():
    counts = synthetic_faces(700).counts()
    assert set(counts) == {"train", "val", "test"}
    for row in counts.values():
        assert max(row.values()) - min(row.values()) <= 1


def test_the_data_says_that_it_is_synthetic():
    data = load_data("synthetic:140")
    assert data.synthetic
    assert data.name == "synthetic"
    assert data.source == "synthetic:140"
    assert any("not photographs" in note.message for note in data.notes)


@pytest.mark.parametrize("size", [48, 96, 200])
def test_a_face_can_be_drawn_at_any_size(size):
    face = draw_face("happy", 5, size)
    assert face.shape == (size, size)
    assert face.dtype == np.uint8


def test_clean_expressions_of_one_person_differ_only_where_the_face_moves():
    faces = {
        name: draw_face(name, 3, 96, clean=True, intensity=1.0).astype(int) for name in EMOTIONS
    }
    for name in EMOTIONS:
        if name == "neutral":
            continue
        changed = np.abs(faces[name] - faces["neutral"]) > 20
        assert changed.sum() > 60, name
        assert not changed[90:].any(), name


def test_a_stronger_smile_moves_more_pixels():
    neutral, weak, strong = (
        draw_face("happy", 3, 96, clean=True, intensity=value).astype(int)
        for value in (0.0, 0.5, 1.2)
    )
    assert np.abs(weak - neutral).sum() < np.abs(strong - neutral).sum()


@pytest.mark.parametrize("spec", ["synthetic:5", "synthetic:x", "synthetic:999999999"])
def test_a_count_out_of_range_is_refused(spec):
    with pytest.raises(DataError, match="takes a number from 70 to 200000"):
        load_data(spec)
