"""``ablate``: what each part of our recipe brings on validation, one change at a time."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emotion_core.runs.run import Run

HELP = "train the reference model with one change at a time, and print what each brings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which changes, how long."""
    parser.add_argument("--data", default="fer2013", help="where FER-2013 is (default: fer2013)")
    parser.add_argument("--epochs", type=int, default=8, help="length of each run (default: 8)")
    parser.add_argument("--seeds", type=int, default=1, help="runs a change (default: 1)")
    parser.add_argument(
        "--only", metavar="CHANGE", action="append", help="only this change; repeatable"
    )
    parser.add_argument("--list", action="store_true", help="list the changes and stop")


def run(args: argparse.Namespace) -> int:
    """Train what is not trained yet, then print the table; 3 when stopped and resumable."""
    from emotion_core.errors import ConfigError, unknown
    from emotion_core.training.reference import ABLATIONS, ablation_config, run_of
    from emotion_core.training.settle import settled
    from emotion_core.training.terminal import train_in_terminal

    if args.list:
        print("\n".join(ABLATIONS))
        return 0
    if args.seeds < 1:
        raise ConfigError(f"--seeds must be at least 1, got {args.seeds}.")
    changes = list(dict.fromkeys([next(iter(ABLATIONS)), *(args.only or ABLATIONS)]))
    for change in changes:
        if change not in ABLATIONS:
            raise ConfigError(unknown("change", change, ABLATIONS))
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


def ablation_table(found: "dict[str, list[Run]]") -> str:
    """Mean best validation of each change and its difference to the first, as Markdown.

    Args:
        found: Finished runs a change; the first is what the others are compared with.
    """
    import numpy as np

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
