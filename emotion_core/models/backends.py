"""Inference backends: the same logits from PyTorch or from ONNX Runtime, whichever is faster.

Measured on two cores without AVX-512 (``python -m benchmarks.inference``): ONNX Runtime
answers one face two to ten times faster than PyTorch in eager mode, so ``auto`` prefers it.
"""

import contextlib
import hashlib
import importlib.util
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from emotion_core.errors import ModelError, unknown
from emotion_core.files import write_bytes
from emotion_core.models.onnx_graph import INPUT, OUTPUT, check_against, create_session, export_onnx
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.quantize import quantize
from emotion_core.paths import cache_dir

KINDS = ("auto", "torch", "onnx", "int8")
# Largest batch of one call: enough to fill the cores, little enough to stay in memory.
_CHUNK = 64
_MAX_THREADS = 4  # 48 px give a layer too little work for more
_CACHED_GRAPHS = 24

_log = logging.getLogger(__name__)


class Backend(Protocol):
    """A model ready to run.

    Attributes:
        kind: ``torch``, ``onnx`` or ``int8``.
        threads: CPU threads of one call.
    """

    kind: str
    threads: int

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """Logits float32 ``(N, 7)`` of gray faces uint8 ``(N, 48, 48)``, N at least 1."""
        ...


def create_backend(
    kind: str,
    model: nn.Module,
    preprocess: Preprocess,
    *,
    device: str = "cpu",
    threads: int = 0,
    calibration: np.ndarray | None = None,
    cached: bool = True,
) -> Backend:
    """Make a model ready to run.

    Args:
        kind: ``auto`` (ONNX Runtime on a CPU where it is installed, else PyTorch), ``torch``,
            ``onnx``, or ``int8`` (ONNX Runtime in 8 bits: up to twice as fast, and how far answers
            differ depends on the architecture).
        model: In eval mode and on ``device``. ``torch`` keeps it and lays its weights out
            channels-last; the others copy its weights.
        preprocess: Its pixel normalisation.
        device: ``cpu`` or ``cuda:N``.
        threads: CPU threads of one call; 0 takes all cores up to four.
        calibration: ``int8`` only: a few hundred uint8 ``(N, 48, 48)`` faces of training or
            validation.
        cached: Keep the converted graph, which holds the weights, in the cache on disk.

    Raises:
        ModelError: the kind is unknown, its library or calibration is missing, it does not run
            on the device, or the model cannot be converted.
    """
    if kind not in KINDS:
        raise ModelError(unknown("backend", kind, KINDS))
    if threads < 0:
        raise ModelError(f"threads must be 0 or more, got {threads}.")
    threads = threads or min(_MAX_THREADS, os.cpu_count() or 1)
    on_cpu = torch.device(device).type == "cpu"
    if kind in ("onnx", "int8") and not on_cpu:
        raise ModelError(f"The {kind} backend runs on the CPU, not on '{device}'. Choose torch.")
    if kind == "int8":
        if calibration is None:
            raise ModelError("The int8 backend needs calibration faces. Pass some, or choose onnx.")
        return Int8Backend(model, preprocess, threads, calibration)
    if kind == "onnx":
        return OnnxBackend(model, preprocess, threads, cached)
    if kind == "auto" and on_cpu and has_onnx():
        try:
            return OnnxBackend(model, preprocess, threads, cached)
        except ModelError as error:
            _log.warning("%s Running it with PyTorch instead.", error)
    return TorchBackend(model, preprocess, device, threads)


def has_onnx() -> bool:
    """Whether the packages of the ``onnx`` backend are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnxruntime", "onnx"))


class TorchBackend:
    """PyTorch in eager mode, channels last: the fallback, and the only one on a GPU."""

    kind = "torch"

    def __init__(self, model: nn.Module, preprocess: Preprocess, device: str, threads: int) -> None:
        # Half the time of the default layout on a CPU; the overload is missing from torch's types.
        self._model: nn.Module = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._preprocess = preprocess
        self._device = device
        self.threads = threads

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """As ``Backend``."""
        with torch.inference_mode(), _torch_threads(self.threads):
            parts = [
                self._model(self._preprocess.apply(torch.from_numpy(part).to(self._device)))
                for part in _chunks(faces)
            ]
            logits: np.ndarray = torch.cat(parts).float().cpu().numpy()
        return logits


class _SessionBackend:
    """Runs an ONNX Runtime session in chunks."""

    threads: int
    _session: Any

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        parts = [self._session.run([OUTPUT], {INPUT: part})[0] for part in _chunks(faces)]
        logits: np.ndarray = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return logits


class Int8Backend(_SessionBackend):
    """ONNX Runtime on the CPU with 8-bit weights and activations."""

    kind = "int8"

    def __init__(
        self, model: nn.Module, preprocess: Preprocess, threads: int, calibration: np.ndarray
    ) -> None:
        self.threads = threads
        graph = quantize(export_onnx(model, preprocess), calibration)
        self._session = create_session(graph, threads)


class OnnxBackend(_SessionBackend):
    """ONNX Runtime on the CPU; the converted graph is cached and checked against PyTorch."""

    kind = "onnx"

    def __init__(
        self, model: nn.Module, preprocess: Preprocess, threads: int, cached: bool = True
    ) -> None:
        self.threads = threads
        if not cached:
            self._convert(model, preprocess)
            return
        path = _graph_path(model, preprocess)
        try:
            # A cached graph can be of an older form of the same architecture, or damaged.
            self._session = create_session(path.read_bytes(), threads)
            self._check(model, preprocess)
            path.touch()
            return
        except FileNotFoundError:
            pass
        except ModelError:
            raise
        except Exception as error:
            _log.info("Converting %s again: %s", path.name, error)
        graph = self._convert(model, preprocess)
        with contextlib.suppress(OSError):  # without a cache it is only slower
            write_bytes(path, graph, parents=True)
            _prune(path.parent)

    def _convert(self, model: nn.Module, preprocess: Preprocess) -> bytes:
        graph = export_onnx(model, preprocess)
        self._session = create_session(graph, self.threads)
        try:
            self._check(model, preprocess)
        except ValueError as error:
            raise ModelError(f"ONNX Runtime gives other results than PyTorch: {error}.") from error
        return graph

    def _check(self, model: nn.Module, preprocess: Preprocess) -> None:
        check_against(self, model, preprocess, tolerance=1e-3)


def _chunks(faces: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(faces), _CHUNK):
        part = np.ascontiguousarray(faces[start : start + _CHUNK])
        # PyTorch warns about read-only memory, which a memory-mapped data set is.
        yield part if part.flags.writeable else part.copy()


@contextlib.contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if before <= threads:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _graph_path(model: nn.Module, preprocess: Preprocess) -> Path:
    """Cache file of a model's graph, named after all that decides its answers."""
    digest = hashlib.sha256(f"{torch.__version__} {preprocess} {model}".encode())
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return cache_dir() / "onnx" / f"{digest.hexdigest()[:32]}.onnx"


def _prune(folder: Path) -> None:
    newest_first = sorted(folder.glob("*.onnx"), key=lambda item: -item.stat().st_mtime)
    for path in newest_first[_CACHED_GRAPHS:]:
        path.unlink(missing_ok=True)
