"""All tests: the user's own runs and caches are out of reach."""

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest

import emotion_core  # noqa: F401  # first: it turns the telemetry of other libraries off

_HOME = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    # No test is timed: the machine may be busy.
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")
    # Set before any fixture or module of a test looks.
    home = config.stash[_HOME] = Path(tempfile.mkdtemp(prefix="emotion-tests-"))
    os.environ["EMOTION_CHECKPOINTS"] = str(home / "checkpoints")
    os.environ["EMOTION_CACHE"] = str(home / "cache")
    if "PYTEST_XDIST_WORKER" in os.environ:  # one thread for each process side by side
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_HOME], ignore_errors=True)
