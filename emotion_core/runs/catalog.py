"""The runs of a folder, and how one is named by a user."""

from pathlib import Path

from emotion_core.errors import EmotionError, RunError, unknown
from emotion_core.paths import checkpoints_dir
from emotion_core.runs.run import Run


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
