"""Cached loaders read again what changed on disk."""

import cv2
import pytest

from emotion_core.data.synthetic import synthetic_faces
from emotion_core.data.walk import write_folder
from pages._ui import cache as state


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    data, root = synthetic_faces(70, seed=5), tmp_path / "my faces"
    write_folder(data, root)
    return root


@pytest.mark.parametrize("spec", ["{}/my faces", "~/my faces"])
def test_a_picture_added_below_a_folder_is_seen(folder, monkeypatch, spec):
    monkeypatch.setenv("HOME", str(folder.parent))
    spec = spec.format(folder.parent)
    before = len(state.dataset(spec))
    cv2.imwrite(str(folder / "train" / "sad" / "new.png"), synthetic_faces(70, seed=6).images[0])
    state._folder_stamp.clear()  # as time does
    assert len(state.dataset(spec)) == before + 1
