"""Weights for face recognition, from dlib's file, made to fit a gray stem and batch norms."""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from emotion_core.errors import ModelError
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.pretrained import package_file

_PACKAGE = "face_recognition_models"
_FILE = "dlib_face_recognition_resnet_model_v1.dat"
_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"

# dlib's pixels are (value - mean) / 256. Faces of FER-2013, normalised each by itself, deviate
# five times as much (their pixels deviate by 51 of 256 on average).
_PIXEL_SCALE = 0.2
_CALIBRATION_FACES = 98

# A kernel, and the scale and the shift of each channel that comes out.
Layer = tuple[np.ndarray, np.ndarray, np.ndarray]


def load_face_recognition(features: nn.Module) -> None:
    """Load the first layers of dlib's network for face recognition.

    dlib stores a batch norm as what it does in the end, a scale and a shift, which ``load_layers``
    turns into a real one again (on faces of FER-2013 their deviations are the same within a few
    percent). dlib's kernels are also up to fifty times smaller than fresh ones.

    Args:
        features: Convolutions without bias, each followed by a batch norm, in the order and of the
            shapes of dlib's, from ``(N, 1, 48, 48)``; changed in place. Layers of dlib's that come
            later are not used.

    Raises:
        ModelError: the package is missing, its file is not the expected one, or does not fit.
    """
    layers = read_dlib_layers(_weights_file().read_bytes())
    load_layers(features, layers, pixel_scale=_PIXEL_SCALE)


def load_layers(
    features: nn.Module,
    layers: Iterable[Layer],
    *,
    pixel_scale: float,
) -> None:
    """Load convolutions and what was left of their batch norms: a scale and a shift.

    To train on, each becomes a real batch norm again: its mean and deviation are measured on drawn
    faces, on which the network then answers as the given one does. Small kernels, which AdamW's
    first steps would wipe out, are scaled to the deviation of fresh ones (He et al. 2015): in front
    of a batch norm their size does not matter.

    Args:
        features: Convolutions without bias, each followed by a batch norm, from
            ``(N, 1, 48, 48)``; changed in place.
        layers: Kernels float32 ``(out, in, h, w)``, scales and shifts float32 ``(out,)``, from the
            input on; those that come after the last convolution are not used.
        pixel_scale: How much the given network's pixels deviate where normalised ones deviate by 1.

    Raises:
        ModelError: they do not fit.
    """
    convolutions = [item for item in features.modules() if isinstance(item, nn.Conv2d)]
    norms = [item for item in features.modules() if isinstance(item, nn.BatchNorm2d)]
    for convolution, norm, (given, scale, shift) in zip(convolutions, norms, layers, strict=False):
        kernel = torch.from_numpy(given)
        if convolution is convolutions[0]:
            kernel = kernel.sum(dim=1, keepdim=True) * pixel_scale
        if kernel.shape != convolution.weight.shape:
            raise ModelError(
                f"The face recognition weights do not fit this model: {tuple(kernel.shape)} given, "
                f"{tuple(convolution.weight.shape)} expected."
            )
        growth = math.sqrt(2 / kernel[0].numel()) / kernel.std()
        with torch.no_grad():
            convolution.weight.copy_(kernel * growth)
            norm.weight.copy_(torch.from_numpy(scale) / growth)
            norm.bias.copy_(torch.from_numpy(shift))
    _measure_norms(features, norms)


def read_dlib_layers(content: bytes) -> list[Layer]:
    """Convolutions of a network that dlib serialised, each with the affine layer behind it.

    dlib writes a layer as its name, then its parameters as one tensor: of a convolution the
    kernel and then the biases, of an affine layer the scale and then the shift.

    Args:
        content: The file.

    Returns:
        Kernels float32 ``(out, in, h, w)``, scales and shifts float32 ``(out,)``, from the input
        on; a convolution's bias is part of the shift.

    Raises:
        ModelError: the file is cut short or of another format.
    """
    found, position = [], 0
    try:
        while (position := content.find(b"\x05con_4", position)) >= 0:
            values, after = _tensor(content, position + len(b"\x05con_4"))
            (outputs, height, width), _ = _integers(content, after, 3)
            position = content.index(b"\x07affine_", after)
            affine, position = _tensor(content, position + len(b"\x07affine_"))
            kernel, bias = np.split(values, [len(values) - outputs])
            scale, shift = np.split(affine, 2)
            kernel = kernel.reshape(outputs, -1, height, width)
            found.append((kernel, scale, shift + scale * bias))
    except (ValueError, IndexError) as error:
        raise ModelError(f"This is not a network as dlib writes it: {error}.") from error
    return found


def _tensor(content: bytes, position: int) -> tuple[np.ndarray, int]:
    """A tensor, flat, and the position behind it."""
    (version, *shape), position = _integers(content, position, 5)
    if version != 2:
        raise ValueError(f"tensor of version {version} at byte {position}")
    count = math.prod(shape)
    return np.frombuffer(content, "<f4", count, position).copy(), position + 4 * count


def _integers(content: bytes, position: int, count: int) -> tuple[list[int], int]:
    """Integers, each its length in bytes and then those bytes, and the position behind them."""
    found = []
    for _ in range(count):
        length = content[position] & 0x0F
        found.append(int.from_bytes(content[position + 1 : position + 1 + length], "little"))
        position += 1 + length
    return found, position


def _weights_file() -> Path:
    return package_file("face recognition weights", _PACKAGE, _FILE, _SHA256)


def _measure_norms(features: nn.Module, norms: list[nn.BatchNorm2d]) -> None:
    """Turn scales and shifts into batch norms that do the same on drawn faces."""
    # Not with the module, which every list of architectures imports: drawing needs OpenCV.
    from emotion_core.data.synthetic import synthetic_faces

    def measure(norm: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
        assert norm.running_mean is not None and norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.bias.add_(norm.weight * mean)
        norm.weight.mul_((variance + norm.eps).sqrt())

    faces = torch.from_numpy(np.array(synthetic_faces(_CALIBRATION_FACES).images))
    training = features.training
    # Each norm is measured before it is applied, behind those that are measured already.
    handles = [norm.register_forward_pre_hook(measure) for norm in norms]
    try:
        with torch.no_grad():
            features.eval()(Preprocess().apply(faces))
    finally:
        features.train(training)
        for handle in handles:
            handle.remove()
