"""What runs cost beyond their training: start and end by engine, the queue's order and its page."""

import argparse
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.command import Figures, measure
from benchmarks.samples import copy_runs
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.training import jobs
from emotion_core.training.queue import Job
from emotion_core.training.ray_client import ENDED

HELP = "seconds that each engine adds to a run, and a queue of hundreds: order, hand-over, page"

_SMALL = TrainConfig(
    options={"width": 8},
    data="synthetic:70",
    epochs=1,
    batch_size=12,
    device="cpu",
    threads=1,
    precision="fp32",
)
_LOCAL = ["-m", "emotion_core", "train", "--run"]
_ONE_RANK = """
import sys, threading
from pathlib import Path
from emotion_core.runs.run import Run
from emotion_core.training.engines import launch
run = Run(Path(sys.argv[1]))
launch(run, run.config(), threading.Event())
"""
# What `train --run DIR --queue` does, without the training.
_TURN = """
import sys, threading
from dataclasses import replace
from pathlib import Path
from emotion_core.runs.run import Run
from emotion_core.runs.status import now
from emotion_core.training import jobs
from emotion_core.training.queue import Job
from emotion_core.training.turn import wait_for_turn
import benchmarks.scale as scale
jobs._spawn = scale.spawn_turn
run = Run(Path(sys.argv[1]))
if wait_for_turn(run, threading.Event()):
    with (run.path.parent / "order.txt").open("a") as file:
        file.write(run.id + "\\n")
    run.write_status(replace(run.status(), state="finished", finished=now()))
"""
_ORDER_SECONDS = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the benchmark."""
    parser.add_argument("--rounds", type=int, default=3, help="runs per engine (default: 3)")
    parser.add_argument("--queued", type=int, default=200, help="runs in the queue (default: 200)")
    parser.add_argument(
        "--finished", type=int, default=0, help="finished runs beside the queue (default: 0)"
    )


def run(args: argparse.Namespace) -> Figures:
    """Train small runs with each engine, then let a queue pass."""
    with _places() as root:
        figures: Figures = {"overhead_seconds": overheads(root, args.rounds) if args.rounds else {}}
        for name, (seconds, cpu) in figures["overhead_seconds"].items():
            print(f"{name:12} {seconds:6.1f} s per run beside its steps, {cpu:.1f} s of a core")
        if os.environ.get("EMOTION_RAY_ADDRESS") and args.rounds:
            figures["ray_seconds"] = ray_figures()
            for name, value in figures["ray_seconds"].items():
                print(f"Ray, {name}: {value:.3f} s")
    if not args.queued:
        return figures
    with _places() as root:
        copy_runs(root, args.finished)
        figures |= queue_figures(root, args.queued)
        print(
            f"{args.queued} queued: {figures['start_seconds']:.2f} s to start each, "
            f"{figures['hand_over_seconds']:.2f} s from one to the next, "
            f"order kept: {figures['order_kept']}, Training page "
            f"{figures['page_seconds']:.2f} s, list {figures['list_seconds']:.3f} s"
        )
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("scale", HELP, add_arguments, run, argv)


def overheads(root: Path, rounds: int) -> dict[str, tuple[float, float]]:
    """Median seconds from the start to the report of a run, less those of its steps; and seconds of
    a core in all, which a busy machine changes less (NaN where they are not ours to see)."""
    engines = {"local": _LOCAL, "torchrun": ["-c", _ONE_RANK]}
    found = {
        name: [_spent(create_run(_SMALL, root), command) for _ in range(rounds)]
        for name, command in engines.items()
    }
    if os.environ.get("EMOTION_RAY_ADDRESS"):
        os.environ.pop("EMOTION_CHECKPOINTS")
        jobs.start(_SMALL)  # also asks the cluster what it lacks, once
        found["ray"] = [_spent_on_ray() for _ in range(rounds)]
    return {name: sorted(values)[len(values) // 2] for name, values in found.items()}


def ray_figures(count: int = 20) -> dict[str, float]:
    """Median seconds of what each job asks of the cluster, without any training.

    Args:
        count: Requests of a kind.
    """
    from emotion_core.training.ray_client import cluster

    client = cluster()
    if client is None:
        return {}
    handed, ids = [], []
    for _ in range(count):
        started = time.monotonic()
        ids.append(client.submit("true", environment={}, cpus=0))
        handed.append(time.monotonic() - started)
    asked = []
    for _ in ids:
        started = time.monotonic()
        client.jobs()
        asked.append(time.monotonic() - started)
    started, left = time.monotonic(), set(ids)
    while left and time.monotonic() - started < _ORDER_SECONDS:
        left -= {id for id in left if client.job(id).state in ENDED}
        time.sleep(0.2)
    return {
        "to hand over a job": statistics.median(handed),
        "to ask for the states of all": statistics.median(asked),
        f"for {count} jobs that do nothing to end": time.monotonic() - started,
    }


def queue_figures(root: Path, count: int) -> Figures:
    """A queue of runs that do nothing: seconds per start and hand-over, order, page, list."""
    os.environ.pop("EMOTION_RAY_ADDRESS", None)
    gate = root / ".queue-cpu.lock"
    jobs._spawn = spawn_turn
    import filelock

    started = time.monotonic()
    with filelock.FileLock(gate):  # nothing begins before all are queued
        runs = [jobs.start(_SMALL) for _ in range(count)]
        start = (time.monotonic() - started) / count
        listing = time.monotonic()
        jobs.list_jobs()
        listed = time.monotonic() - listing
        page = _page_seconds()
        begun = time.monotonic()
    order = root / "order.txt"
    while not order.exists() or len(order.read_text().splitlines()) < count:
        if time.monotonic() - begun > _ORDER_SECONDS:
            raise TimeoutError(f"the queue did not pass within {_ORDER_SECONDS:.0f} s")
        time.sleep(0.2)
    return {
        "start_seconds": start,
        "list_seconds": listed,
        "page_seconds": page,
        "hand_over_seconds": (time.monotonic() - begun) / count,
        "order_kept": order.read_text().splitlines() == [one.id for one in runs],
    }


def spawn_turn(run: Run) -> None:
    """In the place of ``jobs._spawn``: a process that takes its turn and ends."""
    subprocess.Popen(
        [sys.executable, "-c", _TURN, str(run.path)],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        process_group=0,
    )


def _spent(run: Run, command: list[str]) -> tuple[float, float]:
    started, before = time.monotonic(), _cpu_seconds()
    subprocess.run(
        [sys.executable, *command, str(run.path)],
        cwd=PROJECT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    beside = time.monotonic() - started - run.status().train_seconds
    return beside, _cpu_seconds() - before


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _spent_on_ray() -> tuple[float, float]:
    started = time.monotonic()
    run = jobs.start(_SMALL)
    while (status := Job.of(run).status).state != "finished":
        if status.state in ("failed", "stopped"):
            raise RuntimeError(f"the run on Ray is {status.state}: {status.error}")
        time.sleep(0.2)
    return time.monotonic() - started - status.train_seconds, math.nan  # of other processes


def _page_seconds() -> float:
    """The second run of the Training page."""
    from streamlit.testing.v1 import AppTest

    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=120).run()
    page.switch_page("pages/training.py").run()
    started = time.monotonic()
    page.run()
    if page.exception:
        raise RuntimeError(page.exception[0].message)
    return time.monotonic() - started


@contextmanager
def _places() -> Iterator[Path]:
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="emotion-scale-") as folder:
        os.environ["EMOTION_CHECKPOINTS"] = folder
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            yield Path(folder)
        finally:
            os.environ.clear()
            os.environ.update(before)


if __name__ == "__main__":
    sys.exit(main())
