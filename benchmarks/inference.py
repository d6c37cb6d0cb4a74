"""What one face costs through each inference backend, and what int8 costs in accuracy."""

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.command import Figures, measure

if TYPE_CHECKING:
    from torch import nn

    from emotion_core.models.preprocess import Preprocess

HELP = "milliseconds per face of each inference backend, and what int8 costs in accuracy"

BATCHES = (1, 5)
_EAGER = "torch-eager"
BACKENDS = (
    "torch-channels-last",
    "torch-compile",
    "onnxruntime",
    "onnxruntime-int8",
    "openvino",
    "openvino-int8",
)
_Forward = Callable[[np.ndarray], np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which models, how long, and trained runs for the accuracy."""
    parser.add_argument(
        "--models",
        nargs="+",
        default=["sequential", "emotion_net", "mobilenet_v3_small", "resnet18", "block_cnn"],
        metavar="NAME",
        help="architectures with fresh weights (default: the five that matter on a CPU)",
    )
    parser.add_argument(
        "--runs", nargs="+", default=[], metavar="RUN", help="trained runs to measure instead"
    )
    parser.add_argument("--data", help="data set of the runs (default: the one in each config)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--repeats", type=int, default=60, help="timed calls each (default: 60)")
    parser.add_argument(
        "--backends",
        nargs="+",
        choices=BACKENDS,
        default=list(BACKENDS),
        metavar="NAME",
        help=f"which to measure beside {_EAGER} (default: all of {', '.join(BACKENDS)})",
    )


def run(args: argparse.Namespace) -> Figures:
    """Measure all backends that are installed, print a table a model, return the figures."""
    import torch

    from emotion_core.errors import ConfigError

    for name in ("threads", "repeats"):
        if getattr(args, name) < 1:
            raise ConfigError(f"--{name} must be 1 or more, got {getattr(args, name)}.")
    torch.set_num_threads(args.threads)
    results = []
    if args.runs:
        for name in args.runs:
            results.append(_measure_run(name, args))
    else:
        from emotion_core.models.preprocess import Preprocess
        from emotion_core.models.registry import create_model

        for name in args.models:
            torch.manual_seed(0)
            model = create_model(name).eval()
            faces = _noise(128)
            results.append(_measure(name, model, Preprocess(), faces, args))
    return {"threads": args.threads, "repeats": args.repeats, "models": results}


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("inference", HELP, add_arguments, run, argv)


def _measure_run(name: str, args: argparse.Namespace) -> Figures:
    from emotion_core.data.sources import load_data
    from emotion_core.data.splits import split_indices
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.runs.catalog import pick_run

    found = pick_run(name)
    classifier = load_classifier(found, backend="torch")
    config = found.config()
    data = load_data(args.data or config.data)
    split = split_indices(data, val_fraction=config.val_fraction)
    calibration = np.array(data.images[np.random.default_rng(0).permutation(split.val)[:512]])
    test = np.array(data.images[split.test]), data.labels[split.test]
    return _measure(
        found.name, classifier.model, classifier.preprocess, calibration, args, test=test
    )


def _measure(
    name: str,
    model: "nn.Module",
    preprocess: "Preprocess",
    calibration: np.ndarray,
    args: argparse.Namespace,
    test: tuple[np.ndarray, np.ndarray] | None = None,
) -> Figures:
    backends, skipped = _backends(model, preprocess, calibration, args)
    expected = backends[_EAGER](calibration)
    rows: dict[str, Figures] = {kind: {} for kind in backends}
    for kind, forward in backends.items():
        got = forward(calibration)
        rows[kind]["largest_difference"] = float(np.abs(got - expected).max())
        if test is not None:  # fresh weights give every face the same emotion
            rows[kind]["same_emotion"] = float((got.argmax(1) == expected.argmax(1)).mean())
            rows[kind]["test_accuracy"] = float((forward(test[0]).argmax(1) == test[1]).mean())
    for batch in BATCHES:
        for kind, milliseconds in _times(backends, calibration[:batch], args.repeats).items():
            rows[kind][f"ms_batch{batch}"] = milliseconds / batch
    for row in rows.values():
        row["ratio_to_eager"] = rows[_EAGER]["ms_batch1"] / row["ms_batch1"]
        if test is not None:
            row["accuracy_loss"] = rows[_EAGER]["test_accuracy"] - row["test_accuracy"]
    _print(name, rows, skipped)
    return {"model": name, "backends": rows, "skipped": skipped}


def _backends(
    model: "nn.Module",
    preprocess: "Preprocess",
    calibration: np.ndarray,
    args: argparse.Namespace,
) -> tuple[dict[str, _Forward], dict[str, str]]:
    """Callables by name, and why others are left out."""
    import copy

    import torch

    from emotion_core.models.backends import create_backend
    from emotion_core.models.onnx_graph import export_onnx
    from emotion_core.models.quantize import quantize

    def eager(module: Any) -> _Forward:
        def forward(faces: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                logits: np.ndarray = module(preprocess.apply(torch.from_numpy(faces))).numpy()
            return logits

        return forward

    def product(kind: str) -> _Forward:
        return create_backend(
            kind, copy.deepcopy(model), preprocess, threads=args.threads, calibration=calibration
        )

    makers: dict[str, Callable[[], _Forward]] = {
        "torch-channels-last": lambda: product("torch"),
        "torch-compile": lambda: eager(torch.compile(copy.deepcopy(model))),
        "onnxruntime": lambda: product("onnx"),
        "onnxruntime-int8": lambda: product("int8"),
        "openvino": lambda: _openvino(export_onnx(model, preprocess), args.threads),
        "openvino-int8": lambda: _openvino(
            quantize(export_onnx(model, preprocess), calibration), args.threads
        ),
    }
    found: dict[str, _Forward] = {_EAGER: eager(copy.deepcopy(model))}
    skipped: dict[str, str] = {}
    for kind in args.backends:
        try:
            forward = makers[kind]()
            for batch in (*BATCHES, len(calibration)):  # torch.compile compiles only now
                forward(calibration[:batch])
            found[kind] = forward
        except Exception as error:  # a missing library or compiler: measure the others
            skipped[kind] = str(error).strip().partition("\n")[0]
    return found, skipped


def _openvino(graph: bytes, threads: int) -> _Forward:
    from emotion_core.models.onnx_graph import INPUT, OUTPUT

    core = importlib.import_module("openvino").Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(
        core.read_model(graph, b""), "CPU", settings
    ).create_infer_request()

    def forward(faces: np.ndarray) -> np.ndarray:
        return np.array(request.infer({INPUT: faces})[OUTPUT])

    return forward


def _times(backends: dict[str, _Forward], faces: np.ndarray, repeats: int) -> dict[str, float]:
    """Median milliseconds a call, in short turns, so that a busy moment hits all alike."""
    milliseconds: dict[str, list[float]] = {kind: [] for kind in backends}
    turn = 10
    for done in range(0, repeats, turn):
        for kind, forward in backends.items():
            forward(faces)  # its weights are back in the cache
            for _ in range(min(turn, repeats - done)):
                start = time.perf_counter()
                forward(faces)
                milliseconds[kind].append((time.perf_counter() - start) * 1000)
    return {kind: float(np.median(values)) for kind, values in milliseconds.items()}


def _noise(count: int) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (count, 8, 8), dtype=np.uint8)
    return coarse.repeat(6, axis=1).repeat(6, axis=2)


def _print(name: str, rows: dict[str, Figures], skipped: dict[str, str]) -> None:
    print(f"\n{name}")
    trained = any("accuracy_loss" in row for row in rows.values())
    head = "".join(f"{f'ms/face, {batch}':>12}" for batch in BATCHES)
    more = f"{'same emotion':>14}{'accuracy loss':>15}" if trained else ""
    print(f"  {'backend':<20}{head}{'speed-up':>10}{'difference':>12}{more}")
    for kind, row in rows.items():
        times = "".join(f"{row[f'ms_batch{batch}']:>12.2f}" for batch in BATCHES)
        line = f"{times}{row['ratio_to_eager']:>9.2f}x{row['largest_difference']:>12.1g}"
        if trained:
            line += f"{row['same_emotion']:>14.1%}{row['accuracy_loss'] * 100:>+10.2f} pts"
        print(f"  {kind:<20}{line}")
    for kind, reason in skipped.items():
        print(f"  {kind:<20}left out: {reason}")


if __name__ == "__main__":
    sys.exit(main())
