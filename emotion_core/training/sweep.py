"""Many runs of one kind: repeated with several seeds, or searched by Optuna.

A run of a sweep is called SWEEP-TRIAL-sSEED, which is all that ties it to its trial. So whatever was
killed, looking at the runs by name tells where to go on. What is searched is kept as
``sweeps/NAME.json`` under ``EMOTION_HOME``, what was asked and told in Optuna's SQLite file beside
that folder. The runs themselves are jobs like any other.
"""

import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emotion_core.access import Action, require
from emotion_core.errors import ConfigError, RunError
from emotion_core.files import read_json, write_json
from emotion_core.paths import home_dir
from emotion_core.recipes import TrainConfig
from emotion_core.records import Scalar
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.run import Run
from emotion_core.train_settings import check_name
from emotion_core.training import jobs
from emotion_core.training.queue import Job
from emotion_core.training.ranges import Range, parse_range, with_values
from emotion_core.training.settle import settled

_LONGEST_NAME = 40  # what the trial and the seed add still fits a run's name
_RUN = re.compile(r"(.+)-(\d{3,})-s(\d+)")


@dataclass(frozen=True)
class Sweep:
    """What is searched.

    Attributes:
        name: Unique; the names of its runs begin with it.
        base: Settings of all runs; its seed is the first one.
        ranges: What is varied; nothing for mere repeats.
        seeds: Runs of each trial.
        trials: How many settings are tried.
        at_once: Trials in the queue at a time.
        prune: Whether trials are stopped that are poor beside the earlier ones.
        here: Whether its runs stay on this machine where there is a cluster, too.
    """

    name: str
    base: TrainConfig
    ranges: tuple[Range, ...] = ()
    seeds: int = 1
    trials: int = 1
    at_once: int = 1
    prune: bool = True
    here: bool = False

    def __post_init__(self) -> None:
        """Raises ConfigError."""
        check_name(self.name)
        if len(self.name) > _LONGEST_NAME:
            raise ConfigError(f"A sweep's name has at most {_LONGEST_NAME} letters.")
        for what, count, most in (
            ("seeds", self.seeds, 100),
            ("trials", self.trials, 10_000),
            ("at_once", self.at_once, jobs.MOST_QUEUED),
        ):
            if not 1 <= count <= most:
                raise ConfigError(f"{what} must be from 1 to {most}, got {count}.")
        if self.base.final:
            raise ConfigError(
                "A final training has no validation, so nothing can be searched by it."
            )

    def configs(self, number: int, values: Mapping[str, Any]) -> list[TrainConfig]:
        """The settings of a trial's runs, one per seed.

        Raises:
            ConfigError: a value breaks a rule.
        """
        varied = with_values(self.base, values)
        return [
            varied.replace(
                name=f"{self.name}-{number:03d}-s{seed}", tag=self.name[:30], note="", seed=seed
            )
            for seed in range(self.base.seed, self.base.seed + self.seeds)
        ]

    def combinations(self) -> list[dict[str, Scalar]]:
        """All settings there are to try; none where a range is an interval."""
        if not self.ranges or not all(one.choices for one in self.ranges):
            return []
        if math.prod(len(one.choices) for one in self.ranges) > self.trials:
            return []
        names = [one.name for one in self.ranges]
        values = itertools.product(*(one.choices for one in self.ranges))
        return [dict(zip(names, drawn, strict=True)) for drawn in values]

    def to_dict(self) -> dict[str, object]:
        """As ``from_dict`` reads it."""
        return {
            "base": self.base.to_dict(),
            "ranges": [one.text for one in self.ranges],
            "seeds": self.seeds,
            "trials": self.trials,
            "at_once": self.at_once,
            "prune": self.prune,
            "here": self.here,
        }

    @classmethod
    def from_dict(cls, name: str, values: Mapping[str, Any]) -> "Sweep":
        """What ``to_dict`` gave."""
        base = TrainConfig.from_dict(values["base"])
        ranges = tuple(map(parse_range, values["ranges"]))
        others = {key: value for key, value in values.items() if key not in ("base", "ranges")}
        return cls(name, base, ranges, **others)


def keep_sweep(sweep: Sweep, *, new: bool = False) -> Sweep:
    """Write down a sweep, as it is started.

    Args:
        sweep: The same may be kept again.
        new: Unless it must be a new one.

    Returns:
        The same with its settings settled, and no more trials than there are settings to try.

    Raises:
        RunError: there is another sweep of the name.
        ConfigError: a value that may be drawn breaks a rule.
        DataError: there is no data.
    """
    require(Action.TRAIN)
    trials = len(sweep.combinations()) or (sweep.trials if sweep.ranges else 1)
    sweep = replace(sweep, base=settled(sweep.base), trials=trials)
    for end in (0, -1):  # a rule between two settings is told before the first run
        sweep.configs(0, {one.name: one.ends[end] for one in sweep.ranges})
    path, values = sweep_file(sweep.name), json.loads(json.dumps(sweep.to_dict()))
    if path.exists() and (new or read_json(path) != values):
        raise RunError(
            f"There is a sweep '{sweep.name}'. Go on with it: python -m emotion_core sweep resume "
            f"{sweep.name}. Or choose another name."
        )
    write_json(path, values, parents=True)
    return sweep


def read_sweep(name: str) -> Sweep:
    """A kept sweep.

    Raises:
        RunError: there is none of the name, or its file is damaged.
    """
    if name not in sweep_names():
        known = ", ".join(sweep_names()) or "none"
        raise RunError(f"There is no sweep '{name}'. Known: {known}.")
    try:
        return Sweep.from_dict(name, read_json(sweep_file(name)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ConfigError) as error:
        raise RunError(f"{sweep_file(name)} cannot be read ({error}). Remove it.") from error


def sweep_names() -> list[str]:
    """Names of the kept sweeps, the newest first."""
    found = [(path.stat().st_mtime_ns, path.stem) for path in sweep_file("*").parent.glob("*.json")]
    return [name for _, name in sorted(found, reverse=True)]


def sweep_file(name: str, ending: str = "json") -> Path:
    """Where a sweep is kept; with another ending a file that belongs to it."""
    return home_dir() / "sweeps" / f"{name}.{ending}"


def free_name(wish: str, taken: Iterable[str] = ()) -> str:
    """A sweep's name that no sweep has, and no run of one: the wish, with a number where needed.

    Args:
        wish: It is cut where it is too long.
        taken: Names of the runs.
    """
    used = {*sweep_names(), *(found[0] for name in taken if (found := trial_of(name)))}
    wish = wish[: _LONGEST_NAME - 4]
    numbered = (f"{wish}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([wish], numbered) if name not in used)


def trial_of(run_name: str) -> tuple[str, int, int] | None:
    """Sweep, trial and seed that a run's name tells; None for one that is of no sweep."""
    found = _RUN.fullmatch(run_name)
    return (found[1], int(found[2]), int(found[3])) if found else None


def start_repeats(sweep: Sweep) -> list[Run]:
    """Queue one run per seed; those that are there already are left as they are.

    Raises:
        RunError, DataError, ConfigError: as ``keep_sweep`` and ``jobs.start``.
    """
    sweep = keep_sweep(sweep)
    runs = runs_by_name()
    return [runs.get(one.name) or jobs.start(one, here=sweep.here) for one in sweep.configs(0, {})]


def go_on(runs: Iterable[Run]) -> list[Run]:
    """Resume the runs that were stopped or have failed; which these are.

    Raises:
        RunError: as ``jobs.resume``.
    """
    left = [run for run in runs if Job.of(run).status.state in ("stopped", "failed")]
    for run in left:
        jobs.resume(run)
    return left


def runs_by_name(runs: Sequence[Run] | None = None) -> dict[str, Run]:
    """All readable runs."""
    return {run.name: run for run in (list_runs() if runs is None else runs) if not run.problem}
