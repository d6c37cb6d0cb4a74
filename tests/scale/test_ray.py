"""Jobs on a real Ray cluster of this machine: they look, stop and go on as local ones do."""

import json
import subprocess
import sys
import threading

import pytest

from emotion_core.paths import PROJECT
from emotion_core.runs.catalog import list_runs
from emotion_core.training import jobs
from emotion_core.training.queue import Job
from emotion_core.training.ranges import parse_range
from emotion_core.training.search import run_sweep
from emotion_core.training.searcher import create_sweep
from emotion_core.training.studies import trial_rows
from emotion_core.training.sweep import Sweep
from tests.scale.ray_head import CONFIG, LONG, RAY, state, wait_until

pytestmark = [
    pytest.mark.skipif(not RAY.exists(), reason="Ray is not installed: make test-scale does so"),
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("storage"),
]


def listed() -> dict[str, dict]:
    """What another process, such as a dashboard that was started again, sees."""
    done = subprocess.run(
        [sys.executable, "-m", "emotion_core", "jobs", "list", "--json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {row["run"]: row for row in json.loads(done.stdout)}


def test_two_jobs_train_side_by_side_and_others_wait(storage):
    first, second, third = (jobs.start(LONG) for _ in range(3))
    wait_until(lambda: first.status().epoch > 0 and second.status().epoch > 0)
    assert state(third) == "queued"
    found = listed()  # nothing is known to this process alone
    assert found[first.name]["state"] == found[second.name]["state"] == "running"
    assert found[third.name]["position"] == 1
    assert first.path.is_relative_to(storage) and first.metrics()
    assert any("images/s" in line for line in first.log_tail())
    jobs.stop(first)
    wait_until(lambda: state(first) == "stopped")
    wait_until(lambda: third.status().epoch > 0)  # it takes the place
    assert first.resume_path.exists()
    jobs.stop(second)
    jobs.stop(third)
    wait_until(lambda: {state(second), state(third)} == {"stopped"})


def test_a_stopped_job_goes_on_where_it_stopped_to_its_end():
    run = jobs.start(CONFIG.replace(epochs=40))
    wait_until(lambda: run.status().epoch > 1)
    jobs.stop(run)
    wait_until(lambda: state(run) == "stopped")
    reached = len(run.metrics())
    jobs.resume(run)
    wait_until(lambda: state(run) == "finished")
    assert [row["epoch"] for row in run.metrics()] == list(range(1, 41)) and reached < 40
    assert run.report().test.n > 0


def test_a_waiting_job_is_taken_out_of_the_queue():
    taken = [jobs.start(LONG.replace(threads=2)) for _ in range(2)]
    wait_until(lambda: taken[0].status().epoch > 0)
    jobs.stop(taken[1])
    assert state(taken[1]) == "stopped"
    jobs.stop(taken[0])
    wait_until(lambda: state(taken[0]) == "stopped")


def test_a_dashboard_that_is_killed_takes_no_run_with_it(storage):
    begin = [sys.executable, "-m", "emotion_core", "jobs", "start", "--epochs", "1000"]
    begin += ["--data", CONFIG.data, "--batch-size", "12", "--device", "cpu", "--threads", "1"]
    begin += ["--precision", "fp32", "--option", "width=8"]
    subprocess.run(begin, cwd=PROJECT, check=True, capture_output=True)  # and it has ended
    (run,) = list_runs()
    wait_until(lambda: run.status().epoch > 0)
    again = listed()
    assert again[run.name]["state"] == "running" and again[run.name]["epoch"] > 0
    jobs.stop(run)
    wait_until(lambda: state(run) == "stopped")


def test_a_run_of_this_machine_stands_beside_those_of_the_cluster():
    remote, here = jobs.start(LONG.replace(threads=2)), jobs.start(CONFIG, here=True)
    assert not (here.path / "ray.json").exists() and Job.of(here).queues == ("cpu",)
    wait_until(lambda: state(here) == "finished")  # it did not wait for the cluster's
    assert Job.of(remote).queues == ("ray",) and state(remote) in ("queued", "running")
    jobs.stop(remote, force=True)
    wait_until(lambda: not Job.of(remote).active)


def test_a_search_trains_on_the_cluster(storage, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(storage / "home"))
    ranges = (parse_range("lr=0.01,0.1"),)
    create_sweep(Sweep("find", CONFIG, ranges, trials=2, at_once=2))
    assert run_sweep("find", threading.Event(), lambda _: None)
    runs = list_runs()
    assert sorted(run.name for run in runs) == ["find-000-s0", "find-001-s0"]
    assert all((run.path / "ray.json").exists() and run.report() for run in runs)
    assert [row.state for row in trial_rows("find")] == ["complete", "complete"]
