"""Many runs of one kind: repeated with several seeds, or searched by Optuna.

A run of a sweep is called SWEEP-TRIAL-sSEED, which is all that ties it to its trial. So whatever was
killed, looking at the runs by name tells where to go on. Optuna's SQLite file under ``EMOTION_HOME``
keeps what was asked and told. The runs themselves are jobs like any other.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emotion_core.errors import ConfigError
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.run import Run
from emotion_core.train_settings import check_name
from emotion_core.training import jobs
from emotion_core.training.ranges import Range, parse_range, with_values

_LONGEST_NAME = 40  # what the trial and the seed add still fits a run's name


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
    """

    name: str
    base: TrainConfig
    ranges: tuple[Range, ...] = ()
    seeds: int = 1
    trials: int = 1
    at_once: int = 1

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

    def to_json(self) -> str:
        """As ``from_json`` reads it."""
        return json.dumps(
            {
                "base": self.base.to_dict(),
                "ranges": [one.text for one in self.ranges],
                "seeds": self.seeds,
                "trials": self.trials,
                "at_once": self.at_once,
            }
        )

    @classmethod
    def from_json(cls, name: str, text: str) -> "Sweep":
        """What ``to_json`` wrote."""
        values = json.loads(text)
        base = TrainConfig.from_dict(values.pop("base"))
        ranges = tuple(map(parse_range, values.pop("ranges")))
        return cls(name, base, ranges, **values)


def start_repeats(sweep: Sweep) -> list[Run]:
    """Queue one run per seed; those that are there already are left as they are.

    Raises:
        RunError, DataError, ConfigError: as ``jobs.start``.
    """
    runs = runs_by_name()
    return [runs.get(one.name) or jobs.start(one) for one in sweep.configs(0, {})]


def runs_by_name() -> dict[str, Run]:
    """All readable runs."""
    return {run.name: run for run in list_runs() if not run.problem}
