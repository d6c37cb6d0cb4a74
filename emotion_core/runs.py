"""Run folders: the one place where a training run, its settings, curves, results and weights live.

A run is a folder ``<checkpoints>/<YYYYMMDD-HHMMSS-model-sSEED>/`` with ``config.json``,
``status.json``, ``metrics.jsonl`` (a row an epoch), ``progress.jsonl`` (rows within it), ``train.log``, ``run.lock``,
``model.safetensors`` + ``model.json``, ``resume.pt``, ``report.json`` and ``predictions.npz``.
Nothing here loads torch.
"""

import contextlib
import datetime
import itertools
import math
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from emotion_core.config import TrainConfig
from emotion_core.errors import ConfigError, EmotionError, RunError, unknown
from emotion_core.files import append_json_line, read_json, read_json_lines, write_json
from emotion_core.paths import checkpoints_dir

FORMAT = 1
START_SECONDS = 60.0  # a spawned trainer that holds no lock by then has died
STATES = ("queued", "running", "stopped", "finished", "failed")
SUBSET_PREFIX = "subset_"  # of the masks over the test split in predictions.npz


def now() -> str:
    """The time in UTC as ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a run is doing; ``status.json``.

    Times are UTC ISO 8601. ``epoch`` counts finished epochs; ``step`` of ``steps`` is inside the
    current one, with its running ``train_loss`` and ``train_accuracy`` (0..1). Before the first step
    ``teachers_asked`` is the share (0..1) of the teachers' answers that are there.
    ``averaged_with`` names the earlier runs, separated by commas, that went into the kept weights.
    """

    state: str = "queued"
    created: str = ""
    queued: str = ""
    started: str = ""
    finished: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    teachers_asked: float = 0.0
    train_loss: float = 0.0
    train_accuracy: float = 0.0
    images_per_second: float = 0.0
    seconds_left: float = 0.0
    train_seconds: float = 0.0
    averaged_with: str = ""
    error: str = ""
    pid: int = 0
    device: str = ""
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Raises ValueError on a value of the wrong type: the file may come from anywhere."""
        for item in fields(self):
            value = getattr(self, item.name)
            fits = (int, float) if item.type is float else item.type
            if isinstance(value, bool) or not isinstance(value, fits):  # type: ignore[arg-type]
                raise ValueError(f"{item.name} is {value!r}")
        if self.state not in STATES:
            raise ValueError(unknown("state", self.state, STATES))


@dataclass(frozen=True)
class Run:
    """One run folder. Every read is from disk, so two processes see the same."""

    path: Path
    problem: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Folder name, the run's identity."""
        return self.path.name

    @property
    def weights_path(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def model_path(self) -> Path:
        """Architecture, options, labels and preprocessing of the weights."""
        return self.path / "model.json"

    @property
    def metrics_path(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def log_path(self) -> Path:
        return self.path / "train.log"

    @property
    def resume_path(self) -> Path:
        return self.path / "resume.pt"

    @property
    def predictions_path(self) -> Path:
        return self.path / "predictions.npz"

    @property
    def _progress_path(self) -> Path:
        return self.path / "progress.jsonl"

    @property
    def _lock_path(self) -> Path:
        return self.path / "run.lock"

    def config(self) -> TrainConfig:
        """The run's settings.

        Raises:
            RunError: ``config.json`` is missing or malformed.
        """
        values = self._read("config.json")
        try:
            return TrainConfig.from_dict(values)
        except ConfigError as error:
            raise RunError(f"Run '{self.name}': config.json is malformed. {error}") from error

    def status(self) -> Status:
        """The stored status, mended by the lock: at work with a free lock is failed.

        Raises:
            RunError: ``status.json`` is missing or malformed.
        """
        values = self._read("status.json")
        version = values.get("format", 0)
        if isinstance(version, int) and version > FORMAT:
            raise RunError(
                f"Run '{self.name}' has format {version}, this version reads up to "
                f"{FORMAT}. Update emotion_core."
            )
        try:
            status = Status(**values)
        except (TypeError, ValueError) as error:
            raise RunError(f"Run '{self.name}': status.json is malformed ({error}).") from error
        if status.state in ("running", "queued") and not self._is_starting(status):
            if self.is_locked():
                return status
            # The process may have ended properly between the two reads.
            if self._read("status.json") != values:
                return self.status()
            ended = "without a result" if status.state == "running" else "while it was queued"
            error_text = status.error or f"The training process ended {ended}."
            return replace(status, state="failed", error=error_text, pid=0)
        return status

    @staticmethod
    def _is_starting(status: Status) -> bool:
        """Whether a process was spawned a moment ago and cannot hold the lock yet."""
        if status.state != "queued" or status.pid:
            return False
        try:
            since = datetime.datetime.fromisoformat(status.queued or status.created)
            age = (datetime.datetime.now(datetime.UTC) - since).total_seconds()
        except (TypeError, ValueError):
            return False
        return age < START_SECONDS

    def write_status(self, status: Status) -> None:
        """Replace ``status.json``."""
        write_json(self.path / "status.json", asdict(status))

    def lock(self) -> filelock.FileLock:
        """Held by the training process; the system frees it when the process dies, however.

        Whoever holds it, and nobody else, writes ``status.json``. It waits up to two seconds,
        because ``is_locked`` of another process holds it for an instant. A thread that holds it
        may take it again.
        """
        return filelock.FileLock(self._lock_path, timeout=2, is_singleton=True)

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
        if not self._lock_path.exists():
            return False
        probe = filelock.FileLock(self._lock_path, timeout=0)
        try:
            with probe:
                return False
        except (filelock.Timeout, PermissionError):  # of another account's run only it can tell
            return True

    def metrics(self) -> list[dict[str, Any]]:
        """A row an epoch: epoch, step, train_loss, train_accuracy, val_loss, val_accuracy,
        val_macro_f1, lr, seconds, images_per_second (accuracies 0..1). A refit's have no ``val_``."""
        return read_json_lines(self.metrics_path)

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add one epoch's row."""
        append_json_line(self.metrics_path, row)

    def progress(self) -> list[dict[str, Any]]:
        """Rows within the present epoch, about one a second: step, steps, train_loss,
        train_accuracy; the means since the epoch began."""
        return read_json_lines(self._progress_path)

    def append_progress(self, status: Status) -> None:
        """Add a row of the present epoch, for curves that grow before it is finished."""
        names = ("step", "steps", "train_loss", "train_accuracy")
        append_json_line(self._progress_path, {name: getattr(status, name) for name in names})

    def clear_progress(self) -> None:
        """Begin a new epoch."""
        self._progress_path.unlink(missing_ok=True)

    def report(self) -> dict[str, Any] | None:
        """Test results of a finished run (see ``evaluation.report``), None before.

        Raises:
            RunError: the file is damaged or lacks a part.
        """
        if not (self.path / "report.json").exists():
            return None
        report = self._read("report.json")
        for path in _REPORT_PARTS:
            part: Any = report
            for key in path.split("."):
                part = part.get(key) if isinstance(part, dict) else None
            if part is None:
                raise RunError(
                    f"Run '{self.name}': report.json is incomplete (no '{path}'). Evaluate it "
                    f"again: python -m emotion_core evaluate {self.name}"
                )
        return report

    def clear_results(self) -> None:
        """Remove what was measured of weights that are about to be replaced."""
        for name in _RESULTS:
            (self.path / name).unlink(missing_ok=True)

    def is_tested_on(self, test_fingerprint: str) -> bool:
        """Whether these are the test faces that the report, if there is one, is about."""
        report = self.report()
        return report is None or bool(report["data"]["test_fingerprint"] == test_fingerprint)

    def predictions(self) -> dict[str, np.ndarray] | None:
        """Arrays of ``predictions.npz`` (see ``evaluation.report``), None before.

        Raises:
            RunError: the file is not a plain array archive.
        """
        if not self.predictions_path.exists():
            return None
        try:
            with (
                self.predictions_path.open("rb") as file,
                np.load(file, allow_pickle=False) as archive,
            ):
                return {name: archive[name] for name in archive.files}
        except Exception as error:  # zipfile, zlib and numpy each raise their own
            raise RunError(
                f"Run '{self.name}': predictions.npz cannot be read ({error})."
            ) from error

    def log_tail(self, lines: int = 20) -> list[str]:
        """Last lines of ``train.log``."""
        if not self.log_path.exists():
            return []
        with self.log_path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace")
        return text.splitlines()[-lines:]

    def _read(self, name: str) -> dict[str, Any]:
        path = self.path / name
        try:
            values = read_json(path)
        except FileNotFoundError as error:
            raise RunError(f"Run '{self.name}': {name} is missing.") from error
        except (OSError, ValueError) as error:
            raise RunError(f"Run '{self.name}': {name} cannot be read ({error}).") from error
        if not isinstance(values, dict):
            raise RunError(f"Run '{self.name}': {name} must hold a JSON object.")
        return values


def validation_score(row: Mapping[str, Any], monitor: str) -> float:
    """Validation ``accuracy``, ``macro_f1`` or negative ``loss`` of an epoch: more is better."""
    value = float(row[f"val_{monitor}"])
    return -value if monitor == "loss" else value


def best_epoch(rows: Sequence[Mapping[str, Any]], monitor: str) -> int:
    """The first epoch with the best validation score; 0 without any.

    A refit has no validation and keeps its last epoch.
    """
    if not rows:
        return 0
    if f"val_{monitor}" not in rows[0]:
        return int(rows[-1]["epoch"])
    best = max(rows, key=lambda row: (validation_score(row, monitor), -row["epoch"]))
    return int(best["epoch"])


def made_at(name: str) -> str:
    """When a run was made, from its name, in local time: ``11-26 17:03:59``, with `` (2)`` for a
    second one in that second; another name as it is."""
    if not _RUN_NAME.match(name):
        return name
    made = datetime.datetime.strptime(name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=datetime.UTC)
    again = re.search(r"-s\d+-(\d+)$", name)
    return f"{made.astimezone():%m-%d %H:%M:%S}" + (f" ({again[1]})" if again else "")


def create_run(config: TrainConfig, root: Path | None = None) -> Run:
    """Make a run folder in state queued; its name is unique."""
    root = root or checkpoints_dir()
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    base = f"{stamp}-{config.model}-s{config.seed}"
    root.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, 1000):
        path = root / (base if attempt == 1 else f"{base}-{attempt}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        run = Run(path)
        try:
            write_json(path / "config.json", config.to_dict())
            run.write_status(Status(created=now(), epochs=config.epochs))
        except OSError:  # a full disk: no half a run stays behind
            shutil.rmtree(path, ignore_errors=True)
            raise
        return run
    raise RunError(f"No free name for a run called '{base}' in {root}.")


def list_runs(root: Path | None = None) -> list[Run]:
    """All run folders, newest first. A broken one is listed with its ``problem``."""
    root = root or checkpoints_dir()
    if not root.is_dir():
        return []
    found = []
    for path in sorted(root.iterdir(), key=lambda item: item.name, reverse=True):
        if not path.is_dir() or path.name.startswith("."):
            continue
        run, problem = Run(path), ""
        try:
            run.config()
            run.status()
            run.report()
        except EmotionError as error:
            problem = str(error)
        found.append(Run(path, problem))
    return found


def load_run(name: str | Path, root: Path | None = None) -> Run:
    """A run by folder path, full name, or a part of its name that only one run has.

    Raises:
        RunError: no run, or more than one, fits.
    """
    path = Path(name)
    if (path / "config.json").exists():
        return Run(path.resolve())
    runs = list_runs(root)
    fits = [run for run in runs if run.name == str(name)] or [
        run for run in runs if str(name) in run.name
    ]
    if len(fits) == 1:
        return fits[0]
    if fits:
        names = ", ".join(run.name for run in fits[:5])
        raise RunError(f"'{name}' fits {len(fits)} runs: {names}. Give more of the name.")
    if not runs:
        raise RunError(f"No run '{name}': there are no runs in {root or checkpoints_dir()} yet.")
    raise RunError(unknown("run", str(name), [run.name for run in runs]))


def best_run(
    root: Path | None = None,
    *,
    model: str | None = None,
    weights: bool = True,
    refits: bool = True,
) -> Run:
    """The finished run that is best on validation.

    Accuracies on different faces say nothing about each other: runs on real data go before those
    on drawn faces, and those on the larger data set before all others.

    Args:
        root: Folder of the runs, by default the one in use.
        model: Only runs of this architecture.
        weights: Whether it must have weights, and not only predictions.
        refits: Whether it may be a refit, which goes before the run that it repeats.

    Raises:
        RunError: there is none.
    """
    ranked = []
    for run in list_runs(root):
        report = None if run.problem else run.report()
        usable = (run.weights_path.exists() or not weights) and (refits or not run.config().refit)
        if report and usable and model in (None, run.config().model):
            faces = sum(sum(part.values()) for part in report["data"]["counts"].values())
            data = (not report["data"]["synthetic"], faces, report["data"]["fingerprint"])
            ranked.append((data, report["val"]["accuracy"], run))
    if not ranked:
        what = f"{model} with weights" if model and weights else model or "model"
        raise RunError(
            f"No trained {what} is on this machine. Train one on the Training page or "
            f"with 'python -m emotion_core train{f' --model {model}' if model else ''}'."
        )
    return max(ranked, key=lambda item: item[:2])[2]  # of equals the newest


def pick_run(
    name: str | Path, root: Path | None = None, *, weights: bool = True, refits: bool = True
) -> Run:
    """A run to read: as ``load_run``; an architecture's name means its ``best_run``.

    What changes a run takes ``load_run``, which never chooses.

    Args:
        name: Folder, name, part of it, or architecture.
        root: Folder of the runs, by default the one in use.
        weights: Whether the best run must have weights.
        refits: Whether the best run may be a refit.

    Raises:
        RunError: no run, or more than one, fits.
    """
    if (Path(name) / "config.json").exists():
        return load_run(name, root)
    try:
        return best_run(root, model=str(name), weights=weights, refits=refits)
    except RunError as no_best:
        try:
            return load_run(name, root)
        except RunError as no_run:
            models = {run.config().model for run in list_runs(root) if not run.problem}
            raise (no_best if str(name) in models else no_run) from None


def delete_run(run: Run) -> None:
    """Take a run away; ``restore_run`` brings it back until ``purge_deleted``.

    Raises:
        RunError: it is training, or the folder is not a run.
    """
    gone = RunError(f"Run '{run.name}' is not there any more.")
    if not _RUN_NAME.match(run.name) and not (run.path / "config.json").exists():
        raise RunError(f"{run.path} is not a run folder; nothing was deleted.")
    if not run.path.is_dir():
        raise gone
    with run.locked("deleted"):
        if all(path.name == "run.lock" for path in run.path.iterdir()):
            # Someone else took it away meanwhile, and the lock made an empty folder in its place.
            shutil.rmtree(run.path)
            raise gone
        trash = _trash_path(run.path)
        if trash.exists():  # an earlier run of this name can still be brought back, by another one
            others = (run.path.with_name(f"{run.name}~{number}") for number in itertools.count(2))
            trash.rename(next(path for path in map(_trash_path, others) if not path.exists()))
        os.utime(run.path)  # purge_deleted goes by the time of deletion
        run.path.rename(trash)


def restore_run(name: str, root: Path | None = None) -> Run:
    """Bring a deleted run back.

    Args:
        name: Its name, or a part that no other deleted run has, or the path of its folder.
        root: Folder of the runs, by default the path's or else the one in use.

    Raises:
        RunError: no deleted run, or more than one, fits, or its name is taken again.
    """
    place, name = Path(name).parent, Path(name).name
    root = root or (checkpoints_dir() if place == Path() else place)
    names = deleted_runs(root)
    fitting = [item for item in names if item == name] or [item for item in names if name in item]
    if len(fitting) != 1:
        choices = f" Deleted runs: {', '.join(fitting or names)}." if names else ""
        why = "several deleted runs fit" if fitting else "it is gone for good"
        raise RunError(f"Run '{name}' cannot be brought back: {why}.{choices}")
    path = root / fitting[0]
    if path.exists():
        raise RunError(f"Run '{path.name}' is already there.")
    _trash_path(path).rename(path)
    return Run(path)


def deleted_runs(root: Path | None = None, *, within: float = math.inf) -> list[str]:
    """Names of the runs that ``restore_run`` can bring back, last deleted first.

    Args:
        root: Folder of the runs, by default the one in use.
        within: Only those that were deleted in the last so many seconds.
    """
    since = time.time() - within
    folders = _trash_folders(root or checkpoints_dir())
    return [_name_of(path) for path in folders if _changed(path) >= since]


def purge_deleted(
    root: Path | None = None, *, older_than: float = 0.0, names: Collection[str] | None = None
) -> int:
    """Remove runs for good that were deleted more than ``older_than`` seconds ago.

    Args:
        root: Folder of the runs, by default the one in use.
        older_than: Seconds.
        names: Only these of ``deleted_runs``; by default all.

    Returns:
        How many were removed.
    """
    before = time.time() - older_than
    count = 0
    for path in _trash_folders(root or checkpoints_dir()):
        wanted = names is None or _name_of(path) in names
        if wanted and _changed(path) <= before:
            shutil.rmtree(path, ignore_errors=True)  # someone else may remove it as well
            count += 1
    return count


# Without these a report is no use to any page.
_REPORT_PARTS = (
    "run",
    "model",
    "recipe",
    "epochs",
    "data.name",
    "data.fingerprint",
    "data.test_fingerprint",
    "data.synthetic",
    "data.counts",
    "val.accuracy",
    "test.accuracy",
    "test.accuracy_ci95",
    "test.macro_f1",
    "test.weighted_f1",
    "test.ece",
    "test.confusion",
    "test.per_emotion",
    "subsets",
    "temperature",
    "cost.latency_ms",
    "environment",
)
_RESULTS = ("report.json", "predictions.npz", "robustness.json", "features.npz", "tsne.npz")

_RUN_NAME = re.compile(r"^\d{8}-\d{6}-")
_TRASH = ".deleted-"  # hidden, so that a deleted run is never listed


def _trash_path(path: Path) -> Path:
    return path.with_name(_TRASH + path.name)


def _name_of(trash: Path) -> str:
    return trash.name.removeprefix(_TRASH)


def _trash_folders(root: Path) -> list[Path]:
    found = [path for path in root.glob(f"{_TRASH}*") if path.is_dir()]
    return sorted(found, key=_changed, reverse=True)


def _changed(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime
    return math.inf  # someone else has just removed or restored it
