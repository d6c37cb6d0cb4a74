"""Minutes of work on one run, in a process of its own that outlives the dashboard.

A task called NAME holds ``NAME.lock`` in the run folder while it works, tells its process and its
progress in ``NAME-progress.json``, and leaves its output in ``NAME.log``. Everything is read from
disk, so that any dashboard can watch it or end it.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from emotion_core import processes
from emotion_core.access import Action, require
from emotion_core.errors import RunError
from emotion_core.files import read_json, read_tail, write_json
from emotion_core.runs.run import Run

_PROGRESS = "-progress.json"


@dataclass(frozen=True)
class TaskState:
    """How far a task is.

    Attributes:
        kind: ``none`` (nothing runs), ``running`` or ``failed``.
        share: 0..1 of the work while running.
        error: Last words of one that failed.
    """

    kind: str
    share: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Task:
    """One kind of work on one run.

    Attributes:
        run: Its folder holds the task's files.
        name: First part of their names.
        busy: What a second one is told, such as "Run 'a' is being measured already."
    """

    run: Run
    name: str
    busy: str

    @property
    def log_path(self) -> Path:
        """What the process printed."""
        return self.run.path / f"{self.name}.log"

    def start(self, *arguments: str) -> None:
        """Run ``python -m emotion_core ARGUMENTS`` in the background.

        Raises:
            RunError: the task is running already.
        """
        require(Action.MEASURE)
        if self.state().kind == "running":
            raise RunError(self.busy)
        pid = processes.spawn(arguments, self.log_path)
        write_json(self._progress_path, {"pid": pid, "asked": time.time()})

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the task's lock; enter before any slow import.

        Raises:
            RunError: another process holds it.
        """
        try:
            # A look at its state by another process takes it for an instant.
            held = filelock.FileLock(self._lock_path).acquire(timeout=1)
        except filelock.Timeout as error:
            raise RunError(self.busy) from error
        with held:
            yield
            self._progress_path.unlink(missing_ok=True)

    def tell(self, share: float) -> None:
        """Write the share done (0..1), from inside ``hold``.

        Raises:
            RunError: the run's folder was removed, which writing would bring back.
        """
        if not self.run.path.is_dir():
            raise RunError(f"{self.run.path} was removed in the meantime.")
        write_json(self._progress_path, {"pid": os.getpid(), "share": share})

    def state(self, share: Callable[[str], float] | None = None) -> TaskState:
        """Whether the task runs, and how far it is.

        Args:
            share: Reads the share done from the end of the log, for work that cannot ``tell`` it.
        """
        progress = self._progress()
        if self._is_at_work(progress):
            done = (
                share("\n".join(read_tail(self.log_path))) if share else progress.get("share", 0.0)
            )
            return TaskState("running", share=done)
        if not progress or not self._progress():  # it may have ended in between
            return TaskState("none")
        printed = read_tail(self.log_path, 1)
        return TaskState("failed", error=printed[0] if printed else "It ended without a result.")

    def stop(self) -> None:
        """End a running process, or forget a failed one."""
        require(Action.MEASURE)
        progress = self._progress()
        pid = int(progress.get("pid", 0))
        if self._is_at_work(progress) and (
            processes.has_open(pid, self._lock_path) or self._is_coming_up(progress)
        ):
            processes.end(pid)
        self._progress_path.unlink(missing_ok=True)

    def _is_at_work(self, progress: dict[str, float]) -> bool:
        return processes.is_held(self._lock_path) or self._is_coming_up(progress)

    def _is_coming_up(self, progress: dict[str, float]) -> bool:
        pid, asked = int(progress.get("pid", 0)), progress.get("asked", 0.0)
        return processes.is_coming_up(pid, self.run.path, asked)

    @property
    def _lock_path(self) -> Path:
        return self.run.path / f"{self.name}.lock"

    @property
    def _progress_path(self) -> Path:
        return self.run.path / f"{self.name}{_PROGRESS}"

    def _progress(self) -> dict[str, float]:
        """The progress file's numbers; empty where it is missing or damaged."""
        try:
            values = read_json(self._progress_path)
        except (OSError, ValueError):
            return {}
        pairs = values.items() if isinstance(values, dict) else ()
        return {name: value for name, value in pairs if type(value) in (int, float)}


def running_tasks(run: Run) -> list[str]:
    """Names of the tasks that work on a run at present."""
    names = {path.name.removesuffix(_PROGRESS) for path in run.path.glob(f"*{_PROGRESS}")}
    names |= {path.stem for path in run.path.glob("*.lock")} - {"run"}
    return sorted(name for name in names if Task(run, name, "").state().kind == "running")
