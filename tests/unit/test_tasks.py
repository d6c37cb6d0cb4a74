"""A task outlives whoever started it, and its end is always told."""

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from emotion_core.errors import RunError
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.tasks import Task, TaskState, running_tasks
from emotion_core.training import jobs


@pytest.fixture
def task(tmp_path) -> Task:
    return Task(create_run(TrainConfig(), tmp_path), "work", "It works already.")


def wait(task: Task) -> TaskState:
    until = time.monotonic() + 120
    while (state := task.state()).kind == "running" and time.monotonic() < until:
        time.sleep(0.1)
    return state


def test_a_process_that_fails_leaves_its_last_words(task):
    task.start("robustness", str(task.run.path))  # it has no weights
    assert task.state().kind == "running"
    state = wait(task)
    assert state.kind == "failed" and state.error.startswith("error: ")
    assert "has no model.json" in state.error
    task.stop()
    assert task.state() == TaskState("none")


def test_it_can_be_stopped_even_while_it_comes_up(task):
    task.start("robustness", str(task.run.path))
    pid = json.loads((task.run.path / "work-progress.json").read_text())["pid"]
    task.stop()
    assert task.state() == TaskState("none")
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


def test_who_works_on_a_run_is_known_and_a_removed_folder_stays_removed(task):
    task.run.write_status(replace(task.run.status(), state="finished"))
    assert running_tasks(task.run) == []
    with pytest.raises(RunError, match=r"was removed in the meantime"), task.hold():
        assert running_tasks(task.run) == ["work"]
        with pytest.raises(RunError, match=r"is being worked on \(work\)\. Stop that, or wait"):
            jobs.delete(task.run)
        shutil.rmtree(task.run.path)
        task.tell(0.5)
    assert not task.run.path.exists()


def test_a_killed_process_is_seen_by_its_free_lock(task):
    with task.hold():
        task.tell(0.5)
        left = (task.run.path / "work-progress.json").read_text()
    (task.run.path / "work-progress.json").write_text(left)
    state = task.state()
    assert (state.kind, state.error) == ("failed", "It ended without a result.")
    # The lock is free, so the number may be another process by now: here it is this test's.
    assert json.loads(left)["pid"] == os.getpid()
    task.stop()
    assert task.state() == TaskState("none")


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_damaged_progress_file_counts_as_none(task, text):
    (task.run.path / "work-progress.json").write_text(text)
    assert task.state() == TaskState("none")
    task.stop()


def test_work_that_raises_is_told_and_frees_the_lock(task):
    with pytest.raises(ValueError, match="no faces"), task.hold():
        task.tell(0.5)
        raise ValueError("no faces")
    assert task.state().kind == "failed"
    with task.hold():
        assert task.state().kind == "running"
    assert task.state() == TaskState("none")
