"""Sweeps in the background: begun, stopped and resumed, and the process that asks for trials.

It is ``python -m emotion_core sweep resume NAME``. It holds ``sweeps/NAME.lock`` while it is at
work, and says in ``NAME.state`` which process it is and, at last, that all trials have ended.
"""

import contextlib
import os
import time
from collections.abc import Iterator

import filelock

from emotion_core import processes
from emotion_core.access import Action, require
from emotion_core.errors import RunError
from emotion_core.files import read_json, read_tail, write_json
from emotion_core.training import jobs
from emotion_core.training.queue import Job
from emotion_core.training.studies import require_optuna
from emotion_core.training.sweep import (
    Sweep,
    go_on,
    keep_sweep,
    read_sweep,
    runs_by_name,
    start_repeats,
    sweep_file,
    trial_of,
)

_LEAVES_SECONDS = 10.0  # that a process which asks for trials takes to end


def begin(sweep: Sweep) -> None:
    """Start a new sweep in the background, a search or mere repeats; returns at once.

    Raises:
        RunError: Optuna is not installed, or there is a sweep of the name.
        ConfigError: a value that may be drawn breaks a rule.
        DataError: there is no data.
    """
    if sweep.ranges:
        create_sweep(sweep)
        _spawn(sweep.name)
    else:
        start_repeats(sweep)


def resume(name: str) -> None:
    """Go on with a sweep in the background: what is missing is started, what has stopped resumed.

    Raises:
        RunError: it is at work, or there is none of the name.
    """
    require(Action.TRAIN)
    sweep = read_sweep(name)
    if sweep.ranges:
        _spawn(name)
    else:
        go_on(start_repeats(sweep))


def stop(name: str) -> None:
    """End a sweep's search, then have its runs save and stop; ``resume`` goes on with both.

    Raises:
        RunError: there is none of the name.
    """
    require(Action.TRAIN)
    read_sweep(name)
    _end_process(name)
    until = time.monotonic() + _LEAVES_SECONDS
    while is_at_work(name) and time.monotonic() < until:
        time.sleep(0.05)  # or it would take a stopped run for a failed trial
    for run in runs_by_name().values():
        place = trial_of(run.name)
        if place and place[0] == name and Job.of(run).active:
            with contextlib.suppress(RunError):  # it has just ended
                jobs.stop(run)


def create_sweep(sweep: Sweep) -> None:
    """Keep a new search; ``run_sweep`` begins it.

    Raises:
        RunError: Optuna is not installed, or there is a sweep of the name.
        ConfigError: a value that may be drawn breaks a rule.
        DataError: there is no data.
    """
    require_optuna()
    keep_sweep(sweep, new=True)


def is_at_work(name: str) -> bool:
    """Whether a process asks for the sweep's trials, or is about to."""
    return processes.is_held(sweep_file(name, "lock")) or _is_coming_up(name)


def has_ended(name: str) -> bool:
    """Whether all trials have ended."""
    return bool(_read(name).get("ended"))


def problem(name: str) -> str:
    """Why the process has ended early; empty if it did not, or was asked to."""
    if is_at_work(name) or has_ended(name):
        return ""
    lines = log_tail(name, 1)
    return lines[0].removeprefix("error: ") if lines and lines[0].startswith("error: ") else ""


def log_tail(name: str, count: int) -> list[str]:
    """The last lines that the process printed."""
    return read_tail(sweep_file(name, "log"), count)


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """Be the one process that asks for a sweep's trials.

    Raises:
        RunError: another process is.
    """
    path = sweep_file(name, "lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # A look at its state by another process takes it for an instant.
        held = filelock.FileLock(path).acquire(timeout=1)
    except filelock.Timeout as error:
        raise _is_busy(name) from error
    with held:
        _write(name, pid=os.getpid(), asked=time.time())
        yield


def end(name: str) -> None:
    """Keep that all trials have ended; inside ``alone``."""
    _write(name, ended=time.time())


def _spawn(name: str) -> None:
    if is_at_work(name):
        raise _is_busy(name)
    pid = processes.spawn(["sweep", "resume", name], sweep_file(name, "log"), append=True)
    _write(name, pid=pid, asked=time.time())


def _end_process(name: str) -> None:
    pid = int(_read(name).get("pid", 0))
    if is_at_work(name) and (
        processes.has_open(pid, sweep_file(name, "lock")) or _is_coming_up(name)
    ):
        processes.end(pid)


def _is_coming_up(name: str) -> bool:
    state = _read(name)
    pid, asked = int(state.get("pid", 0)), state.get("asked", 0.0)
    return processes.is_coming_up(pid, f"sweep resume {name}", asked)


def _is_busy(name: str) -> RunError:
    return RunError(f"Sweep '{name}' is running in another process.")


def _write(name: str, **values: float) -> None:
    write_json(sweep_file(name, "state"), values, parents=True)


def _read(name: str) -> dict[str, float]:
    """The state file's numbers; empty where it is missing or damaged."""
    try:
        values = read_json(sweep_file(name, "state"))
    except (OSError, ValueError):
        return {}
    pairs = values.items() if isinstance(values, dict) else ()
    return {key: value for key, value in pairs if type(value) in (int, float)}
