"""The runs of a folder, which of them were shipped, and how a user names one."""

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from emotion_core.errors import EmotionError, RunError, unknown
from emotion_core.paths import checkpoints_dir
from emotion_core.recipes import TrainConfig
from emotion_core.runs.registry import (
    CHAMPION,
    PREVIOUS,
    first_champion,
    is_alias,
    read_registry,
    target,
)
from emotion_core.runs.run import RUN_ID, Run
from emotion_core.runs.shipped import is_shipped, read_catalog

log = logging.getLogger(__name__)

_MOST_NAMED = 5
_LONGEST_PROBLEM = 1_000  # characters; a damaged file may put anything into a message


def run_folders(root: Path) -> list[Path]:
    """Folders that hold a run or should; a folder that cannot be listed has none."""
    try:
        with os.scandir(root) as entries:
            names = [item.name for item in entries if item.is_dir() and item.name[0] != "."]
    except OSError:
        return []
    return [root / name for name in sorted(names)]


def list_runs(root: Path | None = None) -> list[Run]:
    """All runs, newest first. A broken one is listed with its ``problem`` and harms no other."""
    found: list[tuple[str, Run]] = []
    names: dict[str, Run] = {}
    made = sorted((_made(Run(path)), path) for path in run_folders(root or checkpoints_dir()))
    for when, path in made:
        run, problem = Run(path), ""
        try:
            run.check()
        except EmotionError as error:
            problem = str(error)[:_LONGEST_PROBLEM]
        except Exception as error:
            problem = f"Run '{run.name}' cannot be read ({type(error).__name__}: {error})."
        if not problem and (other := names.setdefault(run.name, run)) is not run:
            problem = (
                f"Run '{run.id}' is called '{run.name}', as '{other.id}' is. Rename it: "
                f"python -m emotion_core jobs rename {run.id} NAME"
            )
        found.append((when, Run(path, problem)))
    return [run for _, run in reversed(found)]


def load_run(name: str | Path, root: Path | None = None) -> Run:
    """A run by alias, folder path, name, id, former name, or a part of its name that only one has.

    Raises:
        RunError: no run, or more than one, fits.
    """
    if is_alias(name):
        return _aliased(str(name), root)
    return _at_path(name) or _load(str(name), list_runs(root), root)


def best_run(
    root: Path | None = None,
    *,
    model: str | None = None,
    weights: bool = True,
    final: bool = True,
    runs: Sequence[Run] | None = None,
) -> Run:
    """The finished run that is best on validation.

    Accuracies on different faces say nothing about each other: runs on real data go before those
    on drawn faces, and those on the larger data set before all others.

    Args:
        root: Folder of the runs, by default the one in use.
        model: Only runs of this architecture.
        weights: Whether it must have weights, and not only predictions.
        final: Whether it may have learned the validation faces, too. Such a run goes before the one
            that it repeats.
        runs: What ``list_runs`` gave, if it was asked already.

    Raises:
        RunError: there is none.
    """
    ranked = []
    for run in list_runs(root) if runs is None else runs:
        if run.problem:
            continue
        config, report = run.config(), run.report()
        usable = (run.weights_path.exists() or not weights) and (final or not config.final)
        if model not in (None, config.model):
            continue
        if report and usable:
            facts = report.data
            data = (not facts.synthetic, facts.faces, facts.fingerprint)
            ranked.append((data, report.val.accuracy, run))
    if not ranked:
        what = f"{model} with weights" if model and weights else model or "model"
        raise RunError(
            f"No trained {what} is on this machine. Train one on the Training page or "
            f"with 'python -m emotion_core train{f' --model {model}' if model else ''}'."
        )
    return max(ranked, key=lambda item: item[:2])[2]  # of equals the newest


def pick_run(
    name: str | Path, root: Path | None = None, *, weights: bool = True, final: bool = True
) -> Run:
    """A run to read: as ``load_run``; an architecture's name means its ``best_run``.

    A run of that name goes before the architecture. What changes a run takes ``load_run``, which
    never chooses.

    Args:
        name: Alias, folder, name, id, former name, architecture, or part of a name.
        root: Folder of the runs, by default the one in use.
        weights: Whether the best run must have weights.
        final: Whether the best run may have learned the validation faces, too.

    Raises:
        RunError: no run, or more than one, fits.
    """
    if is_alias(name):
        return _aliased(str(name), root)
    if (run := _at_path(name)) is not None:
        return run
    runs = list_runs(root)
    if exact := _exact(str(name), runs, root):
        return exact
    if any(not run.problem and run.config().model == str(name) for run in runs):
        return best_run(root, model=str(name), weights=weights, final=final, runs=runs)
    return _load(str(name), runs, root)


def known_as(reference: str, root: Path | None = None, runs: Sequence[Run] | None = None) -> str:
    """Name of the run that a setting or a file refers to; as it stands there if it is not here.

    Args:
        reference: An id, a name or a path.
        root: Folder of the runs, by default the one in use.
        runs: Where to look, as ``list_runs`` gave them, for former names as well.
    """
    if runs is None:  # a reference is the name of a folder
        run = _at_path(reference) or _at_path((root or checkpoints_dir()) / reference)
    else:
        run = _exact(reference, runs, root)
    return run.name if run else Path(reference).name


def with_names(run: Run) -> TrainConfig:
    """A run's settings for people: earlier runs by the names that they have now, not by ids."""
    config, root = run.config(), run.path.parent
    named = config.with_earlier(lambda reference: known_as(reference, root))
    return named.replace(chosen_by=known_as(config.chosen_by, root)) if config.final else named


def champion(root: Path | None = None) -> Run:
    """The run that ``@champion`` names; before the first promotion the best of the shipped ones.

    Raises:
        RunError: it is not there any more, or there is no run at all.
    """
    if target(CHAMPION):
        return _aliased(CHAMPION, root)
    runs = list_runs(root)
    shipped = [run for run in runs if is_shipped(run)]
    return first_champion(shipped) or first_champion(runs) or best_run(root, runs=runs)


def aliased_runs(root: Path | None = None) -> dict[str, Run]:
    """Runs by alias, ``@champion`` and ``@previous`` first; an alias whose run is gone is left out.

    Raises:
        RunError: the registry is damaged.
    """
    found = {}
    for alias in dict.fromkeys((CHAMPION, PREVIOUS, *sorted(read_registry().aliases))):
        with contextlib.suppress(RunError):
            found[alias] = _aliased(alias, root)
    return found


def _aliased(alias: str, root: Path | None) -> Run:
    reference = target(alias)
    if not reference:
        if alias == CHAMPION:
            return champion(root)
        raise RunError(f"There is no alias '{alias}'. List them: python -m emotion_core registry")
    run = Run((root or checkpoints_dir()) / reference)  # of a path the path itself
    if not (run.path / "config.json").exists():
        raise RunError(
            f"{alias} is run '{reference}', which is not there any more. Restore it, promote "
            "another one, or: python -m emotion_core rollback"
        )
    return run


def _at_path(name: str | Path) -> Run | None:
    path = Path(name)
    try:
        return Run(path.resolve()) if (path / "config.json").exists() else None
    except (OSError, ValueError):  # no name of a file, such as one that is too long
        return None


def _exact(name: str, runs: Sequence[Run], root: Path | None) -> Run | None:
    former = read_catalog(root).former.get(name)
    for wanted in (name, former):
        for of in ("name", "id"):
            for run in runs:
                if wanted is not None and getattr(run, of) == wanted:
                    return run
    return None


def _load(name: str, runs: Sequence[Run], root: Path | None) -> Run:
    if exact := _exact(name, runs, root):
        return exact
    fits = [run for run in runs if name in run.name] or [run for run in runs if name in run.id]
    if len(fits) == 1:
        return fits[0]
    if fits:
        names = ", ".join(run.name for run in fits[:_MOST_NAMED])
        others = " and others" if len(fits) > _MOST_NAMED else ""
        raise RunError(f"'{name}' fits {len(fits)} runs: {names}{others}. Give more of the name.")
    if not runs:
        raise RunError(f"No run '{name}': there are no runs in {root or checkpoints_dir()} yet.")
    raise RunError(unknown("run", name, [run.name for run in runs]))


def _made(run: Run) -> str:
    """When a run was made, as text that sorts; of a broken one what its folder says."""
    try:
        return run.status().created
    except Exception:
        day, clock = run.id[:8], run.id[9:15]
        if not RUN_ID.match(run.id):
            return ""
        return f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}+00:00"
