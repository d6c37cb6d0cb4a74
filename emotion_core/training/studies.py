"""Optuna's part of a search: its file, what was asked and told, and how settings are drawn."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_core.errors import RunError
from emotion_core.paths import home_dir
from emotion_core.records import Scalar
from emotion_core.training.ranges import Range
from emotion_core.training.sweep import Sweep, read_sweep

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

_FIRST_TRIALS = 4  # that are never pruned


@dataclass(frozen=True)
class TrialRow:
    """A trial as it was asked and told.

    Attributes:
        number: Its place, from 0.
        state: ``running``, ``complete``, ``pruned`` or ``fail``.
        values: What was drawn, by the names of the settings.
        score: Mean of the seeds' best validation scores, more is better; NaN without one.
    """

    number: int
    state: str
    values: dict[str, Scalar]
    score: float


def load_sweep(name: str) -> tuple[Sweep, "Study"]:
    """A kept search; Optuna's part of it is made where it is missing.

    Raises:
        RunError: Optuna is not installed, or there is none of the name.
    """
    optuna = require_optuna()
    sweep = read_sweep(name)
    study: Study = optuna.create_study(
        storage=_storage(), study_name=name, direction="maximize", load_if_exists=True
    )
    warmup = max(1, sweep.base.epochs // 5)
    study.pruner = optuna.pruners.MedianPruner(_FIRST_TRIALS, n_warmup_steps=warmup)
    # After a resume it draws other values than the ones that it has drawn.
    drawn = len(asked_trials(study))
    study.sampler = optuna.samplers.TPESampler(seed=sweep.base.seed + drawn)
    return sweep, study


def trial_rows(name: str) -> list[TrialRow]:
    """The trials of a search, in their order; writes nothing.

    Raises:
        RunError: Optuna is not installed.
    """
    optuna = require_optuna()
    if not sweeps_db().exists():
        return []
    try:
        study = optuna.load_study(storage=_storage(), study_name=name)
    except KeyError:
        return []
    return [
        TrialRow(
            trial.number,
            trial.state.name.lower(),
            dict(trial.params),
            math.nan if trial.value is None else trial.value,
        )
        for trial in asked_trials(study)
    ]


def asked_trials(study: "Study") -> "list[FrozenTrial]":
    """A study's trials without those that are noted to be asked for."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state is not TrialState.WAITING]


def distribution(one: Range) -> Any:
    """How Optuna draws a setting."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if one.choices:
        return CategoricalDistribution(one.choices)
    if one.whole:
        return IntDistribution(int(one.low), int(one.high), log=one.logarithmic)
    return FloatDistribution(one.low, one.high, log=one.logarithmic)


def require_optuna() -> Any:
    """Optuna.

    Raises:
        RunError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise RunError(
            "Searching settings needs Optuna, which is not installed: pip install 'optuna>=5.0'. "
            "Repeats with several seeds (--seeds without --vary) need nothing."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def sweeps_db() -> Path:
    """The file in which Optuna keeps what it asked and was told."""
    return home_dir() / "sweeps.db"


def _storage() -> Any:
    from optuna.storages import RDBStorage

    sweeps_db().parent.mkdir(parents=True, exist_ok=True)
    return RDBStorage(f"sqlite:///{sweeps_db()}", engine_kwargs={"connect_args": {"timeout": 30}})
