"""Run folders: the one place where a training run, its settings, curves, results and weights live.

A run is a folder ``<checkpoints>/<YYYYMMDD-HHMMSS-model-sSEED>/`` with ``config.json`` (its name is
there), ``status.json``, ``metrics.jsonl`` (a row per epoch), ``progress.jsonl`` (rows within it), ``train.log``, ``run.lock``,
``model.safetensors`` + ``model.json``, ``resume.pt``, ``report.json`` and ``predictions.npz``.
Nothing here loads torch.
"""

import contextlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from emotion_core.errors import RunError
from emotion_core.files import (
    append_json_line,
    open_regular,
    read_json_lines,
    read_once,
    write_json,
)
from emotion_core.recipes import TrainConfig
from emotion_core.records import RecordError
from emotion_core.runs.folder import RunFolder
from emotion_core.runs.read import MalformedError, read_config, read_report, read_status
from emotion_core.runs.report import Report
from emotion_core.runs.status import PARKED, Status, is_starting
from emotion_core.text import plain

_T = TypeVar("_T")

SUBSET_PREFIX = "subset_"  # of the masks over the test split in predictions.npz
RAY_FILE = "ray.json"  # names the job of a cluster that trains the run
_RESULTS = (
    "report.json",
    "predictions.npz",
    "robustness.json",
    "transfer.json",
    "features.npz",
    "tsne.npz",
)

Row = dict[str, float]  # of metrics.jsonl or progress.jsonl
RUN_ID = re.compile(r"^\d{8}-\d{6}-")


@dataclass(frozen=True)
class Run(RunFolder):
    """One run folder. Two processes see the same: whatever has changed on disk is read again."""

    problem: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """What the run is called everywhere; the folder's name where ``config.json`` gives none."""
        try:
            return self.config().name or self._folder
        except RunError:
            return self._folder

    @property
    def _folder(self) -> str:
        return plain(self.id)

    def config(self) -> TrainConfig:
        """The run's settings.

        Raises:
            RunError: ``config.json`` is missing or malformed.
        """
        return self._read("config.json", read_config)

    def status(self) -> Status:
        """The stored status, corrected by the lock: running with a free lock is failed.

        Raises:
            RunError: ``status.json`` is missing or malformed.
        """
        status = self._read("status.json", read_status)
        # A lock on another machine may not be seen here; training.ray_jobs asks the cluster.
        if (self.path / RAY_FILE).exists():
            return status
        if status.state == "queued" and status.pid == PARKED:
            return status
        if status.state in ("running", "queued") and not is_starting(status, self.path):
            if self.is_locked():
                return status
            # The process may have ended properly between the two reads.
            if self._read("status.json", read_status) != status:
                return self.status()
            ended = "without a result" if status.state == "running" else "while it was queued"
            error_text = status.error or f"The training process ended {ended}."
            if not os.access(self.path, os.W_OK):
                error_text += (
                    " The folder is read-only here, so another machine may be training it."
                )
            return replace(status, state="failed", error=error_text, pid=0)
        return status

    def write_status(self, status: Status) -> None:
        """Replace ``status.json``."""
        write_json(self.path / "status.json", asdict(status))

    def metrics(self) -> list[Row]:
        """A row per epoch: epoch, step, train_loss, train_accuracy, val_loss, val_accuracy,
        val_macro_f1, lr, seconds, images_per_second (accuracies 0..1). Those of a final training have no ``val_``."""
        rows = [row for row in self._rows(self.metrics_path) if "epoch" in row]
        return [row for row in rows if rows[0].keys() <= row.keys()]

    def append_metrics(self, row: Row) -> None:
        """Add one epoch's row."""
        append_json_line(self.metrics_path, row)

    def progress(self) -> list[Row]:
        """Rows within the present epoch, about one a second: step, steps, train_loss,
        train_accuracy; the means since the epoch began."""
        return self._rows(self.progress_path)

    def append_progress(self, status: Status) -> None:
        """Add a row of the present epoch, for curves that grow before it is finished."""
        names = ("step", "steps", "train_loss", "train_accuracy")
        append_json_line(self.progress_path, {name: getattr(status, name) for name in names})

    def clear_progress(self) -> None:
        """Begin a new epoch."""
        self.progress_path.unlink(missing_ok=True)

    def report(self) -> Report | None:
        """Test results of a finished run, checked; None before.

        Raises:
            RunError: the file is damaged, lacks a part or holds a wrong value.
        """
        if not (self.path / "report.json").exists():
            return None
        return self._read("report.json", read_report)

    def readable_report(self) -> Report | None:
        """As ``report``; None also where it is damaged."""
        with contextlib.suppress(RunError):
            return self.report()
        return None

    def require_report(self) -> Report:
        """As ``report``, of a run that must be finished.

        Raises:
            RunError: there is no report, or it is damaged.
        """
        report = self.report()
        if report is None:
            raise RunError(
                f"Run '{self.name}' has no report.json. Run: python -m emotion_core evaluate "
                f"{self.name}"
            )
        return report

    def check(self) -> None:
        """Read everything that a list of runs shows.

        Raises:
            RunError: a file is missing or malformed.
        """
        self.config()
        self.status()
        self.report()

    def clear_results(self) -> None:
        """Remove what was measured of weights that are about to be replaced."""
        for name in _RESULTS:
            (self.path / name).unlink(missing_ok=True)

    def is_tested_on(self, test_fingerprint: str) -> bool:
        """Whether these are the test faces that the report, if there is one, is about."""
        report = self.report()
        return report is None or report.data.test_fingerprint == test_fingerprint

    def predictions(self) -> dict[str, np.ndarray] | None:
        """Arrays of ``predictions.npz`` (see ``evaluation.report``), None before.

        Raises:
            RunError: the file is not a plain array archive.
        """
        if not self.predictions_path.exists():
            return None
        try:
            with open_regular(self.predictions_path) as file:
                archive = np.load(file, allow_pickle=False)
                return {name: archive[name] for name in archive.files}
        except Exception as error:  # zipfile, zlib and numpy each raise their own
            told = f"Run '{self.name}': predictions.npz cannot be read ({error})."
            raise RunError(told) from error

    def _read(self, name: str, read: Callable[[Path], _T]) -> _T:
        """What ``read`` makes of a file of the folder; see ``read_once``."""
        try:
            return read_once(self.path / name, read)
        except FileNotFoundError:
            problem = f"{name} is missing."
        except RecordError as error:
            problem = (
                f"{name} is malformed: {error}. Evaluate it again: "
                f"python -m emotion_core evaluate {self.name}"
            )
        except MalformedError as error:
            problem = f"{name} {error}"
        except (OSError, ValueError) as error:
            problem = f"{name} cannot be read ({error})."
        raise RunError(f"Run '{self._folder if name == 'config.json' else self.name}': {problem}")

    def _rows(self, path: Path) -> list[Row]:
        try:
            rows = read_json_lines(path)
        except (OSError, ValueError) as error:
            raise RunError(f"Run '{self.name}': {path.name} cannot be read ({error}).") from error
        # All rows that this program wrote hold numbers alone; an integer must fit into a float.
        return [
            cast(Row, row)
            for row in rows
            if all(isinstance(v, int | float) and abs(v) < 1 << 63 for v in row.values())
        ]


def validation_score(row: Row, monitor: str) -> float:
    """Validation ``accuracy``, ``macro_f1`` or negative ``loss`` of an epoch: more is better.

    With ``last`` it is the epoch's number; accuracy where the figures are of no epoch.
    """
    if monitor == "last":
        return float(row["epoch"] if "epoch" in row else row["val_accuracy"])
    value = float(row[f"val_{monitor}"])
    return -value if monitor == "loss" else value


def best_epoch(rows: Sequence[Row], monitor: str) -> int:
    """The first epoch with the best validation score; 0 without any.

    A final training has no validation and keeps its last epoch, as ``monitor=last`` does.
    """
    if not rows:
        return 0
    if f"val_{monitor}" not in rows[0]:
        return int(rows[-1]["epoch"])
    return int(max(rows, key=lambda row: (validation_score(row, monitor), -row["epoch"]))["epoch"])
