"""A model and its preprocessing as one ONNX graph: gray faces in, logits out."""

import contextlib
import copy
import io
import threading
import warnings
from collections.abc import Iterator

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
