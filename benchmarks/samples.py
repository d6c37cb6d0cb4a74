"""Data sets and complete run folders from random numbers, for tests and benchmarks."""

from pathlib import Path
from typing import Any

import numpy as np

from emotion_core.files import read_json, write_json
from emotion_core.paths import PROJECT, checkpoints_dir


def random_faces(n: int, seed: int = 0) -> Any:
    """A data set of noise with ``n`` test faces, half as many for validation and a tenth to train."""
    from emotion_core.data.faces import SPLITS, FaceData, canonical_order, fingerprint

    rng = np.random.default_rng(seed)
    sizes = [n // 10, n // 2, n]
    total = sum(sizes)
    images = rng.integers(0, 256, (total, 48, 48), dtype=np.uint8)
    labels = rng.choice(7, size=total, p=[0.14, 0.03, 0.14, 0.24, 0.17, 0.17, 0.11])
    labels = labels.astype(np.int64)
    splits = np.repeat(range(len(SPLITS)), sizes).astype(np.uint8)
    test = np.flatnonzero(splits == SPLITS.index("test"))
    test = test[canonical_order(images[test], labels[test])]
    return FaceData(
        images=images,
        labels=labels,
        splits=splits,
        usage=np.array([""] * total),
        ids=np.array([f"face-{i}" for i in range(total)]),
        name="random",
        source="random",
        fingerprint=fingerprint(images, labels, splits),
        test_fingerprint=fingerprint(images[test], labels[test], splits[test]),
        synthetic=True,
    )


def write_random_run(
    root: Path,
    data: Any,
    *,
    model: str = "sequential",
    recipe: str = "best",
    seed: int = 0,
    skill: float = 4.0,
    epochs: int = 12,
) -> Any:
    """A complete run folder without weights, from random logits, through the real report.

    Args:
        root: Where run folders lie.
        data: The data set that the run claims to be trained on.
        model: Architecture in its config.
        recipe: ``best`` or ``study``.
        seed: Of the logits; every image has a difficulty that all runs share, so that their
            mistakes overlap as those of real networks do.
        skill: How far the true class's logit is raised; more is more accurate.
        epochs: Rows of its learning curve.
    """
    from emotion_core.data.splits import split_indices
    from emotion_core.evaluation.calibrate import fit_calibration
    from emotion_core.evaluation.measure import to_half
    from emotion_core.evaluation.report import build_report, write_report
    from emotion_core.recipes import recipe_config
    from emotion_core.runs.create import create_run
    from emotion_core.runs.report import Cost, Environment
    from emotion_core.runs.status import Status, now

    rng = np.random.default_rng(seed)
    split = split_indices(data, 0)
    labels = {name: data.labels[getattr(split, name)] for name in ("val", "test")}
    logits: dict[str, np.ndarray] = {}
    flipped: dict[str, np.ndarray] = {}
    for code, (name, truth) in enumerate(labels.items()):
        shared = np.random.default_rng([code, 1_000_003]).normal(size=(len(truth), 7))
        raised = 2 * shared + skill * np.eye(7)[truth]
        logits[name] = to_half(1.7 * (raised + rng.normal(size=shared.shape)))
        flipped[name] = to_half(1.7 * (raised + rng.normal(size=shared.shape)))

    config = recipe_config(
        recipe, model, data=data.source, seed=seed, epochs=epochs, val_fraction=0.1
    )
    run = create_run(config, root)
    accuracy = float((logits["val"].argmax(axis=1) == labels["val"]).mean())
    for epoch in range(1, epochs + 1):
        share = 1 - 0.6**epoch
        run.append_metrics(
            {
                "epoch": epoch,
                "step": epoch * 100,
                "images_seen": epoch * 6_400,
                "train_loss": 2.0 - 1.6 * share,
                "train_accuracy": min(1.0, accuracy * share * (1 + 0.02 * epoch)),
                "val_loss": 2.0 - 1.2 * share + 0.01 * epoch,
                "val_accuracy": accuracy * share + float(rng.normal(0, 0.004)),
                "val_macro_f1": accuracy * share * 0.97,
                "lr": 0.05 * (1 - epoch / (epochs + 1)),
                "seconds": 8.0 + seed,
                "images_per_second": 6_400 / (8.0 + seed),
            }
        )
    run.write_status(
        Status(
            state="finished",
            created=now(),
            started=now(),
            finished=now(),
            epoch=epochs,
            epochs=epochs,
            train_seconds=epochs * (8.0 + seed),
        )
    )
    report, arrays = build_report(
        run,
        data,
        split,
        labels=labels,
        logits=logits,
        flipped=flipped,
        calibration=fit_calibration(logits["val"], labels["val"]),
        cost=Cost(
            parameters=1_000_000 * (seed + 1),
            macs=30_000_000 * (seed + 1),
            size_bytes=4_000_000 * (seed + 1),
            latency_ms=1.0 + seed,
            latency_p90_ms=1.2 + seed,
            latency_backend="none",
            train_seconds=epochs * (8.0 + seed),
            images_per_second=6_400 / (8.0 + seed),
        ),
        environment=Environment(cores=1),
    )
    write_report(run, report, arrays)
    return run


def many_runs(home: Path, further: int) -> Path:
    """The shipped runs in a folder of links, and copies of them under names of their own.

    Args:
        home: The folder; made here.
        further: How many copies.

    Returns:
        ``home``.
    """
    home.mkdir()
    for path in checkpoints_dir().iterdir():
        (home / path.name).symlink_to(path)
    copy_runs(home, further)
    return home


def copy_runs(home: Path, count: int) -> None:
    """Copies of the shipped runs under names of their own; their files are links."""
    shipped = sorted(path.parent for path in (PROJECT / "checkpoints").glob("*/report.json"))
    for index in range(count):
        source = shipped[index % len(shipped)]
        copy = home / f"copy-{index:03d}-{source.name}"
        copy.mkdir()
        for path in source.iterdir():
            (copy / path.name).symlink_to(path)
        (copy / "config.json").unlink()
        write_json(copy / "config.json", read_json(source / "config.json") | {"name": copy.name})
