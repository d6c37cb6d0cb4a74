"""How far the kept sweeps are, from their runs and from whether a process asks for trials."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from emotion_core.errors import RunError
from emotion_core.training import searcher
from emotion_core.training.queue import ACTIVE, Job
from emotion_core.training.sweep import Sweep, read_sweep, sweep_names, trial_of


@dataclass(frozen=True)
class SweepState:
    """One sweep.

    Attributes:
        sweep: What is searched or repeated.
        jobs: Its runs, by trial and seed.
        state: ``running``, ``finished``, or ``stopped``, which can be resumed.
        problem: Why it stopped, where that was an error.
    """

    sweep: Sweep
    jobs: tuple[Job, ...]
    state: str
    problem: str = ""

    @property
    def trials(self) -> dict[int, list[Job]]:
        """The runs of each trial that was begun, by its number."""
        groups = itertools.groupby(self.jobs, key=lambda job: _place(job)[0])
        return {number: list(members) for number, members in groups}

    @property
    def ended(self) -> int:
        """How many trials have ended: all seeds are trained, or one was stopped or failed."""
        return sum(
            any(job.status.state in ("stopped", "failed") for job in members)
            or sum(job.status.state == "finished" for job in members) >= self.sweep.seeds
            for members in self.trials.values()
        )


def sweep_states(found: Sequence[Job]) -> list[SweepState]:
    """The sweeps, the newest first.

    Left out is one whose file is damaged, and one of whose runs none is here: they were deleted, or
    are in another folder.

    Args:
        found: All runs.
    """
    members: dict[str, list[Job]] = {}
    for job in found:
        if not job.run.problem and (place := trial_of(job.run.name)):
            members.setdefault(place[0], []).append(job)
    states = []
    for name in sweep_names():
        try:
            sweep = read_sweep(name)
        except RunError:
            continue
        jobs = tuple(sorted(members.get(name, []), key=_place))
        state = _state(sweep, jobs)
        problem = searcher.problem(name) if state == "stopped" else ""
        if jobs or state == "running" or problem:
            states.append(SweepState(sweep, jobs, state, problem))
    return states


def _state(sweep: Sweep, jobs: Sequence[Job]) -> str:
    if sweep.ranges:
        if searcher.is_at_work(sweep.name):
            return "running"
        return "finished" if searcher.has_ended(sweep.name) else "stopped"
    if any(job.status.state in ACTIVE for job in jobs):
        return "running"
    done = sum(job.status.state == "finished" for job in jobs)
    return "finished" if done >= sweep.seeds else "stopped"


def _place(job: Job) -> tuple[int, int]:
    place = trial_of(job.run.name)
    return place[1:] if place else (0, 0)
