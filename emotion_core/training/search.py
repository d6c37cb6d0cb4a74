"""Searching settings: Optuna asks, our queue trains, and poor trials are pruned from their curves."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotion_core.errors import RunError
from emotion_core.records import Scalar
from emotion_core.runs.run import Run, validation_score
from emotion_core.runs.status import Status
from emotion_core.training import jobs, searcher
from emotion_core.training.studies import asked_trials, distribution, load_sweep
from emotion_core.training.sweep import Sweep, go_on, runs_by_name

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

_POLL_SECONDS = 1.0
_LOADING_SECONDS = 600.0  # after which a trainer that has not started is given up
_PRUNED = "pruned"  # attribute of a trial whose first run was asked to stop


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
    with searcher.alone(name):
        for values in _shuffled(sweep):
            study.enqueue_trial(values, skip_if_exists=True)
        _revive(sweep, study)
        while not stop.is_set():
            trials = asked_trials(study)
            at_work = [trial for trial in trials if trial.state is TrialState.RUNNING]
            runs = runs_by_name()
            for trial in at_work:
                _Follower(sweep, study, runs, tell).follow(trial)
            if not at_work and len(trials) >= sweep.trials:
                searcher.end(name)
                return True
            if len(trials) < sweep.trials and len(at_work) < sweep.at_once:
                asked = study.ask({one.name: distribution(one) for one in sweep.ranges})
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
                jobs.start(config, here=self.sweep.here)
                return
            status, rows = run.status(), run.metrics()
            state = status.state
            if not scores:
                _report(trial, frozen, rows, config.monitor)
            if state in ("queued", "running"):
                if self.sweep.prune and not scores and _is_poor(trial, frozen):
                    trial.set_user_attr(_PRUNED, True)
                    with contextlib.suppress(RunError):  # it has just ended
                        jobs.stop(run)
                return
            if _may_come(run, status):
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


def _may_come(run: Run, status: Status) -> bool:
    """Whether a trainer that seems to be dead may only be slow to load, as on a busy machine.

    The status is then a guess: nobody has written that it started or how it ended.
    """
    if status.state != "failed" or status.started or status.finished:
        return False
    return time.time() - (run.path / "status.json").stat().st_mtime < _LOADING_SECONDS


def _is_poor(trial: "Trial", frozen: "FrozenTrial") -> bool:
    """Whether a trial is to be stopped, once."""
    return not frozen.user_attrs.get(_PRUNED) and trial.should_prune()


def _revive(sweep: Sweep, study: "Study") -> None:
    """Resume what was stopped or killed while nobody asked, such as by a power cut."""
    from optuna.trial import TrialState

    runs = runs_by_name()
    for trial in asked_trials(study):
        if trial.state is TrialState.RUNNING and not trial.user_attrs.get(_PRUNED):
            names = [config.name for config in sweep.configs(trial.number, trial.params)]
            go_on(runs[name] for name in names if name in runs)


def _shuffled(sweep: Sweep) -> list[dict[str, Scalar]]:
    """All combinations of choices, where there are no more than trials: each is tried once."""
    found = sweep.combinations()
    random.Random(sweep.base.seed).shuffle(found)
    return found


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )
