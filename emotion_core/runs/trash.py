"""Deleting a run, with an undo."""

import contextlib
import itertools
import math
import os
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from emotion_core.access import Action, require
from emotion_core.errors import RunError
from emotion_core.files import read_once
from emotion_core.paths import checkpoints_dir
from emotion_core.runs.run import RUN_ID, Run

_TRASH = ".deleted-"  # hidden, so that a deleted run is never listed


def delete_run(run: Run) -> None:
    """Take a run away; ``restore_run`` brings it back until ``purge_deleted``.

    Raises:
        RunError: it is training, or the folder is not a run.
    """
    require(Action.CHANGE_RUN)
    gone = RunError(f"Run '{run.name}' is not there any more.")
    if not RUN_ID.match(run.id) and not (run.path / "config.json").exists():
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
            others = (run.path.with_name(f"{run.id}~{number}") for number in itertools.count(2))
            trash.rename(next(path for path in map(_trash_path, others) if not path.exists()))
        os.utime(run.path)  # purge_deleted goes by the time of deletion
        run.path.rename(trash)


def restore_run(name: str, root: Path | None = None) -> Run:
    """Bring a deleted run back.

    Args:
        name: Its name or id, or a part that no other deleted run has, or the path of its folder.
        root: Folder of the runs, by default the path's or else the one in use.

    Raises:
        RunError: no deleted run, or more than one, fits, or its folder is there again.
    """
    require(Action.CHANGE_RUN)
    place, name = Path(name).parent, Path(name).name
    root = root or (checkpoints_dir() if place == Path() else place)
    trash = _trash(root)
    fitting = (
        [item for item in trash if item == name]
        or [item for item, path in trash.items() if _id_of(path) == name]
        or [item for item in trash if name in item]
        or [item for item, path in trash.items() if name in _id_of(path)]
    )
    if len(fitting) != 1:
        choices = f" Deleted runs: {', '.join(fitting or trash)}." if trash else ""
        why = "several deleted runs fit" if fitting else "it was deleted permanently"
        raise RunError(f"Run '{name}' cannot be brought back: {why}.{choices}")
    gone = trash[fitting[0]]
    path = root / _id_of(gone)
    if path.exists():
        raise RunError(f"Run '{fitting[0]}' is already there.")
    gone.rename(path)
    return Run(path)


def deleted_runs(root: Path | None = None, *, within: float = math.inf) -> list[str]:
    """Names of the runs that ``restore_run`` can bring back, last deleted first.

    Args:
        root: Folder of the runs, by default the one in use.
        within: Only those that were deleted in the last so many seconds.
    """
    since = time.time() - within
    trash = _trash(root or checkpoints_dir())
    return [name for name, path in trash.items() if _changed(path) >= since]


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
    require(Action.CHANGE_RUN)
    before = time.time() - older_than
    count = 0
    for name, path in _trash(root or checkpoints_dir()).items():
        wanted = names is None or name in names
        if wanted and _changed(path) <= before:
            shutil.rmtree(path, ignore_errors=True)  # someone else may remove it as well
            count += 1
    return count


def is_free(path: Path) -> bool:
    """Whether no run has this folder, and none that was deleted would come back to it."""
    return not path.exists() and not _trash_path(path).exists()


def _trash_path(path: Path) -> Path:
    return path.with_name(_TRASH + path.name)


def _id_of(trash: Path) -> str:
    return trash.name.removeprefix(_TRASH)


def _trash(root: Path) -> dict[str, Path]:
    """Folders of deleted runs by name, last deleted first; a name that is there twice gives ids."""
    try:
        found = read_once(root, _trash_in)  # a folder changes with its list of names
    except OSError:  # there is no such folder, or it cannot be listed
        return {}
    paths = sorted((path for path in found if path.is_dir()), key=_changed, reverse=True)
    named: dict[str, Path] = {}
    for path in paths:
        run = Run(path)
        name = _id_of(path) if run.name == run.id else run.name
        named[_id_of(path) if name in named else name] = path
    return named


def _trash_in(root: Path) -> list[Path]:
    return list(root.glob(f"{_TRASH}*"))


def _changed(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime
    return math.inf  # someone else has just removed or restored it
