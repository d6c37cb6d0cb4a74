"""Jobs on a real Ray cluster of this machine: they look, stop, fail and go on as local ones do."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emotion_core.errors import ConfigError, RunError
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs.run import Run
from emotion_core.training import jobs, ray_jobs
from emotion_core.training.queue import Job
from emotion_core.training.ray_client import RayClient

RAY = Path(sys.executable).with_name("ray")

pytestmark = [
    pytest.mark.skipif(not RAY.exists(), reason="Ray is not installed: make test-scale does so"),
    pytest.mark.timeout(900),
]
CONFIG = TrainConfig(
    options={"width": 8},
    data="synthetic:70",
    epochs=2,
    batch_size=12,
    device="cpu",
    threads=1,
    precision="fp32",
)
LONG = CONFIG.replace(epochs=1000)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def head_running(log: Path) -> Iterator[str]:
    """A cluster of one machine with two cores; its address.

    Raises:
        RuntimeError: its parts did not find each other within Ray's own 30 seconds.
    """
    port = free_port()
    temporary = Path(f"/tmp/ray-{os.getpid()}")  # Unix sockets have short names only
    command = [RAY, "start", "--head", "--block", f"--port={free_port()}", "--num-cpus=2"]
    command += [f"--dashboard-port={port}", "--disable-usage-stats", f"--temp-dir={temporary}"]
    command += ["--object-store-memory=80000000", f"--ray-client-server-port={free_port()}"]
    environment = {
        "PATH": f"{RAY.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
        "OMP_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with log.open("wb") as output:
        head = subprocess.Popen(
            command, stdout=output, stderr=output, process_group=0, env=os.environ | environment
        )
    found, until = f"http://127.0.0.1:{port}", time.monotonic() + 300
    try:
        while True:  # the interface answers before the agent that takes jobs is there
            with contextlib.suppress(RunError):
                RayClient(found).submit("true", environment={}, cpus=0)
                break
            if head.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text())
            time.sleep(0.5)
        yield found
    finally:
        head.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            head.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(head.pid, signal.SIGKILL)
        head.wait()
        shutil.rmtree(temporary, ignore_errors=True)


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("ray") / "ray.log"
    with contextlib.ExitStack() as running:
        for left in (2, 1, 0):  # on a busy machine
            try:
                found = running.enter_context(head_running(log))
                break
            except RuntimeError:
                if not left:
                    raise
        yield found


@pytest.fixture(autouse=True)
def storage(address, tmp_path, monkeypatch) -> Iterator[Path]:
    monkeypatch.setenv("EMOTION_RAY_ADDRESS", address)
    monkeypatch.setenv("EMOTION_RAY_STORAGE", str(tmp_path))
    monkeypatch.delenv("EMOTION_CHECKPOINTS", raising=False)
    yield tmp_path
    for job in jobs.list_jobs():
        if job.active:
            jobs.stop(job.run, force=True)


def wait_until(what: Callable[[], bool], seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def state(run: Run) -> str:
    return Job.of(run).status.state


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


def test_a_killed_trainer_is_failed_with_a_reason_and_resumes():
    run = jobs.start(LONG)
    wait_until(lambda: run.status().epoch > 1)
    os.kill(run.status().pid, signal.SIGKILL)
    wait_until(lambda: state(run) == "failed", 30)
    error = Job.of(run).status.error
    assert error.startswith("The job on the Ray cluster ended without a result: ")
    reached = run.status().epoch
    jobs.resume(run)
    wait_until(lambda: run.status().epoch > reached)
    jobs.stop(run, force=True)  # Ray sends SIGTERM first, on which the trainer saves
    wait_until(lambda: state(run) in ("stopped", "failed"), 30)


def test_a_waiting_job_is_taken_out_of_the_queue():
    taken = [jobs.start(LONG.replace(threads=2)) for _ in range(2)]
    wait_until(lambda: taken[0].status().epoch > 0)
    jobs.stop(taken[1])
    assert state(taken[1]) == "stopped"
    jobs.stop(taken[0])
    wait_until(lambda: state(taken[0]) == "stopped")


def test_what_the_cluster_lacks_is_told_and_no_run_is_left(storage, monkeypatch, tmp_path):
    monkeypatch.setattr(ray_jobs, "_checked", {})
    monkeypatch.setattr(ray_jobs, "__version__", "99.0")
    with pytest.raises(RunError, match=r"lacks emotion_core 99\.0 \(it has "):
        jobs.start(CONFIG)
    monkeypatch.setenv("EMOTION_CHECKPOINTS", "/elsewhere/runs")
    with pytest.raises(ConfigError, match="not below EMOTION_RAY_STORAGE"):
        jobs.start(CONFIG)
    monkeypatch.delenv("EMOTION_CHECKPOINTS")
    monkeypatch.delenv("EMOTION_RAY_STORAGE")
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    with pytest.raises(ConfigError, match="EMOTION_RAY_STORAGE must name a folder"):
        jobs.start(CONFIG)
    assert jobs.list_jobs() == []


def test_a_cluster_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(ray_jobs, "_checked", {})
    monkeypatch.setenv("EMOTION_RAY_ADDRESS", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(RunError, match="cannot be reached"):
        jobs.start(CONFIG)
    with pytest.raises(ConfigError, match="got 'head:8265'"):
        RayClient("head:8265")
