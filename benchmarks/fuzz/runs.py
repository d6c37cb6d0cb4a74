"""A folder of two runs: one is damaged at random, and the other must stay of use."""

import json
import os
import random
import shutil
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.fuzz.damage import ODD_VALUES, damaged, damaged_json
from emotion_core.errors import EmotionError

GOOD, BAD = "good", "bad"
_SPECIAL = 0.08  # share of inputs with a folder, pipe or link where a file belongs
# Those that are read most often come more often.
_FILES = (
    *("config.json", "config.json", "status.json", "status.json", "report.json", "report.json"),
    *("metrics.jsonl", "predictions.npz", "model.json", "model.safetensors", "run.lock"),
    *("robustness.json", "robustness-progress.json", "transfer.json", "progress.jsonl"),
    "features.npz",
)


@cache
def files() -> dict[str, dict[str, bytes]]:
    """Name and content of each file of both runs, complete and with the weights of a small network."""
    import torch

    from benchmarks.samples import random_faces, write_random_run
    from emotion_core.models.checkpoint import save_checkpoint
    from emotion_core.models.preprocess import Preprocess
    from emotion_core.models.registry import create_model

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, seed in ((GOOD, 0), (BAD, 1)):
            run = write_random_run(Path(folder), random_faces(40), seed=seed, epochs=2)
            torch.manual_seed(seed)
            save_checkpoint(
                run,
                create_model("sequential", width=8),
                architecture="sequential",
                options={"width": 8},
                preprocess=Preprocess(),
            )
            found[name] = {
                path.name: path.read_bytes()
                for path in sorted(run.path.iterdir())
                if path.is_file()
            }
    return found


def runs(rng: random.Random, place: Path) -> Path:
    """A folder of a good run and a damaged one."""
    root = place / "runs"
    for name, content in files().items():
        (root / name).mkdir(parents=True)
        for file, data in content.items():
            (root / name / file).write_bytes(data)
    if rng.random() < 0.05:
        (root / "catalog.toml").write_bytes(
            damaged(rng, b'[groups]\nShown = ["good", "bad"]\n', [])
        )
    for name in rng.sample(_FILES, rng.choice((1, 1, 1, 2))):
        path = root / BAD / name
        if not path.parent.is_dir():  # its folder became a file
            break
        if rng.random() < _SPECIAL:
            _put_special(rng, path)
        elif path.is_file() or not path.exists():
            _write_damaged(rng, path)
    return root


def _write_damaged(rng: random.Random, path: Path) -> None:
    data = path.read_bytes() if path.exists() else b""
    if not data and rng.random() < 0.8:  # a file that this run has not
        data = json.dumps({"pid": 1, "share": 0.5, "format": 1, "curves": {}}).encode()
    how = rng.random()
    if how < 0.6 and path.suffix == ".json" and data:
        path.write_bytes(damaged_json(rng, data))
    elif how < 0.6 and path.suffix == ".jsonl" and data:
        lines = data.splitlines()
        at = rng.randrange(len(lines))
        lines[at] = damaged_json(rng, lines[at])
        path.write_bytes(b"\n".join(lines))
    elif how < 0.65:
        path.write_text(json.dumps(rng.choice(ODD_VALUES)))
    elif how < 0.7:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(damaged(rng, data, [item for item in files()[GOOD].values() if item]))


def _put_special(rng: random.Random, path: Path) -> None:
    path.unlink(missing_ok=True)
    how = rng.randrange(5)
    if how == 0:
        os.mkfifo(path)
    elif how == 1:
        path.symlink_to("/dev/zero")
    elif how == 2:
        path.symlink_to(path)
    elif how == 3:
        path.mkdir()
    else:
        shutil.rmtree(path.parent)
        path.parent.write_bytes(b"no folder")


def _metrics_changed(root: Path) -> bool:
    path = root / BAD / "metrics.jsonl"
    return path.is_file() and path.read_bytes() != files()[BAD][path.name]


def use_runs(root: Path) -> None:
    """List, rank, compare and load the runs, as the pages and the commands do.

    What concerns the damaged run may end in an error for the user; the good one must stay of use.
    """
    from emotion_core.evaluation.compare import compare_runs
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.plots import training as plots
    from emotion_core.reporting.panels.courses import curves_of
    from emotion_core.reporting.panels.curves import AXES, CURVES, curves_panel
    from emotion_core.reporting.rows import comparison_rows
    from emotion_core.runs.catalog import best_run, list_runs
    from emotion_core.training.jobs import list_jobs

    found = list_runs(root)
    good = next(run for run in found if run.path.name == GOOD)
    assert not good.problem, f"the good run has a problem: {good.problem}"
    usable = [run for run in found if not run.problem]
    assert good.report() and best_run(runs=found) in usable
    assert {job.run.path.name for job in list_jobs(root)} == {run.path.name for run in found}
    comparison = compare_runs(usable)
    compared = {result.name for result in comparison.results}
    assert good.name in compared or len(usable) > 1, comparison.refused
    comparison_rows(comparison)
    if _metrics_changed(root) and len(comparison.results) > 1:  # it takes long
        for axis in AXES:
            curves_panel(curves_of(comparison), next(iter(CURVES)), axis=axis, smoothing=0.5)
    problems = [run.problem for run in found if run.problem]
    problems += [item.reason for item in comparison.refused]
    for run in found:
        run.log_tail(5)
        if not run.problem:
            plots.reading(run.metrics(), run.config().monitor, None)
    for text in problems:
        assert len(text) < 2_000, f"{len(text)} characters: {text[:200]}"
        text.encode()
    for run in usable:
        try:
            load_classifier(run.path, backend="torch")
        except EmotionError:
            assert run.path.name == BAD
