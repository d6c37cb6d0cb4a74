"""``track``: a run for TensorBoard or MLflow."""

import argparse

HELP = "write a run as TensorBoard events or as an MLflow run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="run folder, name, or a part of its name")
    parser.add_argument("--format", choices=("tensorboard", "mlflow"), required=True)
    parser.add_argument(
        "--out",
        required=True,
        help="TensorBoard: log folder; MLflow: tracking store, such as sqlite:///mlflow.db",
    )


def run(args: argparse.Namespace) -> int:
    """Write it and say how to open it."""
    from pathlib import Path

    from emotion_core.evaluation.tracking import write_mlflow, write_tensorboard
    from emotion_core.runs import load_run

    found = load_run(args.run)
    if args.format == "tensorboard":
        folder = write_tensorboard(found, Path(args.out))
        print(f"{folder}: open with tensorboard --logdir {args.out}")
    else:
        identity = write_mlflow(found, args.out)
        print(f"run {identity}: open with mlflow ui --backend-store-uri {args.out}")
    return 0
