"""``ship``: prepare a finished run for committing."""

import argparse

HELP = "turn a finished run's weights to fp16, check them, and write its model card"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and whether its weights are kept."""
    parser.add_argument("name", metavar="RUN", help="run folder or a part of its name")
    parser.add_argument(
        "--no-weights", action="store_true", help="keep curves, report and predictions alone"
    )


def run(args: argparse.Namespace) -> int:
    """Ship one run."""
    from emotion_core.runs.catalog import load_run
    from emotion_core.training.ship import ship_run

    found = load_run(args.name)
    changed = ship_run(found, weights=not args.no_weights)
    size = sum(path.stat().st_size for path in found.path.iterdir() if path.is_file())
    kept = f"fp16 changed {changed:.2%} of the validation predictions"
    print(
        f"{found.name} is ready, {size / 1e6:.1f} MB; "
        f"{'it has no weights' if args.no_weights else kept}. "
        f"Commit it with: git add -f {found.path}"
    )
    return 0
