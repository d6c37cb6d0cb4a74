"""Training jobs: one process each, one at a time per device, outliving whoever started them.

There is no daemon and no database. A job is a run folder and a process, ``python -m emotion_core
train --run DIR --queue``, which holds the run's lock from its first moment to its last and waits
for its turn by itself. So a closed browser or a killed dashboard stops nothing, and after a
restart ``list_jobs`` finds everything again. The rules that make it safe:

- ``status.json`` is written by the holder of the run's lock and by nobody else. Who wants to
  change a run from outside takes the lock first; who cannot get it sends a signal.
- The system frees a lock when its process dies, so a dead job is seen at once (``Run.status``).
- The jobs at the front of a queue have a process each, those behind them get theirs from whoever
  takes its turn before them.
- A device is a lock too (``.queue-cpu.lock`` in the checkpoints folder); the job that entered the
  queue first takes it first.
"""

import collections
import contextlib
import datetime
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import filelock

from emotion_core import processes
from emotion_core.access import Action, require
from emotion_core.errors import EmotionError, RunError
from emotion_core.paths import checkpoints_dir
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import RAY_FILE, Run
from emotion_core.runs.status import PARKED, Status, now
from emotion_core.runs.trash import delete_run, purge_deleted
from emotion_core.tasks import running_tasks
from emotion_core.training import ray_jobs
from emotion_core.training.engines import require_devices
from emotion_core.training.queue import ACTIVE, Job, queued, turn_of
from emotion_core.training.ray_check import require_cluster
from emotion_core.training.ray_client import RayClient, cluster
from emotion_core.training.settle import settled

FIND_SECONDS = 5.0  # a trainer that has just come up writes its process id within this
UNDO_SECONDS = 3600.0  # a deleted run is kept at least this long
MOST_QUEUED = 1000
MOST_WAITING = 4  # processes of a queue, 40 MB each; the jobs behind them get theirs later


def start(config: TrainConfig, *, here: bool = False) -> Run:
    """Make a run folder and queue a training process for it; returns at once.

    Args:
        config: Its settings.
        here: Train on this machine, also where there is a cluster.

    Raises:
        DataError: there is no data set at the path.
        RunError: there is no such earlier run, it has no weights, or the queue is full.
    """
    require(Action.TRAIN)
    config = settled(config)
    client = None if here else cluster()
    if client:
        require_cluster(config, client, ray_jobs.storage_of(checkpoints_dir()))
    else:
        require_devices(config)
    purge_deleted(older_than=UNDO_SECONDS)
    if not client and sum(1 for _ in queued(checkpoints_dir())) >= MOST_QUEUED:
        raise RunError(
            f"{MOST_QUEUED} jobs are queued already, which is the limit. Stop some, or wait."
        )
    run = create_run(config, queued=_precise_now())
    _enter(run, client)
    return run


def resume(run: Run) -> None:
    """Queue a stopped or failed run again; it goes on after its last saved step.

    It goes on where it was: on the cluster, or on this machine.

    Raises:
        RunError: the run is finished, queued, running or broken.
    """
    require(Action.TRAIN)
    status = Job.of(run).status
    if status.state not in ("stopped", "failed"):
        raise RunError(f"Run '{run.name}' is {status.state}; there is nothing to resume.")
    client = cluster() if ray_jobs.is_remote(run) else None
    (run.path / RAY_FILE).unlink(missing_ok=True)
    with run.locked("resumed"):
        if run.status().queued != status.queued:
            raise RunError(f"Run '{run.name}' was resumed by someone else just now.")
        run.write_status(
            replace(status, state="queued", queued=_precise_now(), finished="", error="", pid=0)
        )
    _enter(run, client)


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
    state = Job.of(run).status.state
    if state not in ACTIVE:
        raise RunError(f"Run '{run.name}' is {state}; only a queued or running one can be stopped.")
    if ray_jobs.is_remote(run):
        ray_jobs.stop(run, force=force)
        return
    try:
        with run.lock().acquire(timeout=0):
            status = run.status()
            if status.state == "queued":  # the process will start later, see this state and exit
                run.write_status(replace(status, state="stopped", finished=now()))
            return
    except filelock.Timeout:
        pass
    processes.end(trainer_pid(run), force=force)


def delete(run: Run) -> None:
    """Take a run away; ``runs.restore_run`` brings it back for at least an hour.

    Raises:
        RunError: it is queued, running, being measured or needed by a job, or is no run folder.
    """
    require(Action.CHANGE_RUN)
    if not run.problem and (state := run.status().state) in ACTIVE:
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


def list_jobs(root: Path | None = None, runs: Sequence[Run] | None = None) -> list[Job]:
    """All runs: running, then queued in their order, then the rest, newest first.

    A run folder that cannot be read is listed as failed, with the reason as its error.

    Args:
        root: Folder of the runs, by default the one in use.
        runs: What ``list_runs`` gave, if it was asked already.
    """
    jobs = []
    for run in list_runs(root) if runs is None else runs:
        try:
            if run.problem:
                raise RunError(run.problem)
            jobs.append(Job.of(run))
        except EmotionError as error:
            jobs.append(Job(run, Status(state="failed", error=str(error))))
    jobs.sort(key=lambda job: job.status.created, reverse=True)
    order = {state: place for place, state in enumerate(ACTIVE)}
    jobs.sort(key=lambda job: (order.get(job.status.state, 2), *turn_of(job)))
    waiting: collections.Counter[str] = collections.Counter()
    for index, job in enumerate(jobs):
        if job.status.state == "queued":
            waiting.update(job.queues)
            position = max((waiting[queue] for queue in job.queues), default=1)
            jobs[index] = replace(job, position=position)
    return jobs


def _precise_now() -> str:
    # Jobs started by one click share a second.
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def wake(root: Path | None = None, runs: Sequence[Run] | None = None) -> None:
    """Give the next queued jobs their processes, up to a few per device.

    Whoever enters the queue or takes its turn calls this. So does whoever looks at the queue, for
    the case that all processes were killed.

    Args:
        root: Folder of the runs, by default the one in use.
        runs: What ``list_runs`` gave, if it was asked already.
    """
    jobs = sorted(queued(root or checkpoints_dir(), runs), key=turn_of)
    waiting = collections.Counter(
        queue for job in jobs if job.status.pid != PARKED for queue in job.queues
    )
    for job in jobs:
        if job.status.pid == PARKED and all(waiting[name] < MOST_WAITING for name in job.queues):
            with contextlib.suppress(filelock.Timeout, RunError), job.run.lock():
                status = job.run.status()
                if (status.state, status.pid) == ("queued", PARKED):
                    job.run.write_status(replace(status, pid=0))
                    _spawn(job.run)
            waiting.update(job.queues)


def _enter(run: Run, client: RayClient | None) -> None:
    """Start a queued run's trainer, at once or when its turn is near; or hand it to a cluster."""
    if client:
        ray_jobs.submit(run, client)
        return
    with run.lock():
        run.write_status(replace(run.status(), pid=PARKED))
    wake(run.path.parent)


def _spawn(run: Run) -> None:
    """Start the trainer in the background of this machine."""
    folder = str(run.path.resolve())
    processes.spawn(["train", "--run", folder, "--queue"], run.log_path, append=True)


def trainer_pid(run: Run) -> int:
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
