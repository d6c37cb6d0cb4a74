"""``export``: a run's weights for other tools."""

import argparse
from pathlib import Path

HELP = "write a run's model as ONNX, HDF5 or safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the format and the file."""
    parser.add_argument("run", metavar="RUN", help="run folder, name, or a part of its name")
    parser.add_argument(
        "--format",
        required=True,
        choices=("onnx", "h5", "safetensors"),
        help="onnx: pixels in, logits out; h5 and safetensors: the tensors with metadata",
    )
    parser.add_argument("--out", type=Path, help="file or folder (default: RUN.FORMAT here)")
    parser.add_argument("--half", action="store_true", help="fp16 weights (h5, safetensors)")


def run(args: argparse.Namespace) -> int:
    """Export and say where."""
    from emotion_core.models.export import export_run
    from emotion_core.runs import load_run

    path = export_run(load_run(args.run), args.format, args.out, half=args.half)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0
