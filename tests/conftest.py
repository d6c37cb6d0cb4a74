"""All tests: the user's own runs and caches are out of reach."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

_HOME = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    # Set before any fixture or module of a test looks.
    home = config.stash[_HOME] = Path(tempfile.mkdtemp(prefix="emotion-tests-"))
    os.environ["EMOTION_CHECKPOINTS"] = str(home / "checkpoints")
    os.environ["EMOTION_CACHE"] = str(home / "cache")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_HOME], ignore_errors=True)
