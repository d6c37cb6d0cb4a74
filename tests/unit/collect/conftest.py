"""A home of its own for each test, and faces that are drawn once."""

import numpy as np
import pytest

from emotion_core.collect.faces import NewFace, add_faces, start_session
from emotion_core.collect.quality import quality_of
from emotion_core.collect.store import create
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.labels import EMOTIONS


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("HOME", "CACHE", "CHECKPOINTS"):
        monkeypatch.setenv(f"EMOTION_{name}", str(tmp_path / name.lower()))
    monkeypatch.delenv("FER2013_DIR", raising=False)
    return tmp_path / "home"


@pytest.fixture(scope="session")
def drawn():
    return synthetic_faces(140, seed=3)


@pytest.fixture
def fill(drawn):
    """A function that gives a collection ``sessions`` sessions of ``each`` labelled faces."""

    def make(name="me", sessions=1, each=14, by="person", at=0):
        if at == 0:
            create(name)
        ids = []
        for number in range(sessions):
            session = start_session(name, f"session {number}")
            rows = range(at + number * each, at + (number + 1) * each)
            ids += add_faces(session, [new_face(drawn, row, by) for row in rows])
        return ids

    return make


def new_face(drawn, row, by="person", **changes):
    face = np.array(drawn.images[row % len(drawn)])
    label = EMOTIONS[drawn.labels[row % len(drawn)]] if by else ""
    values = {
        "face": face,
        "large": np.kron(face, np.ones((2, 2), np.uint8))[:96, :96],
        "source": "photo",
        "origin": f"photo-{row}.jpg",
        "quality": quality_of(face[None])[0],
        "label": label,
        "by": by,
        "who": "a test" if by else "",
    }
    values["large"] = np.pad(values["large"], 8, mode="edge")
    return NewFace(**(values | changes))
