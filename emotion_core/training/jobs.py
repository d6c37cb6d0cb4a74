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
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import filelock

from emotion_core import processes
from emotion_core.access import Action, require
from emotion_core.errors import EmotionError, RunError
from emotion_core.machine import this_machine
from emotion_core.paths import checkpoints_dir
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs, run_folders
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status, now
from emotion_core.runs.trash import delete_run, purge_deleted
from emotion_core.tasks import running_tasks
from emotion_core.training.engines import device_count, require_devices
from emotion_core.training.settle import settled

FIND_SECONDS = 5.0  # a trainer that has just come up writes its process id within this
UNDO_SECONDS = 3600.0  # a deleted run is kept at least this long
MOST_QUEUED = 32  # each waiting process holds about 40 MB
_ORDER = {"running": 0, "queued": 1}


@dataclass(frozen=True)
class Job:
    """A run as the queue sees it.

    Attributes:
        run: The run.
        status: What it is doing; ``failed`` with the reason if the folder cannot be read.
        config: Its settings; None if the folder cannot be read.
        position: 1 for the next in the queue, 0 for a run that is not queued.
    """

    run: Run
    status: Status
    config: TrainConfig | None = None
    position: int = 0

    @classmethod
    def of(cls, run: Run) -> Self:
        """Read it.

        Raises:
            RunError: the folder cannot be read.
        """
        return cls(run, run.status(), run.config())

    @property
    def active(self) -> bool:
        """Whether a process is at work or waiting."""
        return self.status.state in _ORDER

    @property
    def queues(self) -> tuple[str, ...]:
        """The devices' queues, ``cpu`` or ``cuda-N``; none if the run is broken."""
        return queue_names(self.config) if self.config else ()


def start(config: TrainConfig) -> Run:
    """Make a run folder and queue a training process for it; returns at once.

    Raises:
        DataError: there is no data set at the path.
        RunError: there is no such earlier run, it has no weights, or the queue is full.
    """
    require(Action.TRAIN)
    config = settled(config)
    require_devices(config)
    purge_deleted(older_than=UNDO_SECONDS)
    if sum(1 for _ in queued(checkpoints_dir())) >= MOST_QUEUED:
        raise RunError(
            f"{MOST_QUEUED} jobs are queued already, which is the limit. Stop some, or wait."
        )
    run = create_run(config, queued=_precise_now())
    _spawn(run)
    return run


def resume(run: Run) -> None:
    """Queue a stopped or failed run again; it goes on after its last saved step.

    Raises:
        RunError: the run is finished, queued, running or broken.
    """
    require(Action.TRAIN)
    status = Job.of(run).status
    if status.state not in ("stopped", "failed"):
        raise RunError(f"Run '{run.name}' is {status.state}; there is nothing to resume.")
    with run.locked("resumed"):
        if run.status().queued != status.queued:
            raise RunError(f"Run '{run.name}' was resumed by someone else just now.")
        run.write_status(
            replace(status, state="queued", queued=_precise_now(), finished="", error="", pid=0)
        )
    _spawn(run)


def stop(run: Run, *, force: bool = False) -> None:
    """Ask a run to stop; returns at once.

    A running one finishes its step, saves and becomes ``stopped``; a queued one leaves the queue.

    Args:
        run: Queued or running.
        force: Kill it instead, for a trainer that does not answer; it shows as failed and resumes
            from its last save.

    Raises:
        RunError: the run is neither queued nor running, or its process cannot be found.
    """
    require(Action.TRAIN)
    state = run.status().state
    if state not in _ORDER:
        raise RunError(f"Run '{run.name}' is {state}; only a queued or running one can be stopped.")
    try:
        with run.lock().acquire(timeout=0):
            status = run.status()
            if status.state == "queued":  # the process will start later, see this state and exit
                run.write_status(replace(status, state="stopped", finished=now()))
            return
    except filelock.Timeout:
        pass
    processes.end(_trainer_pid(run), force=force)


def delete(run: Run) -> None:
    """Take a run away; ``runs.restore_run`` brings it back for at least an hour.

    Raises:
        RunError: it is queued, running, being measured or needed by a job, or is no run folder.
    """
    require(Action.CHANGE_RUN)
    if not run.problem and (state := run.status().state) in _ORDER:
        raise RunError(f"Run '{run.name}' is {state}. Stop it first.")
    if tasks := running_tasks(run):
        raise RunError(
            f"Run '{run.name}' is being worked on ({', '.join(tasks)}). Stop that, or wait for it."
        )
    for job in list_jobs(run.path.parent):
        if job.active and job.config and run.id in job.config.needed():
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
            jobs.append(Job.of(run))
        except EmotionError as error:
            jobs.append(Job(run, Status(state="failed", error=str(error))))
    jobs.sort(key=lambda job: job.status.created, reverse=True)
    jobs.sort(key=lambda job: (_ORDER.get(job.status.state, 2), *turn_of(job)))
    waiting: collections.Counter[str] = collections.Counter()
    for index, job in enumerate(jobs):
        if job.status.state == "queued":
            waiting.update(job.queues)
            position = max((waiting[queue] for queue in job.queues), default=1)
            jobs[index] = replace(job, position=position)
    return jobs


def queued(root: Path) -> Iterator[Job]:
    """The queued jobs of a folder, in no order; of all other runs only ``status.json`` is read."""
    for run in map(Run, run_folders(root)):
        with contextlib.suppress(EmotionError):
            if run.status().state == "queued" and (job := Job.of(run)).status.state == "queued":
                yield job


def turn_of(job: Job) -> tuple[str, str]:
    """Sort key of queued jobs, equal for all others; ISO times in UTC sort as text."""
    if job.status.state != "queued":
        return "", ""
    return job.status.queued or job.status.created, job.run.id


def _precise_now() -> str:
    # Jobs started by one click share a second.
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def queue_names(config: TrainConfig) -> tuple[str, ...]:
    """The queues of a run's devices, ``cpu`` or ``cuda-N``; found out without torch."""
    kind, _, index = config.device.partition(":")
    if kind == "auto":
        kind = this_machine().device
    if kind == "cpu":
        return ("cpu",)
    first = int(index or 0)
    return tuple(f"cuda-{first + at}" for at in range(device_count(config)))


def _spawn(run: Run) -> None:
    """Start the trainer in the background of this machine."""
    folder = str(run.path.resolve())
    processes.spawn(["train", "--run", folder, "--queue"], run.log_path, append=True)


def _trainer_pid(run: Run) -> int:
    """Process id of the run's trainer, which has the run's lock file open."""
    until = time.monotonic() + FIND_SECONDS
    while True:
        pid = run.status().pid
        if pid and processes.has_open(pid, run.path / "run.lock"):
            return pid
        if not run.is_locked():
            raise RunError(f"Run '{run.name}' has just ended.")
        if time.monotonic() > until:
            raise RunError(
                f"Run '{run.name}' is locked, but its process is not on this machine, or belongs "
                "to another user. Stop it where it was started."
            )
        time.sleep(0.05)
