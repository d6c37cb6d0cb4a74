"""One image for all tests of it."""

import os
from pathlib import Path

import pytest

from tests.container import image


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The image; ``CONTAINER_ROOT`` names a folder that keeps it for the next call."""
    kept = os.environ.get("CONTAINER_ROOT")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("image")
    return image.build(folder, PIP_ARGS=os.environ.get("PIP_ARGS", ""))
