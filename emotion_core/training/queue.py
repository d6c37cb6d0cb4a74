"""What waits and works, in its order, as any process sees it. Does not load torch."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from emotion_core.errors import EmotionError
from emotion_core.machine import this_machine
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import run_folders
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status
from emotion_core.training import ray_jobs
from emotion_core.training.engines import device_count

ACTIVE = ("running", "queued")


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
        status = run.status()
        if ray_jobs.is_remote(run):
            status = ray_jobs.followed(run, status)
        return cls(run, status, run.config())

    @property
    def active(self) -> bool:
        """Whether a process is at work or waiting."""
        return self.status.state in ACTIVE

    @property
    def queues(self) -> tuple[str, ...]:
        """The devices' queues, ``cpu`` or ``cuda-N``, or ``ray``; none if the run is broken."""
        if self.config is None:
            return ()
        return ("ray",) if ray_jobs.is_remote(self.run) else queue_names(self.config)


def queued(root: Path, runs: Iterable[Run] | None = None) -> Iterator[Job]:
    """Jobs that wait for this machine, in no order; of all other runs only ``status.json`` is read.

    Args:
        root: Folder of the runs.
        runs: Those of the folder, if it was looked through already.
    """
    for run in map(Run, run_folders(root)) if runs is None else runs:
        with contextlib.suppress(EmotionError):
            if run.status().state != "queued" or ray_jobs.is_remote(run):
                continue
            if (job := Job.of(run)).status.state == "queued":
                yield job


def turn_of(job: Job) -> tuple[str, str]:
    """Sort key of queued jobs, equal for all others; ISO times in UTC sort as text."""
    if job.status.state != "queued":
        return "", ""
    return job.status.queued or job.status.created, job.run.id


def queue_names(config: TrainConfig) -> tuple[str, ...]:
    """The queues of a run's devices, ``cpu`` or ``cuda-N``; found out without torch."""
    kind, _, index = config.device.partition(":")
    if kind == "auto":
        kind = this_machine().device
    if kind == "cpu":
        return ("cpu",)
    first = int(index or 0)
    return tuple(f"cuda-{first + at}" for at in range(device_count(config)))
