"""A run's weights in the formats of other tools: ONNX, HDF5 and safetensors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from emotion_core.data.faces import FACE_SIZE
from emotion_core.errors import ModelError, unknown
from emotion_core.files import atomic_path
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.models.checkpoint import Classifier, load_classifier
from emotion_core.models.onnx_graph import INPUT, OUTPUT, check_against, create_session, export_onnx
from emotion_core.runs.run import Run

_TOLERANCE = 1e-4


def export_run(run: Run, format: str, out: Path | None = None, *, half: bool = False) -> Path:
    """Write a run's model in another format, with all that is needed to use it.

    ``onnx`` is a whole program: gray faces uint8 ``(N, 48, 48)`` in, logits float32 ``(N, 7)``
    out, pixel normalisation inside; its metadata tells how to get calibrated probabilities. It is
    compared with PyTorch before it is written.
    ``h5`` and ``safetensors`` hold the tensors under PyTorch's names. In each, labels,
    preprocessing, calibration, architecture and options travel as metadata.

    Args:
        run: A run with weights.
        format: ``onnx``, ``h5`` or ``safetensors``.
        out: File or folder; by default ``<run name>.<format>`` in the current folder.
        half: Store weights as fp16 (``h5`` and ``safetensors``).

    Returns:
        The written file.

    Raises:
        CheckpointError: the run has no usable weights.
        ModelError: the format is unknown, a library is missing, or the result differs.
    """
    if format not in FORMATS:
        raise ModelError(unknown("format", format, FORMATS))
    if half and format == "onnx":
        raise ModelError("Half precision is for h5 and safetensors; onnx keeps float32.")
    name = f"{run.name}.{format}"
    out = Path(name) if out is None else out / name if out.is_dir() else out
    if out.resolve() == run.weights_path.resolve():
        raise ModelError(f"{out} is the run's own weight file. Choose another name.")
    classifier = load_classifier(run, backend="torch")
    metadata = _metadata(classifier)
    with atomic_path(out, parents=True) as temporary:
        FORMATS[format](classifier, metadata, temporary, half)
    return out


def _metadata(classifier: Classifier) -> dict[str, str]:
    preprocess = classifier.preprocess
    values: dict[str, object] = {
        "architecture": classifier.architecture,
        "options": classifier.options,
        "run": classifier.name,
        "labels": list(EMOTIONS),
        "input": f"gray faces, {FACE_SIZE} x {FACE_SIZE}",
        "pixels": (
            "divide by 255, subtract each image's mean, divide by its deviation (at least 0.02)"
            if preprocess.per_image
            else "divide by 255, subtract mean, divide by std"
        ),
        "mean": preprocess.mean,
        "std": preprocess.std,
        "per_image": preprocess.per_image,
        "temperature": classifier.temperature,
        "smoothing": classifier.smoothing,
        "probabilities": (
            "divide logits by temperature, take the softmax; if smoothing is above 0, subtract "
            f"t = smoothing / {NUM_CLASSES}, turn each x into x + sqrt(x^2 + (t / 4)^2), and divide "
            "by the sum"
        ),
    }
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }


def _write_onnx(classifier: Classifier, metadata: dict[str, str], path: Path, half: bool) -> None:
    graph = export_onnx(classifier.model, classifier.preprocess)
    import onnx  # export_onnx has said so if it is missing

    proto = onnx.load_model_from_string(graph)
    proto.producer_name, proto.doc_string = "emotion_core", "Facial expression classifier"
    onnx.helper.set_model_props(proto, metadata | {"output": "logits"})
    onnx.checker.check_model(proto)
    onnx.save_model(proto, path)
    session = create_session(str(path), threads=1)

    def logits(faces: np.ndarray) -> Any:
        return session.run([OUTPUT], {INPUT: faces})[0]

    try:
        check_against(logits, classifier.model, classifier.preprocess, tolerance=_TOLERANCE)
    except ValueError as error:
        raise ModelError(
            f"The ONNX form of '{classifier.name}' answers otherwise than PyTorch: {error}. "
            "Nothing was written."
        ) from error


def _write_h5(classifier: Classifier, metadata: dict[str, str], path: Path, half: bool) -> None:
    try:
        import h5py
    except ImportError as error:
        raise ModelError("The h5 format needs h5py: pip install h5py.") from error
    with h5py.File(path, "w") as file:
        file.attrs.update(metadata)
        for name, tensor in _tensors(classifier, half).items():
            file.create_dataset(name, data=tensor.numpy())


def _write_safetensors(
    classifier: Classifier, metadata: dict[str, str], path: Path, half: bool
) -> None:
    safetensors.torch.save_file(_tensors(classifier, half), path, metadata=metadata)


def _tensors(classifier: Classifier, half: bool) -> dict[str, torch.Tensor]:
    return {
        name: (value.half() if half and value.is_floating_point() else value).cpu().contiguous()
        for name, value in classifier.model.state_dict().items()
    }


_Writer = Callable[[Classifier, dict[str, str], Path, bool], None]
FORMATS: dict[str, _Writer] = {
    "onnx": _write_onnx,
    "h5": _write_h5,
    "safetensors": _write_safetensors,
}
