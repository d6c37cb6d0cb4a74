"""Run folders with genuine reports from random logits, written once for all tests here."""

import shutil

import pytest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.runs.run import Run


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def faces():
    return random_faces(300)


@pytest.fixture(scope="session")
def written_runs(tmp_path_factory, faces):
    root = tmp_path_factory.mktemp("runs")
    return [
        write_random_run(root, faces, model="resnet18", seed=0, skill=3.0, epochs=4),
        write_random_run(root, faces, model="block_cnn", seed=1, skill=1.2, epochs=4),
        write_random_run(root, faces, model="sequential", seed=2, skill=3.02, epochs=4),
    ]


@pytest.fixture
def runs(written_runs, tmp_path):
    """Fresh copies that a test may spoil."""
    return [Run(shutil.copytree(run.path, tmp_path / run.name)) for run in written_runs]
