"""What goes wrong on a Ray cluster is told, and no run is lost by it."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from emotion_core.errors import ConfigError, RunError
from emotion_core.files import write_json
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.training import jobs, ray_check
from emotion_core.training.queue import Job
from emotion_core.training.ray_client import RayClient
from tests.scale.ray_head import CONFIG, LONG, RAY, free_port, state, wait_until

pytestmark = [
    pytest.mark.skipif(not RAY.exists(), reason="Ray is not installed: make test-scale does so"),
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("storage"),
]


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


def test_a_run_that_the_cluster_does_not_know_is_failed_and_resumes(head, storage):
    """As after a restart of its head, which forgets all jobs."""
    run = create_run(CONFIG)
    run.write_status(replace(run.status(), state="running"))
    write_json(run.path / "ray.json", {"job": "raysubmit_gone", "address": head.address})
    assert state(run) == "running"  # it was handed over just now, and may come yet
    past = time.time() - 60
    os.utime(run.path / "ray.json", (past, past))
    assert state(run) == "failed"
    assert "does not know the job; it was restarted" in Job.of(run).status.error
    jobs.resume(run)
    wait_until(lambda: state(run) == "finished")


def test_a_worker_that_is_killed_fails_its_run_alone():
    first, second = (jobs.start(LONG) for _ in range(2))
    wait_until(lambda: first.status().epoch > 0 and second.status().epoch > 0)
    os.kill(supervisor_of(first), signal.SIGKILL)
    wait_until(lambda: state(first) == "failed", 60)
    assert "ended without a result" in Job.of(first).status.error
    reached = second.status().epoch
    wait_until(lambda: second.status().epoch > reached)
    assert state(second) == "running"
    jobs.resume(first)
    wait_until(lambda: state(first) == "running" and first.status().epoch > 0)
    for run in (first, second):
        jobs.stop(run)
    wait_until(lambda: {state(first), state(second)} == {"stopped"})


def supervisor_of(run: Run) -> int:
    """Ray's own worker process that watches a run's trainer."""
    pid = run.status().pid
    while True:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pid = int(fields[1])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"JobSupervisor" in command:
            return pid
        assert pid > 1, "Ray watches its jobs by another process now"


@contextlib.contextmanager
def guarded(address: str, token: str) -> Iterator[str]:
    """A proxy before the cluster that lets in who has the token; its address."""

    class Guard(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            if self.headers.get("Authorization") != f"Bearer {token}":
                return self._answer(401, b"who are you?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            kind = {"Content-Type": "application/json"}
            request = Request(address + self.path, method=self.command, data=body, headers=kind)
            try:
                with urlopen(request, timeout=60) as answer:
                    self._answer(answer.status, answer.read())
            except HTTPError as error:
                self._answer(error.code, error.read())

        def _answer(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._pass()

        def do_POST(self) -> None:
            self._pass()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Guard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_cluster_that_asks_for_a_token_gets_it(head, monkeypatch):
    monkeypatch.setattr(ray_check, "_checked", {})
    with guarded(head.address, "open sesame") as address:
        monkeypatch.setenv("EMOTION_RAY_ADDRESS", address)
        with pytest.raises(
            RunError, match=r"refuses \(401\): who are you\?\. Set EMOTION_RAY_TOKEN"
        ):
            jobs.start(CONFIG)
        assert jobs.list_jobs() == []
        monkeypatch.setenv("EMOTION_RAY_TOKEN", "open sesame")
        run = jobs.start(CONFIG)
        wait_until(lambda: state(run) == "finished")
        text = "".join(p.read_text(errors="replace") for p in run.path.iterdir() if p.is_file())
        assert "open sesame" not in text  # it is kept nowhere


def test_data_that_the_cluster_does_not_have_is_named(head, storage, monkeypatch):
    """It is here, under a path that only this machine knows."""
    monkeypatch.setattr(ray_check, "_checked", {})
    client = RayClient(head.address)
    with pytest.raises(RunError, match=r"lacks the data /only/here\.zip\."):
        ray_check.require_cluster(CONFIG.replace(data="/only/here.zip"), client, storage)
    assert not list(storage.glob(".probe-*"))
    monkeypatch.setattr(
        ray_check, "_CHECK", ray_check._CHECK.replace("sys.version_info[:2]", "(3, 1)")
    )
    with pytest.raises(RunError, match=rf"lacks Python 3\.{sys.version_info[1]} \(it has 3\.1\)"):
        ray_check.require_cluster(CONFIG, client, storage)


def test_what_the_cluster_lacks_is_told_and_no_run_is_left(storage, monkeypatch, tmp_path):
    monkeypatch.setattr(ray_check, "_checked", {})
    monkeypatch.setattr(ray_check, "__version__", "99.0")
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
    monkeypatch.setattr(ray_check, "_checked", {})
    monkeypatch.setenv("EMOTION_RAY_ADDRESS", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(RunError, match="cannot be reached"):
        jobs.start(CONFIG)
    with pytest.raises(ConfigError, match="got 'head:8265'"):
        RayClient("head:8265")


def test_a_killed_cluster_fails_its_runs_and_a_restarted_one_goes_on(head):
    run, waiting = jobs.start(LONG.replace(threads=2)), jobs.start(LONG.replace(threads=2))
    wait_until(lambda: run.status().epoch > 1)
    head.kill()
    time.sleep(1.1)  # a state is asked for once a second
    assert state(run) == "running"  # nobody says that it is not: the cluster may come back
    with pytest.raises(RunError, match="cannot be reached"):
        jobs.stop(waiting)
    head.start()
    wait_until(lambda: state(run) == state(waiting) == "failed", 30)
    assert "the cluster does not know the job; it was restarted" in Job.of(run).status.error
    reached = run.status().epoch
    jobs.resume(run)
    wait_until(lambda: run.status().epoch > reached)
    epochs = [row["epoch"] for row in run.metrics()]
    assert epochs == list(range(1, len(epochs) + 1))
    jobs.stop(run)
    wait_until(lambda: state(run) == "stopped")
