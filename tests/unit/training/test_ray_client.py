"""A cluster that does not answer: nothing waits for it run by run, and nothing is told to be dead."""

import socket
import time

import pytest

from emotion_core.errors import RunError
from emotion_core.files import read_json, write_json
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.training import jobs, ray_client, ray_jobs
from emotion_core.training.queue import queued
from emotion_core.training.ray_client import RayClient

CONFIG = TrainConfig(data="synthetic:70", device="cpu")


@pytest.fixture
def mute(monkeypatch, tmp_path):
    """The address of a cluster that takes calls and never answers."""
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr(ray_client, "_SECONDS", {"GET": 0.5, "POST": 0.5})
    monkeypatch.setattr(ray_jobs, "_answers", {})
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("EMOTION_RAY_ADDRESS", address)
        yield address


def test_a_list_of_many_runs_waits_once(mute, tmp_path):
    for seed in range(8):
        run = create_run(CONFIG.replace(seed=seed), tmp_path)
        write_json(run.path / "ray.json", {"job": f"raysubmit_{seed}", "address": mute})
    started = time.monotonic()
    found = jobs.list_jobs()
    assert time.monotonic() - started < 8 * 0.5
    assert [job.status.state for job in found] == ["queued"] * 8
    assert {job.queues for job in found} == {("ray",)}


def test_what_waits_for_a_cluster_holds_up_no_run_of_this_machine(mute, tmp_path):
    remote, here = create_run(CONFIG, tmp_path), create_run(CONFIG, tmp_path)
    write_json(remote.path / "ray.json", {"job": "raysubmit_1", "address": mute})
    assert [job.run for job in queued(tmp_path)] == [here]


def test_a_run_that_could_not_be_handed_over_says_so_and_is_handed_over_by_resume(
    mute, tmp_path, monkeypatch
):
    run = create_run(CONFIG, tmp_path)
    with pytest.raises(RunError, match="cannot be reached"):
        ray_jobs.submit(run, RayClient(mute))
    assert run.status().state == "failed" and "cannot be reached" in run.status().error
    assert jobs.list_jobs()[0].status.state == "failed"
    handed = []
    monkeypatch.setattr(RayClient, "submit", lambda *args, **more: handed.append(args) or "job-2")
    jobs.resume(run)
    assert len(handed) == 1 and read_json(run.path / "ray.json")["job"] == "job-2"


def test_a_run_of_this_machine_is_resumed_here(mute, tmp_path, monkeypatch):
    spawned = []
    monkeypatch.setattr(jobs, "_spawn", spawned.append)
    run = jobs.start(CONFIG, here=True)
    jobs.stop(run)
    jobs.resume(run)
    assert spawned[-1] == run and not (run.path / "ray.json").exists()
