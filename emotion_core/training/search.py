"""Searching settings: Optuna asks, our queue trains, and poor trials are pruned from their curves."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_core.errors import RunError
from emotion_core.paths import home_dir
from emotion_core.runs.run import Run, validation_score
from emotion_core.training import jobs
from emotion_core.training.ranges import Range
from emotion_core.training.settle import settled
from emotion_core.training.sweep import Sweep, runs_by_name

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

_POLL_SECONDS = 1.0
_PRUNED = "pruned"  # attribute of a trial whose first run was asked to stop
_FIRST_TRIALS = 4  # that are never pruned


def create_sweep(sweep: Sweep) -> "Study":
    """Keep a new sweep.

    Raises:
        RunError: Optuna is not installed, or there is a sweep of the name.
        ConfigError: a value that may be drawn breaks a rule.
        DataError: there is no data.
    """
    optuna = _optuna()
    sweep = replace(sweep, base=settled(sweep.base))
    for ends in ("low", "high"):  # a rule between two settings is told before the first run
        sweep.configs(0, {one.name: _end(one, ends) for one in sweep.ranges})
    try:
        study: Study = optuna.create_study(
            storage=_storage(),
            study_name=sweep.name,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=sweep.base.seed),
        )
    except optuna.exceptions.DuplicatedStudyError as error:
        raise RunError(
            f"There is a sweep '{sweep.name}'. Go on with it: python -m emotion_core sweep resume "
            f"{sweep.name}. Or choose another name."
        ) from error
    study.set_user_attr("sweep", sweep.to_json())
    return study


def load_sweep(name: str) -> tuple[Sweep, "Study"]:
    """A kept sweep.

    Raises:
        RunError: Optuna is not installed, or there is none of the name.
    """
    optuna = _optuna()
    if name not in sweep_names():
        known = ", ".join(sweep_names()) or "none"
        raise RunError(f"There is no sweep '{name}'. Known: {known}.")
    study = optuna.load_study(storage=_storage(), study_name=name)
    sweep = Sweep.from_json(name, study.user_attrs["sweep"])
    warmup = max(1, sweep.base.epochs // 5)
    study.pruner = optuna.pruners.MedianPruner(_FIRST_TRIALS, n_warmup_steps=warmup)
    # After a resume it draws other values than the ones that it has drawn.
    study.sampler = optuna.samplers.TPESampler(seed=sweep.base.seed + len(study.trials))
    return sweep, study


def sweep_names() -> list[str]:
    """Names of the kept sweeps; none where Optuna is not installed.

    Raises:
        RunError: Optuna is not installed.
    """
    optuna = _optuna()
    return sorted(optuna.get_all_study_names(_storage())) if _file().exists() else []


def run_sweep(name: str, stop: threading.Event, tell: Callable[[str], None] = print) -> bool:
    """Ask for trials, have their runs trained, and tell Optuna what came of them, to the end.

    Args:
        name: Of a sweep.
        stop: When set, it returns; runs that are at work go on, and so does the next call.
        tell: Gets a line per event.

    Returns:
        Whether all trials have ended.

    Raises:
        RunError: another process does so, or as ``jobs.start``.
    """
    from optuna.trial import TrialState

    sweep, study = load_sweep(name)
    with _alone(name):
        while not stop.is_set():
            trials = study.get_trials(deepcopy=False)
            at_work = [trial for trial in trials if trial.state is TrialState.RUNNING]
            runs = runs_by_name()
            for trial in at_work:
                _Follower(sweep, study, runs, tell).follow(trial)
            if not at_work and len(trials) >= sweep.trials:
                return True
            if len(trials) < sweep.trials and len(at_work) < sweep.at_once:
                asked = study.ask({one.name: _distribution(one) for one in sweep.ranges})
                tell(f"trial {asked.number}: {_shown(asked.params)}")
                continue
            time.sleep(_POLL_SECONDS)
    return False


@dataclass(frozen=True)
class _Follower:
    """One look at a trial's runs."""

    sweep: Sweep
    study: "Study"
    runs: Mapping[str, Run]
    tell: Callable[[str], None]

    def follow(self, frozen: "FrozenTrial") -> None:
        """Start the runs that are missing, prune, or tell Optuna the value.

        The other seeds wait for the first one, which alone can be pruned.
        """
        from optuna.trial import Trial, TrialState

        trial = Trial(self.study, frozen._trial_id)
        scores: list[float] = []
        for config in self.sweep.configs(frozen.number, frozen.params):
            run = self.runs.get(config.name)
            if run is None:
                jobs.start(config)
                return
            state, rows = run.status().state, run.metrics()
            if not scores:
                _report(trial, frozen, rows, config.monitor)
            if state in ("queued", "running"):
                if not scores and trial.should_prune() and not frozen.user_attrs.get(_PRUNED):
                    trial.set_user_attr(_PRUNED, True)
                    with contextlib.suppress(RunError):  # it has just ended
                        jobs.stop(run)
                return
            if state != "finished":
                pruned = state == "stopped" and frozen.user_attrs.get(_PRUNED)
                self.study.tell(
                    frozen.number, state=TrialState.PRUNED if pruned else TrialState.FAIL
                )
                self.tell(f"trial {frozen.number}: {'pruned' if pruned else f'{run.name} {state}'}")
                return
            scores.append(max(validation_score(row, config.monitor) for row in rows))
        value = sum(scores) / len(scores)
        self.study.tell(frozen.number, value)
        self.tell(f"trial {frozen.number}: {self.sweep.base.monitor} on validation {value:.4f}")


def _report(trial: "Trial", frozen: "FrozenTrial", rows: list[dict[str, float]], by: str) -> None:
    for row in rows:
        epoch = int(row["epoch"])
        if epoch not in frozen.intermediate_values:
            trial.report(validation_score(row, by), epoch)


def _end(one: Range, which: str) -> Any:
    if one.choices:
        return one.choices[0 if which == "low" else -1]
    value = getattr(one, which)
    return int(value) if one.whole else value


def _distribution(one: Range) -> Any:
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


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise RunError(
            "Searching settings needs Optuna, which is not installed: pip install 'optuna>=5.0'. "
            "Repeats with several seeds (--seeds without --vary) need nothing."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _file() -> Path:
    return home_dir() / "sweeps.db"


def _storage() -> Any:
    from optuna.storages import RDBStorage

    _file().parent.mkdir(parents=True, exist_ok=True)
    return RDBStorage(f"sqlite:///{_file()}", engine_kwargs={"connect_args": {"timeout": 30}})


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """One process asks for a sweep's trials at a time."""
    import filelock

    lock = filelock.FileLock(home_dir() / f"sweep-{name}.lock", timeout=0)
    try:
        held = lock.acquire()
    except filelock.Timeout as error:
        raise RunError(f"Sweep '{name}' is running in another process.") from error
    with held:
        yield
