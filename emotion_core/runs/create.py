"""Making a run folder, and what a run is called."""

import contextlib
import datetime
import itertools
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import filelock

from emotion_core.access import Action, require
from emotion_core.errors import RunError
from emotion_core.files import write_json
from emotion_core.paths import checkpoints_dir
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import run_folders
from emotion_core.runs.run import Run
from emotion_core.runs.shipped import read_catalog
from emotion_core.runs.status import Status, now
from emotion_core.runs.trash import deleted_runs, is_free
from emotion_core.train_settings import check_name

_NEW = ".new-"  # hidden: a folder that is not complete is never listed
_PATIENCE = 30.0  # seconds; making a folder takes milliseconds


def create_run(config: TrainConfig, root: Path | None = None, *, queued: str = "") -> Run:
    """Make a run folder in state queued. It appears with all its files or not at all.

    Args:
        config: Its settings; without a name it gets the model's, with a number where that is taken.
        root: Folder of the runs, by default the one in use.
        queued: When it entered the queue, as ISO 8601.

    Raises:
        RunError: another run has the name.
    """
    require(Action.TRAIN)
    root = root or checkpoints_dir()
    root.mkdir(parents=True, exist_ok=True)
    with _naming(root):
        for left in root.glob(f"{_NEW}*"):  # of a process that was killed here
            shutil.rmtree(left, ignore_errors=True)
        taken = _names(root)
        if config.name in taken:
            raise _is_taken(config.name, taken)
        config = config.replace(name=config.name or _free_name(config.model, taken))
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=root))
        try:
            new.chmod(root.stat().st_mode & 0o777)
            write_json(new / "config.json", config.to_dict())
            status = Status(created=now(), queued=queued, epochs=config.epochs)
            Run(new).write_status(status)
            path = _free_folder(root, config)
            new.rename(path)
        except BaseException:  # a full disk: no half a run stays behind
            shutil.rmtree(new, ignore_errors=True)
            raise
    return Run(path)


def rename_run(run: Run, name: str) -> None:
    """Give a run another name. Its folder, and with it every reference to it, stays.

    Raises:
        ConfigError: the name breaks its rule.
        RunError: another run has the name, or this one is being trained.
    """
    require(Action.CHANGE_RUN)
    check_name(name)
    with _naming(run.path.parent), _resting(run, "renamed"):
        taken = _names(run.path.parent, without=run)
        if name in taken:
            raise _is_taken(name, taken)
        write_json(run.path / "config.json", replace(run.config(), name=name).to_dict())


def tag_run(run: Run, tag: str) -> None:
    """Give a run a tag, which pickers find it by; an empty one takes it away.

    Raises:
        ConfigError: the tag breaks its rule.
        RunError: the run is being trained.
    """
    require(Action.CHANGE_RUN)
    with _resting(run, "tagged"):
        write_json(run.path / "config.json", replace(run.config(), tag=tag.strip()).to_dict())


def note_run(run: Run, note: str) -> None:
    """Give a run a note, which its page and model card show; an empty one takes it away.

    Raises:
        ConfigError: the note breaks its rule.
        RunError: the run is being trained.
    """
    require(Action.CHANGE_RUN)
    with _resting(run, "described"):
        write_json(run.path / "config.json", replace(run.config(), note=note.strip()).to_dict())


@contextlib.contextmanager
def _resting(run: Run, action: str) -> Iterator[None]:
    """Nobody trains the run meanwhile.

    Raises:
        RunError: somebody does, or waits to; the message says that ``action`` is refused.
    """
    with run.locked(action):
        if (state := run.status().state) in ("queued", "running"):
            raise RunError(f"Run '{run.name}' is {state}, so it cannot be {action}.")
        yield


@contextlib.contextmanager
def _naming(root: Path) -> Iterator[None]:
    """Nobody else gives a name meanwhile, so that none is given twice."""
    try:
        with filelock.FileLock(root / ".names.lock", timeout=_PATIENCE):
            yield
    except filelock.Timeout as error:
        raise RunError(f"Another process has been making a run in {root} for too long.") from error


def _names(root: Path, without: Run | None = None) -> set[str]:
    """What runs of a folder are called, were called, or would be called once they are restored."""
    runs = [Run(path) for path in run_folders(root)]
    names = {name for run in runs if run != without for name in (run.name, run.id)}
    return names.union(deleted_runs(root), read_catalog(root).former)


def _free_name(model: str, taken: Collection[str]) -> str:
    base = re.sub(r"[^a-z0-9._-]", "-", model.lower()).lstrip("._-")[:50] or "run"
    numbered = itertools.chain([base], (f"{base}-{number}" for number in itertools.count(2)))
    return next(name for name in numbered if name not in taken)


def _free_folder(root: Path, config: TrainConfig) -> Path:
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    base = f"{stamp}-{config.model}-s{config.seed}"
    numbered = itertools.chain([base], (f"{base}-{number}" for number in itertools.count(2)))
    return next(path for name in numbered if is_free(path := root / name))


def _is_taken(name: str, taken: Collection[str]) -> RunError:
    return RunError(
        f"name: a run is called '{name}' already, or was. '{_free_name(name, taken)}' is free."
    )
