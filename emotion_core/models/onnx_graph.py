"""A model and its preprocessing as one ONNX graph: gray faces in, logits out."""

import contextlib
import copy
import io
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from emotion_core.errors import ModelError
from emotion_core.models.preprocess import Preprocess

INPUT, OUTPUT = "faces", "logits"
_OPSET = 18
# The exporter changes process-wide state, and so does silencing its deprecation notice.
_lock = threading.Lock()


class _Graph(nn.Module):
    def __init__(self, preprocess: Preprocess, model: nn.Module) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.model = model

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(self.preprocess.apply(faces))
        return logits


def export_onnx(model: nn.Module, preprocess: Preprocess) -> bytes:
    """Convert a model to ONNX, preprocessing included, batch norms folded, any batch size.

    PyTorch's older, tracing exporter is used on purpose: for these networks it takes 0.3 to
    1.4 s where the newer one takes 3 to 22 s and one more dependency, with equal results.

    Args:
        model: Left as it is, whatever its mode and device.
        preprocess: Its pixel normalisation.

    Returns:
        A serialised graph with input ``faces`` uint8 ``(N, 48, 48)`` and output ``logits``
        float32 ``(N, 7)``.

    Raises:
        ModelError: the ``onnx`` package is missing, or the model cannot be traced.
    """
    if any(item.is_cuda for item in model.parameters()):
        model = copy.deepcopy(model).cpu()
    buffer = io.BytesIO()
    sample = torch.zeros(2, 48, 48, dtype=torch.uint8)
    with _lock, warnings.catch_warnings(), _without_dump():
        warnings.simplefilter("ignore", DeprecationWarning)
        # A padding that is kept as it is instead of being computed ahead costs nothing.
        warnings.filterwarnings("ignore", message="Constant folding", category=UserWarning)
        training = model.training
        try:
            torch.onnx.export(
                _Graph(preprocess, model).eval(),
                (sample,),
                buffer,  # type: ignore[arg-type]  # this exporter also takes a stream
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
                opset_version=_OPSET,
                dynamo=False,
            )
        except Exception as error:  # the exporter has no base class for its errors
            if "onnx is not installed" in str(error):
                raise ModelError(
                    "Converting a model to ONNX needs the package onnx: pip install onnx."
                ) from error
            reason = str(error).partition("\n")[0].rstrip(".")
            raise ModelError(f"This model cannot be converted to ONNX: {reason}.") from error
        finally:
            model.train(training)
    return buffer.getvalue()


@contextlib.contextmanager
def _without_dump() -> Iterator[None]:
    """Keep the exporter from printing the whole graph, past ``sys.stdout``, where it fails."""
    log = torch._C._jit_onnx_log
    setattr(torch._C, "_jit_onnx_log", lambda *_: None)  # noqa: B010 - mypy refuses the plain form
    try:
        yield
    finally:
        setattr(torch._C, "_jit_onnx_log", log)  # noqa: B010


def create_session(graph: bytes | str, threads: int) -> Any:
    """An ONNX Runtime session on the CPU.

    Args:
        graph: A serialised graph or a file's path.
        threads: Threads of one call.

    Raises:
        ModelError: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            "The onnx backend needs ONNX Runtime: pip install onnxruntime onnx. Or choose torch."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take the video's and the trainer's cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def check_against(
    backend: Any, model: nn.Module, preprocess: Preprocess, *, tolerance: float
) -> None:
    """Compare a backend with PyTorch on three faces of smooth noise.

    Args:
        backend: Callable from uint8 ``(3, 48, 48)`` to logits ``(3, 7)``.
        model: The module it was made of.
        preprocess: Its pixel normalisation.
        tolerance: Largest difference, relative to the largest logit where that exceeds 1.

    Raises:
        ValueError: the difference is larger.
    """
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (3, 6, 6), dtype=np.uint8)
    faces = coarse.repeat(8, axis=1).repeat(8, axis=2)
    training, device = model.training, next(model.parameters()).device
    with torch.inference_mode():
        model.eval()
        images = preprocess.apply(torch.from_numpy(faces).to(device))
        expected = model(images).float().cpu().numpy()
        model.train(training)
    difference = float(np.abs(backend(faces) - expected).max())
    allowed = tolerance * max(1.0, float(np.abs(expected).max()))
    if not difference <= allowed:
        raise ValueError(f"logits differ by {difference:.2g}, allowed are {allowed:.2g}")
