"""Minutes of work on one run, in a process of its own that outlives the dashboard.

A task called NAME holds ``NAME.lock`` in the run folder while it works, tells its process and its
progress in ``NAME-progress.json``, and leaves its output in ``NAME.log``. Everything is read from
disk, so that any dashboard can watch it or end it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from emotion_core.errors import RunError
from emotion_core.files import read_json, write_json
from emotion_core.paths import PROJECT
from emotion_core.runs.run import Run

_PROGRESS = "-progress.json"
_START_SECONDS = 60.0  # where /proc cannot tell: a process loads its libraries within this


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
        if self.state().kind == "running":
            raise RunError(self.busy)
        command = [sys.executable, "-m", "emotion_core", *arguments]
        with self.log_path.open("wb") as log:
            # Nice, and in a group of its own, so that the live page keeps its frames; nohup for
            # when the terminal closes (as training jobs).
            process = subprocess.Popen(
                ["nice", "-n", "10", "nohup", *command],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        write_json(self._progress_path, {"pid": process.pid, "asked": time.time()})
        threading.Thread(target=process.wait, daemon=True).start()  # leaves no zombie

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Be the one that works; to be entered before anything slow.

        Raises:
            RunError: another process does.
        """
        lock = self._lock()
        try:
            # A look at its state by another process takes it for an instant.
            lock.acquire(timeout=1)
        except filelock.Timeout as error:
            raise RunError(self.busy) from error
        try:
            yield
            self._progress_path.unlink(missing_ok=True)
        finally:
            lock.release()

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
            share: Reads the share done from the log, for work that cannot ``tell`` it.
        """
        progress = self._progress()
        log = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        if self._is_held() or (progress and self._is_coming_up(progress)):
            done = share(log) if share else float((progress or {}).get("share", 0.0))
            return TaskState("running", share=done)
        if progress is None or self._progress() is None:  # it may have ended in between
            return TaskState("none")
        said = [line for line in log.splitlines() if line.strip()]
        return TaskState("failed", error=said[-1] if said else "It ended without a result.")

    def stop(self) -> None:
        """End a running process, or forget a failed one."""
        progress = self._progress() or {}
        # The number may be another process by now, unless the lock or its command say not.
        if self._is_held() or self._is_coming_up(progress):
            with contextlib.suppress(ProcessLookupError, KeyError):
                os.kill(int(progress["pid"]), signal.SIGTERM)
        self._progress_path.unlink(missing_ok=True)

    @property
    def _progress_path(self) -> Path:
        return self.run.path / f"{self.name}{_PROGRESS}"

    def _progress(self) -> dict[str, Any] | None:
        try:
            values = read_json(self._progress_path)
        except (OSError, ValueError):
            return None
        return values if isinstance(values, dict) else None

    def _lock(self) -> filelock.FileLock:
        return filelock.FileLock(self.run.path / f"{self.name}.lock", timeout=0)

    def _is_held(self) -> bool:
        if not (self.run.path / f"{self.name}.lock").exists():
            return False
        lock = self._lock()
        try:
            lock.acquire()
        except filelock.Timeout:
            return True
        lock.release()
        return False

    def _is_coming_up(self, progress: dict[str, Any]) -> bool:
        """Whether a process without the lock is this task's, still loading its libraries."""
        age = time.time() - progress.get("asked", 0.0)
        if not Path("/proc/self/cmdline").exists():
            return bool(age < _START_SECONDS)
        try:
            command = Path(f"/proc/{progress.get('pid', 0)}/cmdline").read_bytes()
        except OSError:
            return False
        # Empty while one program replaces another: nice, nohup, Python.
        return os.fsencode(self.run.path.resolve()) in command or (not command and age < 1)


def running_tasks(run: Run) -> list[str]:
    """Names of the tasks that work on a run at present."""
    names = {path.name.removesuffix(_PROGRESS) for path in run.path.glob(f"*{_PROGRESS}")}
    names |= {path.stem for path in run.path.glob("*.lock")} - {"run"}
    return sorted(name for name in names if Task(run, name, "").state().kind == "running")
