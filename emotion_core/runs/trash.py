"""Deleting a run, with an undo."""

import contextlib
import itertools
import math
import os
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from emotion_core.errors import RunError
from emotion_core.paths import checkpoints_dir
from emotion_core.runs.run import RUN_NAME, Run

_TRASH = ".deleted-"  # hidden, so that a deleted run is never listed


def delete_run(run: Run) -> None:
    """Take a run away; ``restore_run`` brings it back until ``purge_deleted``.

    Raises:
        RunError: it is training, or the folder is not a run.
    """
    gone = RunError(f"Run '{run.name}' is not there any more.")
    if not RUN_NAME.match(run.name) and not (run.path / "config.json").exists():
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
