"""Grad-CAM against the grad-cam package, and both explanations on models whose answer is known."""

import numpy as np
import pytest
import torch
from torch import nn

from emotion_core.errors import ModelError
from emotion_core.evaluation.explain import default_layer, feature_layers, grad_cam, occlusion
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import Classifier
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model, list_models


def make_classifier(model: nn.Module) -> Classifier:
    return Classifier(
        model,
        name="run",
        architecture="any",
        options={},
        preprocess=Preprocess(mean=0.5, std=0.25, per_image=False),
        backend="torch",
    )


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (48, 48), dtype=np.uint8)


class CornerModel(nn.Module):
    """Its logit of ``happy`` is the brightness of the upper left quarter, all others are constant."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Conv2d(1, 1, 1, bias=False)
        self.pixels.weight.data.fill_(1.0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.pixels(images)
        logits = torch.zeros(len(images), len(EMOTIONS)).index_fill(1, torch.tensor([0]), 1.0)
        happy = maps[:, 0, :24, :24].mean(dim=(1, 2))
        return logits + happy[:, None] * torch.eye(len(EMOTIONS))[EMOTIONS.index("happy")]


@pytest.mark.parametrize("name", list_models())
def test_every_architecture_is_explained(name, face):
    torch.manual_seed(0)
    classifier = make_classifier(create_model(name))
    before = classifier.logits(face[None])
    found = grad_cam(classifier, face)
    assert found.heat.shape == (len(EMOTIONS), 48, 48) and found.heat.dtype == np.float32
    assert found.maps.shape == (len(EMOTIONS), found.layer.size, found.layer.size)
    assert found.layer.size >= 3
    assert found.heat.min() >= 0 and found.heat.max() == pytest.approx(1.0)
    # Nothing is left behind in a model that all sessions share.
    np.testing.assert_array_equal(classifier.logits(face[None]), before)
    assert not any(module._forward_hooks for module in classifier.model.modules())
    assert all(value.grad is None for value in classifier.model.parameters())


@pytest.mark.parametrize(("name", "layer"), [("sequential", ""), ("resnet18", "layer4")])
def test_grad_cam_equals_the_grad_cam_package(name, layer, face):
    package = pytest.importorskip("pytorch_grad_cam", reason="pip install --no-deps grad-cam ttach")
    from pytorch_grad_cam.utils.image import scale_cam_image
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    torch.manual_seed(1)
    classifier = make_classifier(create_model(name))
    found = grad_cam(classifier, face, layer=layer)
    module = dict(classifier.model.named_modules())[found.layer.name]
    images = classifier.preprocess.apply(torch.from_numpy(face[None]))
    with package.GradCAM(classifier.model, [module]) as reference:
        for label in range(len(EMOTIONS)):
            expected = reference(images, targets=[ClassifierOutputTarget(label)])[0]
            # The package moves a map to begin at 0 and does so twice; ours keeps an even map even.
            ours = scale_cam_image(scale_cam_image(found.maps[[label]], (48, 48)))[0]
            np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_the_last_layer_of_each_size_is_outside_the_blocks():
    layers = feature_layers(create_model("resnet50").eval())
    assert [(item.name, item.size) for item in layers][-2:] == [("layer3", 3), ("layer4", 2)]
    assert default_layer(layers).name == "layer3"


def test_a_layer_can_be_chosen_by_name_and_a_wrong_one_is_refused(face):
    classifier = make_classifier(create_model("sequential"))
    finest = feature_layers(classifier.model)[0]
    assert grad_cam(classifier, face, layer=finest.name).layer == finest
    with pytest.raises(ModelError, match="Unknown feature layer 'nose'"):
        grad_cam(classifier, face, layer="nose")


def test_a_model_without_maps_is_refused(face):
    with pytest.raises(ModelError, match="needs a convolutional layer"):
        grad_cam(make_classifier(nn.Sequential(nn.Flatten(), nn.Linear(2304, 7))), face)


def test_grad_cam_of_an_emotion_nothing_speaks_for_is_dark():
    found = grad_cam(make_classifier(CornerModel()), np.full((48, 48), 200, np.uint8))
    happy = EMOTIONS.index("happy")
    assert found.heat[happy].max() == 1.0
    assert np.delete(found.heat, happy, axis=0).max() == 0.0


def test_occlusion_falls_only_where_the_model_looks():
    face = np.full((48, 48), 40, np.uint8)
    face[:24, :24] = 240
    found = occlusion(make_classifier(CornerModel()), face)
    drop = found.drop[EMOTIONS.index("happy")]
    assert drop[4:20, 4:20].min() > 0
    assert np.abs(drop[36:, 36:]).max() < 1e-6
    np.testing.assert_allclose(found.drop.sum(axis=0), 0, atol=1e-6)  # probabilities add up to 1


def test_occlusion_with_the_face_s_own_gray_changes_nothing():
    classifier = make_classifier(create_model("sequential"))
    found = occlusion(classifier, np.full((48, 48), 100, np.uint8), patch=6, step=3)
    assert found.drop.shape == (len(EMOTIONS), 48, 48)
    assert np.abs(found.drop).max() < 1e-6
