"""Real trainers are killed, stopped, starved of disk and memory; no run folder is ever unreadable."""

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from emotion_core.data.sources import load_data
from emotion_core.errors import TrainingError
from emotion_core.files import write_json
from emotion_core.models import registry
from emotion_core.models.checkpoint import load_classifier
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.training import jobs
from emotion_core.training.failures import Stopped
from emotion_core.training.loop import train

# Trainers run at nice 10, so a busy machine may give them a tenth of a core.
pytestmark = pytest.mark.timeout(900)

CONFIG = TrainConfig(
    model="sequential",
    options={"width": 8},
    data="synthetic:490",
    epochs=3,
    batch_size=16,
    ema=0.9,
    device="cpu",
    threads=1,
)


@pytest.fixture(scope="module", autouse=True)
def places(tmp_path_factory):
    """A checkpoints folder and a cache of their own, the data drawn once."""
    root = tmp_path_factory.mktemp("robustness")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CHECKPOINTS", str(root / "checkpoints"))
        patch.setenv("EMOTION_CACHE", str(root / "cache"))
        load_data(CONFIG.data)
        yield
        for job in jobs.list_jobs():
            if job.active:
                with contextlib.suppress(Exception):
                    jobs.stop(job.run, force=True)


@pytest.fixture(scope="module")
def whole() -> Run:
    """The run that nothing happened to."""
    run = create_run(CONFIG)
    train(run, run.config())
    return run


def trainer(run: Run, **settings: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "emotion_core", "train", "--run", str(run.path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, **settings)


def wait_until(what: Callable[[], bool], seconds: float = 250) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def assert_same_training(run: Run, whole: Run) -> None:
    """Weights and curves are equal, bit for bit; only what the clock measures differs."""
    weights, wanted = load_file(run.weights_path), load_file(whole.weights_path)
    assert weights.keys() == wanted.keys() and len(weights) > 10
    for name, tensor in weights.items():
        assert torch.equal(tensor, wanted[name]), name
    clock = {"seconds", "images_per_second"}
    rows = [[{k: v for k, v in row.items() if k not in clock} for row in r.metrics()]
            for r in (run, whole)]  # fmt: skip
    assert rows[0] == rows[1] and len(rows[0]) == CONFIG.epochs


def assert_readable(run: Run) -> None:
    """Every reader of the folder works; there is nothing half written."""
    assert Run(run.path) in [listed for listed in list_runs() if not listed.problem]
    assert run.config() == CONFIG or run.config().model
    for row in run.metrics():
        assert {"epoch", "val_accuracy", "train_loss"} <= row.keys()
    run.log_tail()
    if run.weights_path.exists():
        assert load_classifier(run, backend="torch").probs(load_data(CONFIG.data).images[:2]).any()
    if run.resume_path.exists():
        torch.load(run.resume_path, weights_only=True)


# The dashboard, as far as its jobs can tell: it starts one and is killed with all that is its own.
DASHBOARD = """
import json, sys, time
from emotion_core.recipes import TrainConfig
from emotion_core.training import jobs
print(jobs.start(TrainConfig.from_dict(json.loads(sys.argv[1]))).path, flush=True)
time.sleep(60)
"""


def test_job_survives_its_dashboard_and_a_killed_one_resumes_to_the_same_weights(whole):
    dashboard = subprocess.Popen(
        [sys.executable, "-c", DASHBOARD, json.dumps(CONFIG.to_dict())],
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    run = Run(Path(dashboard.stdout.readline().strip()))
    os.killpg(dashboard.pid, signal.SIGHUP)
    os.killpg(dashboard.pid, signal.SIGKILL)
    dashboard.wait()
    dashboard.stdout.close()

    wait_until(lambda: any("epoch   1" in line for line in run.log_tail()))
    os.kill(run.status().pid, signal.SIGKILL)
    wait_until(lambda: run.status().state == "failed", seconds=5)
    assert run.status().error == "The training process ended without a result."
    assert 1 <= len(run.metrics()) < CONFIG.epochs
    assert_readable(run)

    jobs.resume(run)
    wait_until(lambda: run.status().state == "finished")
    assert_same_training(run, whole)
    assert run.report().test == whole.report().test


def test_stopped_job_saves_and_resumes_to_the_same_weights(whole):
    run = jobs.start(CONFIG)
    wait_until(lambda: run.status().epoch >= 1)
    jobs.stop(run)
    wait_until(lambda: run.status().state == "stopped" and not run.is_locked())
    assert "Stopped and saved. Go on with: python -m emotion_core train --resume" in (
        run.log_path.read_text()
    )
    assert_readable(run)

    jobs.resume(run)
    wait_until(lambda: run.status().state == "finished")
    assert_same_training(run, whole)
    assert any("resumed after epoch" in line for line in run.log_tail(100))


def test_loss_that_is_no_number_stops_and_keeps_the_last_good_weights():
    run, stop = create_run(CONFIG), threading.Event()
    with pytest.raises(Stopped):
        train(
            run, run.config(), stop=stop, on_progress=lambda progress: progress.row and stop.set()
        )
    epochs, good = len(run.metrics()), run.weights_path.read_bytes()

    # The learning rate explodes after the good epochs.
    write_json(run.path / "config.json", CONFIG.replace(lr=10.0, clip_norm=0.0).to_dict())
    state = torch.load(run.resume_path, weights_only=True)
    state["model"] = {
        name: tensor * 1e20 if tensor.is_floating_point() else tensor
        for name, tensor in state["model"].items()
    }
    torch.save(state, run.resume_path)
    done = trainer(run)

    assert done.returncode == 2 and "Traceback" not in done.stderr
    status = run.status()
    assert status.state == "failed" and f"error: {status.error}\n" == done.stderr
    assert f"The loss is not a number at epoch {epochs + 1}, step " in status.error
    assert "Lower lr (now 10)" in status.error
    assert "The weights of epoch " in status.error and status.error.endswith("are kept.")
    assert run.weights_path.read_bytes() == good
    assert_readable(run)


def limit_file_size(run: Run) -> subprocess.CompletedProcess:
    """Train where no file may be longer than 60 kB: works for every user."""
    return trainer(run, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000,) * 2))


def test_file_that_does_not_fit_on_the_disk_ends_training_in_one_line():
    run = create_run(CONFIG)
    done = limit_file_size(run)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "error: The disk is full: File too large. Free some space, then resume" in done.stderr
    assert run.status().state == "failed" and "The disk is full" in run.status().error
    assert not list(run.path.glob(".*.tmp"))
    assert_readable(run)


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A file system of 1 MB; needs root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(disk))
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_full_disk_ends_training_in_one_line_and_space_lets_it_go_on(small_disk):
    run = create_run(CONFIG.replace(epochs=1))
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        file.truncate(0)
        for _ in range(200):
            file.write(bytes(4096))
    done = trainer(run)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "error: The disk is full: No space left on device. Free some space" in done.stderr
    assert run.status().state == "failed"
    assert_readable(run)

    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    train(run, run.config())
    assert run.status().state == "finished"
    assert_readable(run)


# Writes all that a trainer writes, without pause and without torch.
WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from emotion_core.files import atomic_path
from emotion_core.runs.run import Run

run = Run(Path(sys.argv[1]))
lock = run.lock()
lock.acquire()
run.remove_leftovers()
status = replace(run.status(), state="running")
run.write_status(status)
print("writing", flush=True)
row = {"val_accuracy": 0.5, "train_loss": 1.5}
for epoch in range(1, 10**9):
    run.write_status(replace(status, epoch=epoch))
    run.append_metrics({"epoch": epoch} | row)
    with atomic_path(run.resume_path) as path:
        path.write_bytes(b"begin" + bytes(300_000) + b"end")
"""


def test_kill_in_the_middle_of_a_write_leaves_old_or_new_but_never_half():
    run = create_run(CONFIG)
    for pause in (0.0, 0.003, 0.011, 0.019, 0.027, 0.04):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(run.path)], stdout=subprocess.PIPE
        )
        process.stdout.readline()
        time.sleep(pause)
        process.kill()
        process.wait()
        process.stdout.close()
        assert run.status().state == "failed"
        assert all(row["val_accuracy"] == 0.5 for row in run.metrics())
        if run.resume_path.exists():
            saved = run.resume_path.read_bytes()
            assert len(saved) == 300_008 and saved.endswith(b"end")
    run.remove_leftovers()
    assert not list(run.path.glob(".*.tmp"))


class Hungry(nn.Module):
    """Runs out of memory, as CUDA does, when it gets more images than ``fits``."""

    def __init__(self, fits: int) -> None:
        super().__init__()
        self.fits = fits
        self.head = nn.Linear(48 * 48, 7)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self.head(images.flatten(1))


@pytest.mark.parametrize(
    ("fits", "message"),
    [
        (
            20,
            r"Out of memory on cpu with batch_size 64\. 16 fits: start again with --batch-size 16",
        ),
        (1, r"Out of memory on cpu even with 2 images per step\. Choose a smaller model\."),
    ],
)
def test_out_of_memory_names_the_batch_size_that_fits(monkeypatch, fits, message):
    monkeypatch.setitem(registry._BUILDERS, "hungry", lambda: Hungry(fits))
    run = create_run(CONFIG.replace(model="hungry", options={}, batch_size=64, ema=0.0))
    with pytest.raises(TrainingError, match=message):
        train(run, run.config(), load_data(CONFIG.data))
    assert run.status().state == "failed"
    assert run.status().error.startswith("Out of memory on cpu")
    assert_readable(run)


def test_kills_at_random_moments_change_nothing(whole):
    run, chance = create_run(CONFIG), random.Random(5)
    command = [sys.executable, "-m", "emotion_core", "train", "--run", str(run.path)]
    steps = whole.status().epochs * whole.metrics()[0]["step"]
    for moment in sorted(chance.sample(range(steps), 3)):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
            wait_until(lambda moment=moment: one.poll() is not None or steps_done(run) >= moment)
            time.sleep(chance.uniform(0, 0.1))
            one.kill()
        assert_readable(run)
    done = trainer(run)
    assert done.returncode == 0, done.stderr
    assert_same_training(run, whole)
    assert run.report().test == whole.report().test


def steps_done(run: Run) -> int:
    """Steps as ``progress.jsonl`` and ``metrics.jsonl`` tell them, which is once a second."""
    rows, begun = run.metrics(), run.progress()
    done = rows[-1]["step"] if rows else 0
    return done + (begun[-1]["step"] if begun else 0)
