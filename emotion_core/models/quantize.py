"""8-bit ONNX graphs: up to twice as fast as float32 on a CPU, for a loss that must be measured."""

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emotion_core.errors import ModelError
from emotion_core.models.onnx_graph import INPUT

# Pixel normalisation stays in float: it is a thousandth of the work, and first in line.
# Without Relu and Clip (ReLU6) a convolution's range would be wasted on what they cut off.
_OPERATORS = [
    *("Conv", "Relu", "Clip", "Gemm", "MatMul", "Add", "Mul"),
    *("MaxPool", "AveragePool", "GlobalAveragePool"),
]
_BATCH = 32
_AGREEMENT = 0.85  # share of faces with the same emotion, below which a warning is due

_log = logging.getLogger(__name__)


def quantize(graph: bytes, faces: np.ndarray) -> bytes:
    """Quantise a graph's weights and activations statically (Jacob et al. 2018).

    Activations become unsigned 8-bit over the range seen on ``faces``; weights signed, a scale a
    channel, 7 bits: on CPUs without VNNI the products of 8-bit ones overflow their 16-bit sums.
    How many faces keep their emotion depends on the architecture: ``benchmarks.inference`` measures it,
    and where too few of ``faces`` do, the log warns.

    Args:
        graph: A serialised float graph as ``export_onnx`` makes it.
        faces: uint8 ``(N, 48, 48)`` faces of training or validation, a few hundred, that the
            ranges are taken from.

    Returns:
        The serialised 8-bit graph, with the same input and output.

    Raises:
        ModelError: ONNX Runtime is not installed, or there are no faces.
    """
    if len(faces) == 0:
        raise ModelError("The int8 backend needs some faces to take its ranges from, got none.")
    try:
        import onnxruntime
        from onnxruntime import quantization
    except ImportError as error:
        raise ModelError(
            "The int8 backend needs ONNX Runtime: pip install onnxruntime onnx. Or choose torch."
        ) from error

    batches = [
        {INPUT: np.ascontiguousarray(faces[start : start + _BATCH])}
        for start in range(0, len(faces), _BATCH)
    ]

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = iter(batches)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.rest, None)

    with tempfile.TemporaryDirectory(prefix="emotion-int8-") as folder, _quiet():
        plain, tidy, small = (str(Path(folder, f"{name}.onnx")) for name in ("a", "b", "c"))
        Path(plain).write_bytes(graph)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = tidy
        options.log_severity_level = 3
        cpu = ["CPUExecutionProvider"]
        exact = onnxruntime.InferenceSession(plain, options, providers=cpu)
        quantization.quantize_static(
            tidy,
            small,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=_OPERATORS,
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        made = Path(small).read_bytes()
        options.optimized_model_filepath = ""
        rough = onnxruntime.InferenceSession(made, options, providers=cpu)
        emotions = [
            np.concatenate([session.run(None, batch)[0].argmax(1) for batch in batches])
            for session in (exact, rough)
        ]
    same = float((emotions[0] == emotions[1]).mean())
    if same < _AGREEMENT:
        _log.warning("In 8 bits %.0f %% of the faces keep their emotion. Take onnx.", 100 * same)
    return made


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantiser's advice on the root logger."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink):  # noqa: PTH123
            yield
    finally:
        root.setLevel(level)
