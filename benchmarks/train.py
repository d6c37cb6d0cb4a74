"""How fast training is, beside the loop that the study (and most tutorials) used.

The study's loop: batch 32, fp32, a ``DataLoader`` over a ``TensorDataset`` of floats, the default
memory layout, ``loss.item()`` at every step. Ours: ``training.loop`` with the best recipe, on request also
with torch.compile.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.command import Figures, measure
from emotion_core.paths import PROJECT

if TYPE_CHECKING:
    from emotion_core.data.faces import FaceData

HELP = "training images per second of the study's loop and of ours, in one run"

_STUDY_BATCH = 32
_FIRST_STEP = """
import sys
import torch
from emotion_core.training.upstream import without_compiler

kind = without_compiler(torch.optim.AdamW) if sys.argv[1] == "ours" else torch.optim.AdamW
layer = torch.nn.Linear(4, 3)
optimizer = kind(layer.parameters(), lr=0.1)
layer(torch.ones(2, 4)).sum().backward()
optimizer.step()
"""
_STARTS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which models, how long."""
    parser.add_argument(
        "--models", nargs="+", default=["resnet18", "block_cnn", "sequential"], metavar="NAME",
        help="architectures, or 'all'",
    )  # fmt: skip
    parser.add_argument("--batch-size", type=int, default=128, help="ours (default: 128)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")
    parser.add_argument(
        "--precision", default="auto", help="ours: auto, fp32 or bf16; the study's is always fp32"
    )
    parser.add_argument(
        "--compile", action="store_true", help="measure ours with torch.compile as well"
    )
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="measured time for each loop (default: 10)"
    )


def run(args: argparse.Namespace) -> Figures:
    """Measure each model with both loops."""
    import resource

    import torch

    from emotion_core.data.synthetic import synthetic_faces
    from emotion_core.errors import ConfigError, TrainingError
    from emotion_core.machine import resolve_device
    from emotion_core.models.registry import list_models

    device = resolve_device(args.device)
    data = synthetic_faces(3500)
    largest = len(data.indices("train")) // 4
    if not 2 <= args.batch_size <= largest:
        raise ConfigError(f"--batch-size must be 2 to {largest}, got {args.batch_size}.")
    if args.seconds <= 0:
        raise ConfigError(f"--seconds must be more than 0, got {args.seconds:g}.")
    models = list_models() if args.models == ["all"] else args.models
    rows = []
    print(f"{torch.get_num_threads()} threads, {device}; images per second")
    head = f"{'model':22}{'study loop':>12}{'ours':>10}{'ratio':>8}"
    print(head + (f"{'compiled':>10}{'ratio':>8}" if args.compile else ""))
    for name in models:
        study = _study_rate(name, data, device, args.seconds)
        ours = _our_rate(name, data, args, compiled=False)
        row = {"model": name, "study": study, "ours": ours, "ratio": ours / study}
        line = f"{name:22}{study:12.1f}{ours:10.1f}{ours / study:8.2f}"
        if args.compile:
            try:
                compiled = _our_rate(name, data, args, compiled=True)
            except TrainingError as error:
                line += f"  {error}"
            else:
                row |= {"compiled": compiled, "compiled_ratio": compiled / study}
                line += f"{compiled:10.1f}{compiled / study:8.2f}"
        rows.append(row)
        print(line, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    usual, ours = _start_seconds()
    print(
        f"From a new process to an optimizer's first step: usually {usual:.1f} s, ours {ours:.1f} s"
    )
    start = {"usual": usual, "ours": ours, "ratio": ours / usual}
    result: Figures = {
        "rows": rows,
        "start_seconds": start,
        "peak_memory_mb": peak,
        "device": str(device),
    }
    if device.type == "cuda":
        result["matmul_tflops"] = _matmul_tflops(device)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("train", HELP, add_arguments, run, argv)


def _start_seconds() -> tuple[float, float]:
    """Medians with PyTorch's optimizer as it is, and with ours, in turns."""
    found: dict[str, list[float]] = {"usual": [], "ours": []}
    for _ in range(_STARTS):
        for kind, seconds in found.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", _FIRST_STEP, kind], check=True, cwd=PROJECT)
            seconds.append(time.perf_counter() - started)
    return statistics.median(found["usual"]), statistics.median(found["ours"])


def _study_rate(name: str, data: "FaceData", device: Any, seconds: float) -> float:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from emotion_core.models.registry import create_model

    images = torch.from_numpy(data.images).float().div(255).unsqueeze(1)
    loader = DataLoader(
        TensorDataset(images, torch.from_numpy(data.labels)), batch_size=_STUDY_BATCH, shuffle=True
    )
    model = create_model(name).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    criterion = nn.CrossEntropyLoss()
    total, done, started = 0.0, 0, 0.0
    while True:
        for step, (batch, labels) in enumerate(loader):
            if started == 0.0 and step == 2:  # the first steps allocate and choose kernels
                started = time.perf_counter()
            optimizer.zero_grad()
            logits = model(batch.to(device))
            loss = criterion(logits, labels.to(device))
            loss.backward()
            optimizer.step()
            total += loss.item()
            if started:
                done += len(labels)
                elapsed = time.perf_counter() - started
                if elapsed >= seconds:
                    return done / elapsed


def _our_rate(name: str, data: "FaceData", args: argparse.Namespace, *, compiled: bool) -> float:
    """Images per second of the real training loop; validation between its epochs does not count."""
    import torch

    from emotion_core.recipes import recipe_config
    from emotion_core.runs.create import create_run
    from emotion_core.training.failures import Stopped
    from emotion_core.training.loop import train
    from emotion_core.training.progress import Progress

    config = recipe_config(
        "best",
        name,
        epochs=1000,
        batch_size=args.batch_size,
        device=args.device,
        precision=args.precision,
        compile=compiled,
    )
    stop = threading.Event()
    steps, seconds, since = 0, 0.0, 0.0

    def count(progress: Progress) -> None:
        nonlocal steps, seconds, since
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now, status = time.perf_counter(), progress.status
        if progress.row:
            since = 0.0
            return
        if since and status.step < status.steps:  # an epoch's last batch is smaller
            steps, seconds = steps + 1, seconds + now - since
        if status.epoch or status.step >= 2:  # the first steps allocate and choose kernels
            since = now
        if seconds >= args.seconds:
            stop.set()

    with tempfile.TemporaryDirectory() as folder:
        run = create_run(config, Path(folder))
        with contextlib.suppress(Stopped):
            train(run, config, data, stop=stop, on_progress=count)
    return float(steps * args.batch_size / seconds)


def _matmul_tflops(device: Any) -> float:
    """bf16 matrix product rate of the chip, TFLOP/s."""
    import torch

    size, repeats = 8192, 30
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    for _ in range(3):
        a @ a
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(repeats):
        a @ a
    torch.cuda.synchronize()
    return 2 * size**3 * repeats / (time.perf_counter() - started) / 1e12


if __name__ == "__main__":
    sys.exit(main())
