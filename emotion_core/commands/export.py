"""``export``: a run for other tools."""

import argparse
from pathlib import Path

HELP = "write a run as ONNX, HDF5, safetensors, a web page, TensorBoard events or an MLflow run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the format and the place."""
    parser.add_argument("run", metavar="RUN", help="folder, name, part of it, or architecture")
    parser.add_argument(
        "--format",
        required=True,
        choices=("onnx", "h5", "safetensors", "web", "tensorboard", "mlflow"),
        help="onnx: pixels in, logits out; h5 and safetensors: the tensors with metadata; "
        "web: a folder for any static host, which works in the browser alone; "
        "tensorboard and mlflow: settings, curves and results",
    )
    parser.add_argument(
        "--out",
        help="file or folder (default: RUN.FORMAT or RUN-web here); tensorboard: log folder (default: "
        "tensorboard); mlflow: tracking store (default: sqlite:///mlflow.db)",
    )
    parser.add_argument("--half", action="store_true", help="fp16 weights (h5, safetensors)")


def run(args: argparse.Namespace) -> int:
    """Export and say where."""
    from emotion_core.errors import ModelError
    from emotion_core.models.export import export_run
    from emotion_core.reporting.tracking import write_mlflow, write_tensorboard
    from emotion_core.runs.catalog import pick_run

    tracking = args.format in ("tensorboard", "mlflow")
    if args.half and (tracking or args.format == "web"):
        raise ModelError("--half is for the formats that hold weights, h5 and safetensors.")
    found = pick_run(args.run, weights=not tracking)
    if args.format == "tensorboard":
        logs = args.out or "tensorboard"
        print(f"{write_tensorboard(found, Path(logs))}: open with tensorboard --logdir {logs}")
    elif args.format == "mlflow":
        store = args.out or "sqlite:///mlflow.db"
        identity = write_mlflow(found, store)
        print(f"run {identity}: open with mlflow ui --backend-store-uri {store}")
    elif args.format == "web":
        from emotion_core.live.yunet_file import yunet_path
        from emotion_core.models.web_export import export_web

        detector = yunet_path()
        if detector is None:
            raise ModelError(
                "The page finds faces with YuNet, whose file is not on this machine. Get it: "
                "python -m emotion_core fetch yunet"
            )
        folder = export_web(found, Path(args.out) if args.out else None, detector=detector)
        print(f"{folder}: put it on any web server, or try it: python -m http.server -d {folder}")
    else:
        out = Path(args.out) if args.out else None
        path = export_run(found, args.format, out, half=args.half)
        print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0
