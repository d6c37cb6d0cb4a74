"""A run as a folder for any static host: it finds faces and names expressions in the browser."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from emotion_core import __version__
from emotion_core.data.faces import FACE_SIZE
from emotion_core.errors import ModelError
from emotion_core.files import read_json, write_bytes, write_json
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.models.checkpoint import load_classifier
from emotion_core.models.export import export_run
from emotion_core.models.web_runtime import PACKAGE, VERSION, runtime_files
from emotion_core.runs.run import Run

_PAGE = Path(__file__).parent / "web"
_FORMAT = "emotion_core web 1"
_NOTICE = f"""\
index.html, style.css, app.js, model.js, detector.js, pixels.js, model.json: Emotion Core, MIT.
model.onnx: see NOTICE of Emotion Core for the terms of the weights and the data behind them.
detector.onnx: YuNet (S. Yu et al.), MIT. Its input was made to take pictures of any size.
ort*: {PACKAGE} {VERSION} (Microsoft), MIT.
"""


def export_web(run: Run, out: Path | None, *, detector: Path) -> Path:
    """Write a page that needs no server of ours: model, detector, runtime and settings.

    Args:
        run: A run with weights.
        out: The folder; by default ``<run name>-web`` in the current one. An earlier export there
            is replaced as a whole.
        detector: YuNet's ONNX file.

    Returns:
        The folder.

    Raises:
        CheckpointError: the run has no usable weights.
        ModelError: the runtime is missing, the folder holds something else, or the ONNX form
            answers otherwise than PyTorch.
    """
    out = Path(f"{run.name}-web") if out is None else out
    if out.exists() and not _is_export(out) and (not out.is_dir() or any(out.iterdir())):
        raise ModelError(f"{out} holds something else. Choose a folder that is empty or new.")
    runtime = runtime_files()
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        _fill(made, run, detector, runtime)
        made.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        made.rename(out)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return out


def _fill(folder: Path, run: Run, detector: Path, runtime: list[Path]) -> None:
    model = export_run(run, "onnx", folder / "model.onnx")
    write_bytes(folder / "detector.onnx", any_size(detector))
    for path in [*runtime, *sorted(_PAGE.iterdir())]:
        shutil.copyfile(path, folder / path.name)
    write_bytes(folder / "NOTICE.txt", _NOTICE.encode())
    sizes = {"model": model.stat().st_size, "detector": (folder / "detector.onnx").stat().st_size}
    write_json(folder / "model.json", _settings(run) | {"files": sizes})


def _settings(run: Run) -> dict[str, Any]:
    """What the page has to know beside the networks."""
    classifier = load_classifier(run, backend="torch")
    preprocess = classifier.preprocess
    found = {"score": 0.7, "overlap": 0.3}  # as OpenCV's FaceDetectorYN is called in live/detect.py
    return {
        "format": _FORMAT,
        "version": __version__,
        "name": classifier.name,
        "architecture": classifier.architecture,
        "emotions": list(EMOTIONS),
        "colors": COLORS,
        "face_size": FACE_SIZE,
        # Inside model.onnx, told for other programs: gray bytes go in.
        "preprocessing": {
            "mean": preprocess.mean,
            "std": preprocess.std,
            "per_image": preprocess.per_image,
        },
        "calibration": {
            "temperature": classifier.temperature,
            "smoothing": classifier.smoothing,
        },
        # Longer sides that are searched, in pixels. A phone's camera shows near faces.
        "photo": {"sides": [320, 1_280], "leastFace": 16, **found},
        "camera": {"sides": [320], "leastFace": 32, **found},
    }


def any_size(detector: Path) -> bytes:
    """YuNet's graph with an input of any height and width, which its file fixes at 640.

    Raises:
        ModelError: it is no ONNX file with YuNet's input, or the package onnx is missing.
    """
    try:
        import onnx
    except ImportError as error:
        raise ModelError("The web format needs the package onnx: pip install onnx.") from error
    try:
        graph = onnx.load(str(detector))
        (image,) = graph.graph.input
        dims = image.type.tensor_type.shape.dim
        dims[2].dim_param, dims[3].dim_param = "height", "width"
    except Exception as error:  # protobuf and onnx have no base class for their errors
        raise ModelError(f"{detector} is not a YuNet model ({error}).") from error
    for output in graph.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"places_{output.name}"
    del graph.graph.value_info[:]
    _store_floats(graph)
    onnx.checker.check_model(graph)
    data: bytes = graph.SerializeToString()
    return data


def _store_floats(model: Any) -> None:
    """Replace 8-bit weights in a graph by the floats that they stand for.

    ONNX Runtime refuses the form that YuNet's smaller file has: blocks around a single scale.
    """
    from onnx import numpy_helper

    graph = model.graph
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    kept = []
    for node in graph.node:
        values = [constants[name] for name in node.input if name in constants]
        known = len(values) == len(node.input)
        if node.op_type not in ("DequantizeLinear", "Reshape") or not known:
            kept.append(node)
            continue
        if node.op_type == "Reshape":
            value = values[0].reshape(values[1])
        else:
            settings = {item.name: item.i for item in node.attribute}
            value = _floats(
                values[0],
                values[1],
                values[2],
                settings.get("axis", 1),
                settings.get("block_size", 0),
            )
        constants[node.output[0]] = value
    used = {name for node in kept for name in node.input}
    stored = [numpy_helper.from_array(v, name) for name, v in constants.items() if name in used]
    for field, items in ((graph.node, kept), (graph.initializer, stored)):
        del field[:]
        field.extend(items)


def _floats(
    values: np.ndarray, scale: np.ndarray, zero: np.ndarray, axis: int, block: int
) -> np.ndarray:
    """What the operator DequantizeLinear of ONNX gives: per tensor, per axis or in blocks."""

    def spread(part: np.ndarray) -> np.ndarray:
        if part.size == 1:
            return part.reshape(())
        if part.ndim == values.ndim and block:
            return np.repeat(part, block, axis)[tuple(slice(size) for size in values.shape)]
        return part.reshape([-1 if place == axis else 1 for place in range(values.ndim)])

    difference = values.astype(np.float32) - spread(zero).astype(np.float32)
    return np.asarray(difference * spread(scale), np.float32)


def _is_export(folder: Path) -> bool:
    try:
        return bool(read_json(folder / "model.json")["format"] == _FORMAT)
    except (OSError, ValueError, TypeError, LookupError):
        return False
