"""What each part of our recipe brings on validation, one change at a time.

``python -m research.ablate --list`` names the changes.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from emotion_core.errors import ConfigError, EmotionError, unknown
from emotion_core.recipes import TrainConfig
from emotion_core.runs.run import Run
from emotion_core.training.settle import settled
from emotion_core.training.terminal import train_in_terminal
from research.experiments import experiment_config, run_of

_BASE = "sequential-first"  # fresh weights and labels alone

ABLATIONS: dict[str, dict[str, Any]] = {
    "our recipe": {},
    "no label smoothing": {"label_smoothing": 0.0},
    "no mixup": {"mixup": 0.0},
    "no averaged weights": {"ema": 0.0},
    "no flip, rotation, shift, zoom": {
        "flip": 0.0,
        "rotation": 0.0,
        "translation": 0.0,
        "scale": 0.0,
    },
    "no light, blur, noise, erasing": {
        "brightness": 0.0,
        "contrast": 0.0,
        "blur": 0.0,
        "noise": 0.0,
        "erasing": 0.0,
    },
    "no weight decay": {"weight_decay": 0.0},
    "balanced class weights": {"class_weights": "balanced"},
    "square-root class weights": {"class_weights": "sqrt"},
    "constant learning rate": {"schedule": "constant"},
    "adam, 0.001": {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.0},
    "batch 32, rate 0.05": {"batch_size": 32, "lr": 0.05},
    "pixels by the data set's mean": {"normalize": "dataset"},
    "stem without stride": {"options": {"stem_stride": 1}},
}


def ablation_config(change: str, *, epochs: int, seed: int, data: str = "fer2013") -> TrainConfig:
    """Settings of the base run with one change.

    Args:
        change: A key of ``ABLATIONS``.
        epochs: Length of each run.
        seed: Of weights and draws.
        data: Where FER-2013 is.
    """
    base = experiment_config(_BASE, data)
    return base.replace(**ABLATIONS[change], epochs=epochs, seed=seed)


def main(words: Sequence[str] | None = None) -> int:
    """Train what is not trained yet, then print the table; 3 when stopped and resumable."""
    parser = argparse.ArgumentParser(prog="python -m research.ablate", description=__doc__)
    parser.add_argument("--data", default="fer2013", help="where FER-2013 is (default: fer2013)")
    parser.add_argument("--epochs", type=int, default=8, help="length of each run (default: 8)")
    parser.add_argument("--seeds", type=int, default=1, help="runs per change (default: 1)")
    parser.add_argument(
        "--only", metavar="CHANGE", action="append", help="only this change; repeatable"
    )
    parser.add_argument("--list", action="store_true", help="list the changes and stop")
    args = parser.parse_args(words)
    if args.list:
        print("\n".join(ABLATIONS))
        return 0
    if args.seeds < 1:
        raise ConfigError(f"--seeds must be at least 1, got {args.seeds}.")
    changes = list(dict.fromkeys([next(iter(ABLATIONS)), *(args.only or ABLATIONS)]))
    for change in changes:
        if change not in ABLATIONS:
            raise ConfigError(unknown("change", change, ABLATIONS))
    return _ablate(changes, args)


def _ablate(changes: Sequence[str], args: argparse.Namespace) -> int:
    found: dict[str, list[Run]] = {change: [] for change in changes}
    left_out = False
    for seed in range(args.seeds):
        for change in changes:
            config = ablation_config(change, epochs=args.epochs, seed=seed, data=args.data)
            run = run_of(settled(config))
            if run.is_locked():
                print(f"{run.name} is being trained by another process; left out.")
                left_out = True
                continue
            if run.status().state != "finished" and not train_in_terminal(run, run.config()):
                print("Go on by the same command: finished runs are not trained again.")
                return 3
            found[change].append(run)
    if left_out:
        print("Print the table by the same command when those have ended.")
        return 3
    print(ablation_table(found))
    return 0


def ablation_table(found: dict[str, list[Run]]) -> str:
    """Mean best validation of each change and its difference to the first, as Markdown.

    Args:
        found: Finished runs a change; the first is what the others are compared with.
    """
    lines = [
        "| Change | Validation accuracy | Difference | Macro-F1 | Minutes |",
        "| --- | --- | --- | --- | --- |",
    ]
    base = 0.0
    for number, (change, runs) in enumerate(found.items()):
        best = [max(run.metrics(), key=lambda row: row["val_accuracy"]) for run in runs]
        scores = [row["val_accuracy"] for row in best]
        mean, spread = float(np.mean(scores)), float(np.std(scores, ddof=1)) if runs[1:] else None
        base = base if number else mean
        lines.append(
            f"| {change} | {mean:.2%}{'' if spread is None else f' ± {spread:.2%}'} | "
            f"{'' if number == 0 else f'{100 * (mean - base):+.1f}'} | "
            f"{np.mean([row['val_macro_f1'] for row in best]):.3f} | "
            f"{np.mean([run.status().train_seconds for run in runs]) / 60:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EmotionError as error:
        sys.exit(f"error: {error}")
