"""Networks start with what the converted layers do, and refuse what they were not made from."""

import numpy as np
import pytest
import torch
from torch import nn

from emotion_core.data.synthetic import synthetic_faces
from emotion_core.errors import ModelError
from emotion_core.models.face_weights import converted_path, load_layers, read_layers
from emotion_core.models.layers import layer_table
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from research import convert_weights
from research.convert_weights import save_layers

close = torch.testing.assert_close


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """dlib's converted weights in a cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        assert convert_weights.main(["dlib"]) == 0
        yield


def test_the_network_starts_with_what_the_layers_do():
    """Its batch norms do what dlib's scales and shifts do, on the faces they were measured on."""
    net = create_model("emotion_net", pretrained=True).eval()
    images = Preprocess().apply(torch.from_numpy(np.array(synthetic_faces(98).images)))
    expected = iter(read_layers(converted_path("dlib")))
    for item in net.modules():
        if isinstance(item, nn.Conv2d):
            kernel, scale, shift = (torch.from_numpy(values) for values in next(expected))
            growth = (item.weight.std() / kernel.std()).detach()
            close(item.weight, kernel * growth, rtol=1e-4, atol=1e-6)
            assert item.weight.std().item() == pytest.approx((2 / kernel[0].numel()) ** 0.5)
        elif isinstance(item, nn.BatchNorm2d):
            gain = growth * item.weight / (item.running_var + item.eps).sqrt()
            close(gain, scale, rtol=1e-4, atol=1e-6)
            close(item.bias - gain / growth * item.running_mean, shift, rtol=1e-3, atol=1e-4)
    with torch.no_grad():
        before = net(images)
        for item in net.modules():
            if isinstance(item, nn.Dropout) or hasattr(item, "drop_path"):
                item.p = item.drop_path = 0.0
        after = net.train()(images)
    close(after, before, rtol=0, atol=1e-3)


def test_a_mouth_keeps_six_by_six_places():
    rows = [row for row in layer_table(create_model("emotion_net")) if "Conv" in row.kind]
    sides = [row.output_shape[1] for row in rows]
    assert sides == [48] + 6 * [24] + 8 * [12] + 12 * [6]


def layers_of(network: nn.Module, seed: int = 0) -> list:
    """Random kernels, scales and shifts that fit a network's convolutions."""
    rng = np.random.default_rng(seed)
    layers = []
    for item in network.modules():
        if isinstance(item, nn.Conv2d):
            kernel = rng.normal(0, 0.01, item.weight.shape).astype(np.float32)
            scale = rng.uniform(0.5, 2, len(kernel)).astype(np.float32)
            layers.append((kernel, scale, rng.normal(0, 0.1, len(kernel)).astype(np.float32)))
    return layers


def test_depthwise_networks_start_with_what_the_layers_do():
    """As mobilenet_v1 does from VGGFace2's network: each norm does what its scale and shift do."""
    net = create_model("mobilenet_v1").eval()
    layers = layers_of(net)
    load_layers(net, layers)
    images = Preprocess().apply(torch.from_numpy(np.array(synthetic_faces(98).images)))
    expected = iter(layers)
    with torch.no_grad():
        for item in net[:-4]:
            if isinstance(item, nn.Conv2d):
                kernel, scale, shift = (torch.from_numpy(values) for values in next(expected))
                growth = float(item.weight.std() / kernel.std())
                close(item.weight, kernel * growth, rtol=1e-4, atol=1e-6)
                wanted = item(images) / growth * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
            images = item(images)
            if isinstance(item, nn.BatchNorm2d):
                close(images, wanted, rtol=1e-3, atol=1e-3)


def test_weights_that_are_not_here_are_named_with_the_command_that_makes_them(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    for model, name in (("emotion_net", "dlib"), ("mobilenet_v1", "vggface2")):
        with pytest.raises(ModelError, match=rf"python -m research\.convert_weights {name}\."):
            create_model(model, pretrained=True)


def test_damaged_and_foreign_files_are_refused(tmp_path, monkeypatch):
    good = read_layers(converted_path("dlib"))
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    path = converted_path("dlib")
    path.parent.mkdir()
    path.write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be read"):
        create_model("emotion_net", pretrained=True)
    save_layers(path, [(2 * kernel, scale, shift) for kernel, scale, shift in good])
    with pytest.raises(ModelError, match="does not hold the weights 'dlib'"):
        create_model("emotion_net", pretrained=True)


def test_layers_of_another_network_do_not_fit():
    with pytest.raises(ModelError, match="do not fit this model"):
        load_layers(create_model("emotion_net"), read_layers(converted_path("dlib"))[1:])
