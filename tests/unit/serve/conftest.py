"""A server of a shipped model, and pictures for it."""

import io

import numpy as np
import pytest
import skimage.data
from PIL import Image

from emotion_core.data.synthetic import synthetic_faces
from emotion_core.models.checkpoint import load_classifier
from emotion_core.paths import PROJECT
from emotion_core.runs.run import Run
from emotion_core.serve.service import Service
from emotion_core.serve.settings import ServeSettings
from tests.unit.serve.running import running

RUN = Run(PROJECT / "checkpoints" / "sequential")


def encoded(pixels: np.ndarray, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


@pytest.fixture(scope="session")
def classifier():
    return load_classifier(RUN)


@pytest.fixture(scope="session")
def make_service(classifier):
    """A service of the shipped model with other settings."""
    return lambda **settings: Service(RUN, classifier, ServeSettings(**settings))


@pytest.fixture(scope="module")
def caller(make_service):
    with running(make_service(max_images=4, max_mb=8)) as found:
        yield found


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A woman's photograph."""
    return encoded(skimage.data.astronaut(), "JPEG", quality=95)


@pytest.fixture(scope="session")
def faces() -> np.ndarray:
    return synthetic_faces(70).images[:12]
