"""Training jobs: one process each, one at a time per device, outliving whoever started them.

There is no daemon and no database. A job is a run folder and a process, ``python -m emotion_core
train --run DIR --queue``, which holds the run's lock from its first moment to its last and waits
for its turn by itself. So a closed browser or a killed dashboard stops nothing, and after a
restart ``list_jobs`` finds everything again. The rules that make it safe:

- ``status.json`` is written by the holder of the run's lock and by nobody else. Who wants to
  change a run from outside takes the lock first; who cannot get it sends a signal.
- The system frees a lock when its process dies, so a dead job is seen at once (``Run.status``).
- A device is a lock too (``.queue-cpu.lock`` in the checkpoints folder); the job that entered the
  queue first takes it first.
"""

import collections
import contextlib
import datetime
import importlib.metadata
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import filelock

from emotion_core.data.fer2013 import FER2013_SPEC, find_fer2013, source_path
from emotion_core.data.label_tables import split_labels, with_labels
from emotion_core.errors import EmotionError, RunError
from emotion_core.paths import PROJECT, checkpoints_dir
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs, pick_run
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status, now
from emotion_core.runs.trash import delete_run, purge_deleted
from emotion_core.tasks import running_tasks
from emotion_core.training.refit import chosen_run

POLL_SECONDS = 0.5  # how often a waiting job looks whether its device is free
FIND_SECONDS = 5.0  # a trainer that has just come up writes its process id within this
UNDO_SECONDS = 3600.0  # a deleted run is kept at least this long
_ORDER = {"running": 0, "queued": 1}
_held: list[filelock.FileLock] = []  # a lock object that is collected frees its lock


@dataclass(frozen=True)
class Job:
    """A run as the queue sees it.

    Attributes:
        queue: The device's queue, ``cpu`` or ``cuda-N``; empty if the run is broken.
        position: 1 for the next in the queue, 0 for a run that is not queued.
    """

    run: Run
    status: Status
    queue: str = ""
    position: int = 0

    @property
    def active(self) -> bool:
        """Whether a process is at work or waiting."""
        return self.status.state in _ORDER


def settled(config: TrainConfig) -> TrainConfig:
    """The config with what it names found: a resume may run in another folder, or much later.

    Returns:
        Its data's path made absolute, and earlier runs by their ids, which never change.

    Raises:
        DataError: there is no data set at the path.
        RunError: there is no such earlier run, or it has no weights.
        TrainingError: a refit has other settings than the run that it names.
    """
    from emotion_core.data.faces import is_synthetic
    from emotion_core.data.sources import recognise, synthetic_count

    data = config.data
    place, labels = split_labels(data)
    if place == FER2013_SPEC:
        find_fer2013()
    elif is_synthetic(place):
        synthetic_count(place)
    else:
        source = source_path(place)
        recognise(source)
        data = with_labels(str(source), labels)
    refit = _lasting_name(chosen_run(config)) if config.refit else ""
    return config.with_earlier(_run_with_weights).replace(data=data, refit=refit)


def _run_with_weights(name: str) -> str:
    # A refit has learned the faces that would validate a new run.
    run = pick_run(name, refits=False)
    if not run.weights_path.exists():
        raise RunError(f"Run '{run.name}' has no weights, so nothing can be taken from it.")
    return _lasting_name(run)


def _lasting_name(run: Run) -> str:
    return run.id if run.path.parent.resolve() == checkpoints_dir().resolve() else str(run.path)


def start(config: TrainConfig) -> Run:
    """Make a run folder and queue a training process for it; returns at once.

    Raises:
        DataError: there is no data set at the path.
        RunError: there is no such earlier run, or it has no weights.
    """
    config = settled(config)
    purge_deleted(older_than=UNDO_SECONDS)
    run = create_run(config)
    with run.locked("started"):
        run.write_status(replace(run.status(), queued=_precise_now()))
    _spawn(run)
    return run


def resume(run: Run) -> None:
    """Queue a stopped or failed run again; it goes on after its last saved step.

    Raises:
        RunError: the run is finished, queued, running or broken.
    """
    status, config = run.status(), run.config()
    if status.state not in ("stopped", "failed"):
        raise RunError(f"Run '{run.name}' is {status.state}; there is nothing to resume.")
    with run.locked("resumed"):
        if run.status().queued != status.queued:
            raise RunError(f"Run '{run.name}' was resumed by someone else just now.")
        run.write_status(
            replace(
                status,
                state="queued",
                queued=_precise_now(),
                finished="",
                error="",
                pid=0,
                epochs=config.epochs,
            )
        )
    _spawn(run)


def stop(run: Run, *, force: bool = False) -> None:
    """Ask a run to stop; returns at once.

    A running one finishes its step, saves and becomes ``stopped``; a queued one leaves the queue.

    Args:
        force: Kill it instead, for a trainer that does not answer; it shows as failed and resumes
            from its last save.

    Raises:
        RunError: the run is neither queued nor running, or its process cannot be found.
    """
    state = run.status().state
    if state not in _ORDER:
        raise RunError(f"Run '{run.name}' is {state}; only a queued or running one can be stopped.")
    try:
        with run.lock().acquire(timeout=0):
            status = run.status()
            if status.state == "queued":  # its process comes up later, reads this and leaves
                run.write_status(replace(status, state="stopped", finished=now()))
            return
    except filelock.Timeout:
        pass
    pid = _trainer_pid(run)
    send = signal.SIGKILL if force else signal.SIGTERM
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, send)
        else:  # started by hand inside a script, whose group is not ours to end
            os.kill(pid, send)
    except ProcessLookupError:
        return  # it ended by itself


def delete(run: Run) -> None:
    """Take a run away; ``runs.restore_run`` brings it back for at least an hour.

    Raises:
        RunError: it is queued, running, being measured or needed by a job, or is no run folder.
    """
    if not run.problem and run.status().state in _ORDER:
        raise RunError(f"Run '{run.name}' is {run.status().state}. Stop it first.")
    if tasks := running_tasks(run):
        raise RunError(
            f"Run '{run.name}' is being worked on ({', '.join(tasks)}). Stop that, or wait for it."
        )
    for job in list_jobs(run.path.parent):
        if job.active and run.id in job.run.config().needed():
            raise RunError(
                f"Run '{run.name}' is needed by '{job.run.name}', which is {job.status.state}. "
                "Stop that first."
            )
    delete_run(run)


def list_jobs(root: Path | None = None) -> list[Job]:
    """All runs: running, then queued in their order, then the rest, newest first.

    A run folder that cannot be read is listed as failed, with the reason as its error.
    """
    jobs = []
    for run in list_runs(root):
        try:
            if run.problem:
                raise RunError(run.problem)
            jobs.append(Job(run, run.status(), _queue_name(run.config().device)))
        except EmotionError as error:
            jobs.append(Job(run, Status(state="failed", error=str(error))))
    jobs.sort(key=lambda job: (_ORDER.get(job.status.state, 2), *_rank(job)))
    waiting: collections.Counter[str] = collections.Counter()
    for index, job in enumerate(jobs):
        if job.status.state == "queued":
            waiting[job.queue] += 1
            jobs[index] = replace(job, position=waiting[job.queue])
    return jobs


def wait_for_turn(run: Run, device: str, stop: threading.Event) -> bool:
    """Wait until a device is free and no earlier job waits for it. Runs inside the trainer.

    Call it before loading torch, which a waiting process must not keep in memory. The run's lock
    and the device's are held from here to the end of the process.

    Args:
        run: The run to train.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        stop: Set by the handlers of SIGTERM and SIGINT: leave the queue.

    Returns:
        Whether to train; False if the run was stopped before its turn came.

    Raises:
        RunError: another process trains this run.
    """
    lock = run.lock()
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RunError(f"Run '{run.name}' is being trained by another process.") from error
    _held.append(lock)
    status = run.status()
    if status.state != "queued":
        print(f"Run '{run.name}' is {status.state}; not training it.", flush=True)
        return False
    run.write_status(replace(status, pid=os.getpid()))
    queue = _queue_name(device)
    turn = filelock.FileLock(run.path.parent / f".queue-{queue}.lock", timeout=0)
    told = False
    while not stop.is_set():
        with contextlib.suppress(filelock.Timeout):
            turn.acquire()
            if _is_first(run, queue):
                _held.append(turn)
                return True
            turn.release()
        if not told:
            print(f"Queued: other jobs come first on {queue}.", flush=True)
            told = True
        time.sleep(POLL_SECONDS)  # not stop.wait: its lock can be held when the handler sets it
        if not run.path.is_dir():
            raise RunError(f"{run.path} was removed while the run was queued.")
    run.write_status(replace(status, state="stopped", finished=now()))
    print("Stopped before its turn came.", flush=True)
    return False


def _is_first(run: Run, queue: str) -> bool:
    """Whether no other queued job of the device entered the queue earlier."""
    jobs = list_jobs(run.path.parent)
    waiting = [job for job in jobs if job.status.state == "queued" and job.queue == queue]
    return not waiting or waiting[0].run.id == run.id


def _rank(job: Job) -> tuple[float, str]:
    """Sort key: the queue's order for queued jobs, newest first for all others."""
    if job.status.state == "queued":
        return _seconds(job.status.queued or job.status.created), job.run.id
    return -_seconds(job.status.created), job.run.id


def _seconds(iso_time: str) -> float:
    try:
        return datetime.datetime.fromisoformat(iso_time).timestamp()
    except ValueError:
        return 0.0


def _precise_now() -> str:
    # Jobs started by one click share a second.
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def _queue_name(device: str) -> str:
    """Which queue a device setting belongs to: ``cpu`` or ``cuda-N``; found out without torch."""
    kind, _, index = device.partition(":")
    if kind == "auto":
        kind = "cuda" if _has_cuda() else "cpu"
    return "cpu" if kind == "cpu" else f"cuda-{index or 0}"


def _has_cuda() -> bool:
    if not Path("/proc/driver/nvidia/version").exists():
        return False
    try:
        return not importlib.metadata.version("torch").endswith("+cpu")
    except importlib.metadata.PackageNotFoundError:
        return False


def _spawn(run: Run) -> None:
    """Start the trainer in the background of this machine.

    ``nice`` keeps the live page fluent. It works only inside one session (Linux shares the
    processor by session), so the trainer gets a process group of its own and no session; ``nohup``
    then keeps it alive when the terminal closes.
    """
    command = ["nice", "-n", "10", "nohup", sys.executable, "-m", "emotion_core"]
    command += ["train", "--run", str(run.path.resolve()), "--queue"]
    paths = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    with run.log_path.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
            env=environment,
        )
    # Without somebody waiting, a dead child stays in the process table for the dashboard's life.
    threading.Thread(target=process.wait, daemon=True, name=f"wait {run.name}").start()


def _trainer_pid(run: Run) -> int:
    """Process id of the run's trainer, which holds the run's lock.

    The number alone could belong to another process by now, so it has to have the lock file open.
    """
    until = time.monotonic() + FIND_SECONDS
    while True:
        pid = run.status().pid
        if pid and _has_open(pid, run.path / "run.lock"):
            return pid
        if not run.is_locked():
            raise RunError(f"Run '{run.name}' has just ended.")
        if time.monotonic() > until:
            raise RunError(
                f"Run '{run.name}' is locked, but its process is not on this machine, or belongs "
                "to another user. Stop it where it was started."
            )
        time.sleep(0.05)


def _has_open(pid: int, path: Path) -> bool:
    """Whether a process has a file open; believed where the system has no ``/proc``."""
    if not Path("/proc/self/fd").exists():
        return True
    try:
        return any(
            link.exists() and link.samefile(path) for link in Path(f"/proc/{pid}/fd").iterdir()
        )
    except OSError:
        return False
