"""One Ray cluster for all tests of jobs on it; each has a shared folder of its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion_core.errors import RunError
from emotion_core.training import jobs
from tests.scale.ray_head import Head


@pytest.fixture(scope="session")
def head(tmp_path_factory) -> Iterator[Head]:
    found = Head(tmp_path_factory.mktemp("ray") / "ray.log")
    try:
        found.start()
        yield found
    finally:
        found.kill()


@pytest.fixture
def storage(head, tmp_path, monkeypatch) -> Iterator[Path]:
    monkeypatch.setenv("EMOTION_RAY_ADDRESS", head.address)
    monkeypatch.setenv("EMOTION_RAY_STORAGE", str(tmp_path))
    monkeypatch.delenv("EMOTION_CHECKPOINTS", raising=False)
    yield tmp_path
    for job in jobs.list_jobs():
        if job.active:
            with contextlib.suppress(RunError):
                jobs.stop(job.run, force=True)
