"""Every registered architecture does what the rest of the program relies on."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from emotion_core.errors import ModelError
from emotion_core.models.backends import create_backend
from emotion_core.models.checkpoint import load_classifier, save_checkpoint
from emotion_core.models.layers import count_parameters, layer_table, layers_of
from emotion_core.models.options import option_limits
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model, list_models, model_options, model_summary
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run

EXPECTED = {
    "block_cnn",
    "densenet121",
    "efficientnet_lite0",
    "emotion_net",
    "mobilenet_v1",
    "mobilenet_v3_small",
    "plain_cnn",
    "resnet18",
    "resnet50",
    "sequential",
}
STEMMED = ["densenet121", "mobilenet_v3_small", "resnet18", "resnet50"]


@pytest.fixture(scope="module", params=sorted(EXPECTED))
def architecture(request, faces, settle) -> tuple[str, nn.Module]:
    torch.manual_seed(0)
    return request.param, settle(create_model(request.param), faces)


def test_all_architectures_are_registered():
    assert set(list_models()) >= EXPECTED


def test_training_step_reaches_every_weight(architecture):
    _, model = architecture
    images = torch.rand(2, 1, 48, 48)
    model.train()
    torch.manual_seed(0)
    logits = model(images)
    assert logits.shape == (2, 7)
    nn.functional.cross_entropy(logits, torch.tensor([0, 3])).backward()
    without = [name for name, item in model.named_parameters() if item.grad is None]
    finite = all(bool(item.grad.isfinite().all()) for item in model.parameters())
    model.zero_grad()
    model.eval()
    assert without == []
    assert finite


def test_one_face_gets_the_same_logits_alone_as_in_a_batch(architecture, faces):
    _, model = architecture
    images = Preprocess().apply(torch.from_numpy(faces[:2]))
    with torch.no_grad():
        torch.testing.assert_close(model(images[:1]), model(images)[:1], rtol=1e-4, atol=1e-4)


def test_saved_and_loaded_model_answers_alike(architecture, faces, tmp_path):
    name, model = architecture
    run = create_run(TrainConfig(model=name), tmp_path)
    save_checkpoint(run, model, architecture=name, options={}, preprocess=Preprocess())
    loaded = load_classifier(run, backend="torch")
    with torch.no_grad():
        expected = model(Preprocess().apply(torch.from_numpy(faces[:2]))).numpy()
    np.testing.assert_allclose(loaded.logits(faces[:2]), expected, rtol=1e-4, atol=1e-4)


def test_onnx_runtime_answers_like_pytorch(architecture, faces):
    _, model = architecture
    with torch.no_grad():
        expected = model(Preprocess().apply(torch.from_numpy(faces))).numpy()
    assert np.ptp(expected) > 0.01, "logits this flat would hide a difference"
    backend = create_backend("onnx", model, Preprocess())
    assert backend.kind == "onnx"
    np.testing.assert_allclose(backend(faces), expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(backend(faces[3:4]), expected[3:4], rtol=1e-3, atol=1e-3)


def test_layer_table_counts_every_weight_and_restores_the_model(architecture):
    _, model = architecture
    model.train()
    rows = layer_table(model)
    assert model.training
    model.eval()
    assert sum(row.parameters for row in rows) == count_parameters(model)
    assert rows[-1].output_shape == (7,)
    assert not any(module._forward_hooks for module in model.modules())


def test_every_architecture_says_what_it_is_and_has_defaults(architecture):
    name, _ = architecture
    assert len(model_summary(name)) > 20
    assert model_options(name)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("block_cnn", 7_210_439),
        ("plain_cnn", 7_206_919),
        # torchvision's own counts less two of the RGB stem's channels and 993 of 1000 classes
        ("resnet18", 11_689_512 - 2 * 64 * 49 - 993 * 513),
        ("resnet50", 25_557_032 - 2 * 64 * 49 - 993 * 2049),
        ("densenet121", 7_978_856 - 2 * 64 * 49 - 993 * 1025),
        ("efficientnet_lite0", 4_652_008 - 2 * 32 * 9 - 993 * 1281),
        ("mobilenet_v1", 4_231_976 - 2 * 32 * 9 - 993 * 1025),  # of Keras's, those that are trained
        ("mobilenet_v3_small", 2_542_856 - 2 * 16 * 9 - 993 * 1025),
    ],
)
def test_parameter_count_is_the_published_one(name, parameters):
    assert count_parameters(create_model(name)) == parameters


def test_block_cnn_layers_are_those_of_the_study():
    convolutions = [row for row in layer_table(create_model("block_cnn")) if "Conv" in row.kind]
    assert [(row.kind, row.output_shape) for row in convolutions] == [
        ("Conv2d 5x5", (32, 48, 48)),
        ("Conv2d 5x5", (64, 24, 24)),
        ("Conv2d 5x5", (128, 12, 12)),
        ("Conv2d 5x5", (512, 6, 6)),
        ("Conv2d 3x3", (1024, 3, 3)),
    ]
    assert [row.macs for row in convolutions[:2]] == [48 * 48 * 32 * 25, 24 * 24 * 64 * 32 * 25]


@pytest.mark.parametrize("side", [48, 100, 288])
def test_a_side_that_cannot_be_halved_five_times_is_refused(side):
    with pytest.raises(ModelError, match="side must be a multiple of 32 from 64 to 256, got"):
        create_model("efficientnet_lite0", side=side)


@pytest.mark.parametrize("name", STEMMED)
@pytest.mark.parametrize(("stem", "side"), [("imagenet", 2), ("stride2", 3), ("small", 6)])
def test_stem_decides_the_size_of_the_last_map(name, stem, side):
    rows = layer_table(create_model(name, stem=stem))
    last = [row.output_shape for row in rows if "Conv" in row.kind and row.output_shape[1] > 1]
    if (name, stem) == ("densenet121", "imagenet"):
        side = 3  # its last pool rounds down: the last map is 1 x 1, the one before 3 x 3
    assert last[-1][1:] == (side, side)


@pytest.mark.parametrize("name", ["densenet121", "mobilenet_v3_small", "resnet18"])
def test_unknown_stem_names_the_choices(name):
    with pytest.raises(ModelError, match=r"Unknown stem 'smal'. Did you mean 'small'\?"):
        create_model(name, stem="smal")


@pytest.mark.parametrize("name", ["block_cnn", "densenet121", "resnet18"])
@pytest.mark.parametrize("dropout", [1.0, -0.1, "half", True])
def test_dropout_outside_its_range_is_refused(name, dropout):
    with pytest.raises(ModelError, match=r"dropout must be a number from 0 to 0\.95"):
        create_model(name, dropout=dropout)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sequential", {"width": "abc"}, "width must be a whole number from 1 to 128, got 'abc'"),
        ("sequential", {"width": 129}, "width must be a whole number from 1 to 128, got 129"),
        ("sequential", {"width": 32.0}, "width must be a whole number from 1 to 128, got 32.0"),
        ("sequential", {"stem_stride": 0}, "stem_stride must be a whole number from 1 to 2, got 0"),
        ("sequential", {"stem_stride": 3}, "stem_stride must be a whole number from 1 to 2, got 3"),
        ("sequential", {"dropout": 2}, "dropout must be a number from 0 to 0.95, got 2"),
        ("resnet18", {"pretrained": "no"}, "pretrained must be true or false, got 'no'"),
        ("resnet18", {"stem": 3}, "stem must be like 'imagenet', got 3"),
    ],
)
def test_an_option_of_another_kind_is_refused(name, options, message):
    with pytest.raises(ModelError, match=re.escape(message)):
        create_model(name, **options)


def test_unknown_option_names_the_nearest():
    with pytest.raises(ModelError, match="Did you mean 'stem'"):
        create_model("resnet18", stam="small")


@pytest.mark.parametrize("name", list_models())
def test_layers_are_counted_without_memory_for_the_weights(name):
    assert layers_of(name, {}) == layer_table(create_model(name))


@pytest.mark.parametrize("name", list_models())
def test_every_number_among_the_options_has_an_upper_limit(name):
    for option, default in model_options(name).items():
        if isinstance(default, int | float) and not isinstance(default, bool):
            _, high = option_limits(option, default)
            with pytest.raises(ModelError, match=f"{option} must be"):
                create_model(name, **{option: 32 * high})
