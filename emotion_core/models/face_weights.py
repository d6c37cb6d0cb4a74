"""Weights for face recognition that training can start from.

Their files are converted outside the package (``research/convert_weights.py``) into one form: the
layers from the input on, each a kernel for gray pixels, and the scale and the shift that were left
of its batch norm. ``load_layers`` makes them trainable again.
"""

import hashlib
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import nn

from emotion_core.errors import ModelError
from emotion_core.files import regular
from emotion_core.models.preprocess import Preprocess
from emotion_core.paths import cache_dir

# Names of the converted weights, with the digest of their layers.
DIGESTS = {
    "dlib": "2c3dd8c8b72d9097d049318636d6e8ec89918ddb12be354558d908fc1e91d7f8",
    "vggface2": "dcdb3436f75161194cd07c3b147cb07a608d9343199ca572ff0f06bf7a9785f5",
}
_CALIBRATION_FACES = 98

# float32 kernel (out, in / groups, h, w); float32 scale and shift (out,) of what comes out.
Layer = tuple[np.ndarray, np.ndarray, np.ndarray]


def load_face_weights(features: nn.Module, name: str) -> None:
    """Load converted weights for face recognition into a network's convolutions.

    Args:
        features: As in ``load_layers``.
        name: A key of ``DIGESTS``.

    Raises:
        ModelError: the weights are not on this machine, are damaged, or do not fit.
    """
    path = converted_path(name)
    advice = (
        f"In a checkout of the project run: python -m research.convert_weights {name}. "
        "Or train with pretrained=false."
    )
    if not path.is_file():
        raise ModelError(f"The face recognition weights '{name}' are not in {path}. {advice}")
    try:
        layers = read_layers(path)
    except (OSError, SafetensorError, KeyError) as error:
        raise ModelError(f"{path} cannot be read ({error}). {advice}") from error
    if layers_digest(layers) != DIGESTS[name]:
        raise ModelError(f"{path} does not hold the weights '{name}'. {advice}")
    load_layers(features, layers)


def converted_path(name: str) -> Path:
    """Where the converted weights of a name belong."""
    return cache_dir() / "weights" / f"{name}.safetensors"


def read_layers(path: Path) -> list[Layer]:
    """The layers of a converted file, from the input on.

    Raises:
        OSError, SafetensorError, KeyError: the file is not of this form.
    """
    tensors = load_file(regular(path))
    return [
        (tensors[f"{index:02}.kernel"], tensors[f"{index:02}.scale"], tensors[f"{index:02}.shift"])
        for index in range(len(tensors) // 3)
    ]


def layers_digest(layers: Iterable[Layer]) -> str:
    """SHA-256 over all values in their order, independent of the form of the file."""
    digest = hashlib.sha256()
    for layer in layers:
        for values in layer:
            digest.update(np.ascontiguousarray(values, "<f4").tobytes())
    return digest.hexdigest()


def load_layers(features: nn.Module, layers: Iterable[Layer]) -> None:
    """Load convolutions and what was left of their batch norms: a scale and a shift.

    Each becomes a trainable batch norm again: its mean and deviation are measured on drawn faces,
    on which the network then answers as the given one does. (On faces of FER-2013 the deviations
    are the same within a few percent.) Small kernels, which AdamW's first steps would wipe out,
    are scaled to the deviation of fresh ones (He et al. 2015): before a batch norm their size does
    not matter.

    Args:
        features: Convolutions without bias, each followed by a batch norm, from
            ``(N, 1, 48, 48)``; changed in place.
        layers: From the input on; those that come after the last convolution are not used.

    Raises:
        ModelError: they do not fit.
    """
    convolutions = [item for item in features.modules() if isinstance(item, nn.Conv2d)]
    norms = [item for item in features.modules() if isinstance(item, nn.BatchNorm2d)]
    for convolution, norm, (given, scale, shift) in zip(convolutions, norms, layers, strict=False):
        kernel = torch.from_numpy(given)
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
