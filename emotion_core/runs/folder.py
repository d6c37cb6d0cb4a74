"""A run's folder: its files, its lock and its log. Nothing here reads what the files say."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from emotion_core import processes
from emotion_core.errors import RunError
from emotion_core.files import read_tail


@dataclass(frozen=True)
class RunFolder:
    """Where a run's files are, and who is at work on them."""

    path: Path

    @property
    def id(self) -> str:
        """Folder name: when it was made, model and seed. It never changes, so files refer to it."""
        return self.path.name

    @property
    def name(self) -> str:
        """What messages call the run."""
        return self.id

    @property
    def weights_path(self) -> Path:
        """The network's weights."""
        return self.path / "model.safetensors"

    @property
    def model_path(self) -> Path:
        """Architecture, options, labels and preprocessing of the weights."""
        return self.path / "model.json"

    @property
    def metrics_path(self) -> Path:
        """A row per epoch."""
        return self.path / "metrics.jsonl"

    @property
    def log_path(self) -> Path:
        """What the training printed."""
        return self.path / "train.log"

    @property
    def resume_path(self) -> Path:
        """Optimizer and counters, to go on from."""
        return self.path / "resume.pt"

    @property
    def predictions_path(self) -> Path:
        """Answers to validation and test."""
        return self.path / "predictions.npz"

    @property
    def progress_path(self) -> Path:
        """Rows within the present epoch."""
        return self.path / "progress.jsonl"

    @property
    def lock_path(self) -> Path:
        """Held while a training process is at work."""
        return self.path / "run.lock"

    def lock(self) -> filelock.FileLock:
        """Held by the training process; the system frees it when the process dies, however.

        Whoever holds it, and nobody else, writes ``status.json``. It waits up to two seconds,
        because ``is_locked`` of another process holds it for an instant. A thread that holds it
        may take it again.

        Raises:
            RunError: the folder is gone; a lock would make it again.
        """
        if not self.path.is_dir():
            raise RunError(f"Run '{self.name}' is not there any more.")
        return filelock.FileLock(self.lock_path, timeout=2, is_singleton=True)

    @contextlib.contextmanager
    def locked(self, action: str) -> Iterator[None]:
        """Hold the lock for a change of the run from outside.

        Raises:
            RunError: a training process holds it; the message says that ``action`` is refused.
        """
        try:
            with self.lock():
                yield
        except filelock.Timeout as error:
            raise RunError(
                f"Run '{self.name}' is being trained, so it cannot be {action}. Stop it first."
            ) from error

    def remove_leftovers(self) -> None:
        """Remove files that a killed process was about to write; call it with the lock held."""
        for path in self.path.glob(".*.tmp"):
            path.unlink(missing_ok=True)

    def is_locked(self) -> bool:
        """Whether a training process is at work on this run."""
        return processes.is_held(self.lock_path)

    def log_tail(self, lines: int = 20) -> list[str]:
        """Last lines of ``train.log``."""
        return read_tail(self.log_path, lines)
