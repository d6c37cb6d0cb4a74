"""Backends answer alike whatever the batch, memory or cache they are given."""

import os
import sys

import numpy as np
import pytest
import torch

from emotion_core.errors import ModelError
from emotion_core.models import backends
from emotion_core.models.backends import create_backend
from emotion_core.models.checkpoint import load_classifier
from emotion_core.models.latency import measure_latency
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.paths import cache_dir


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (150, 48, 48), dtype=np.uint8)


@pytest.fixture(scope="module")
def expected(run, many) -> np.ndarray:
    model = load_classifier(run, backend="torch").model
    with torch.no_grad():
        return model(Preprocess().apply(torch.from_numpy(many))).numpy()


@pytest.mark.parametrize("kind", ["torch", "onnx", "auto"])
@pytest.mark.parametrize("count", [1, 64, 65, 150])
def test_any_batch_size_gives_the_same_rows(run, many, expected, kind, count):
    logits = load_classifier(run, backend=kind).logits(many[:count])
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected[:count], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_read_only_and_strided_faces_are_accepted(run, many, expected, kind):
    frozen = many[::2]
    frozen.flags.writeable = False
    logits = load_classifier(run, backend=kind).logits(frozen)
    np.testing.assert_allclose(logits, expected[::2], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_fixed_mean_and_deviation_are_applied(kind, faces, settle):
    preprocess = Preprocess(mean=0.3, std=0.25, per_image=False)
    model = settle(create_model("sequential", width=8), faces)
    with torch.no_grad():
        wanted = model((torch.from_numpy(faces).float()[:, None] / 255 - 0.3) / 0.25).numpy()
    logits = create_backend(kind, model, preprocess)(faces)
    np.testing.assert_allclose(logits, wanted, rtol=1e-3, atol=1e-3)


def test_converted_graph_is_cached_and_used_again(run, monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    load_classifier(run, backend="onnx")
    (graph,) = (cache_dir() / "onnx").glob("*.onnx")
    written = graph.read_bytes()
    load_classifier(run, backend="onnx")
    assert list((cache_dir() / "onnx").glob("*.onnx")) == [graph]
    assert graph.read_bytes() == written


@pytest.mark.parametrize("wrong", ["damaged", "of another model"])
def test_wrong_graph_in_the_cache_is_replaced(
    run, many, expected, monkeypatch, tmp_path, settle, faces, wrong
):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    load_classifier(run, backend="onnx")
    (graph,) = (cache_dir() / "onnx").glob("*.onnx")
    good = graph.read_bytes()
    if wrong == "damaged":
        graph.write_bytes(good[: len(good) // 2])
    else:
        other = settle(create_model("sequential", width=4), faces)
        graph.write_bytes(backends.export_onnx(other, Preprocess()))
    logits = load_classifier(run, backend="onnx").logits(many[:4])
    np.testing.assert_allclose(logits, expected[:4], rtol=1e-3, atol=1e-3)
    assert len(graph.read_bytes()) == len(good)


def test_same_weights_with_another_stem_get_their_own_graph(faces, settle):
    stride2 = settle(create_model("mobilenet_v3_small", stem="stride2"), faces)
    small = create_model("mobilenet_v3_small", stem="small").eval()
    small.load_state_dict(stride2.state_dict())
    first, second = (create_backend("onnx", model, Preprocess()) for model in (stride2, small))
    assert np.abs(first(faces) - second(faces)).max() > 1e-3


def test_cache_keeps_the_newest_graphs(tmp_path):
    for number in range(30):
        path = tmp_path / f"{number}.onnx"
        path.touch()
        os.utime(path, (number, number))
    backends._prune(tmp_path)
    left = sorted(int(path.stem) for path in tmp_path.iterdir())
    assert left == list(range(30 - backends._CACHED_GRAPHS, 30))


def test_unwritable_cache_only_costs_time(run, many, expected, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "file"))
    logits = load_classifier(run, backend="onnx").logits(many[:2])
    np.testing.assert_allclose(logits, expected[:2], rtol=1e-3, atol=1e-3)


def test_without_onnx_runtime_auto_takes_pytorch_and_onnx_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert load_classifier(run, backend="auto").backend == "torch"
    with pytest.raises(ModelError, match="pip install onnxruntime"):
        load_classifier(run, backend="onnx")


class _Changeable(torch.nn.Module):
    """Depends on its input's values in a way that no traced graph can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(48 * 48, 7)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = self.linear(images.flatten(1))
        return logits if float(images.abs().sum()) == 0 else logits * 3 + 1


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_model_that_cannot_be_converted_runs_with_pytorch_and_says_why(faces, caplog):
    model = _Changeable().eval()
    with pytest.raises(ModelError, match="ONNX Runtime gives other results than PyTorch"):
        create_backend("onnx", model, Preprocess())
    backend = create_backend("auto", model, Preprocess())
    assert backend.kind == "torch"
    assert "Running it with PyTorch instead" in caplog.text
    assert backend(faces).shape == (8, 7)


def test_int8_sees_nearly_the_same_and_needs_faces_for_its_ranges(run, many, expected):
    classifier = load_classifier(run, backend="int8", calibration=many[:64])
    assert classifier.backend == "int8"
    logits = classifier.logits(many)
    assert logits.shape == expected.shape
    spread = expected.std()
    assert 0 < np.abs(logits - expected).mean() < 0.1 * spread
    with pytest.raises(ModelError, match="int8 backend needs calibration faces"):
        load_classifier(run, backend="int8")
    with pytest.raises(ModelError, match="got none"):
        load_classifier(run, backend="int8", calibration=many[:0])


def test_int8_wastes_no_range_on_what_relu6_cuts_off(faces):
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 1, 3), torch.nn.ReLU6(), torch.nn.Flatten(), torch.nn.Linear(46 * 46, 7)
    ).eval()
    with torch.no_grad():
        model[0].weight.fill_(10.0)
        model[0].bias.fill_(-100.0)
        model[3].weight.zero_()
        model[3].weight[range(7), range(0, 2100, 300)] = 1.0  # seven of its values
    exact, rough = (
        create_backend(kind, model, Preprocess(), calibration=faces)(faces)
        for kind in ("torch", "int8")
    )
    assert np.abs(exact - rough).max() < 0.1 < np.ptp(exact)


def test_int8_warns_where_too_few_faces_keep_their_emotion(faces, caplog):
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48 * 48, 7)).eval()
    with torch.no_grad():
        model[1].bias[0] = -1e4  # one scale for all seven leaves nothing of the others
    create_backend("int8", model, Preprocess(), calibration=faces)
    assert "of the faces keep their emotion" in caplog.text


class _Unknown(torch.nn.Module):
    """Needs an operator that ONNX lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(25, 7)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.linear(torch.nn.AdaptiveAvgPool2d(5)(images).flatten(1))
        return logits


def test_an_operator_that_onnx_lacks_is_one_line(capfd):
    with pytest.raises(ModelError, match="cannot be converted to ONNX: Unsupported") as caught:
        create_backend("onnx", _Unknown().eval(), Preprocess())
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""


def test_unknown_kind_negative_threads_and_wrong_device_are_refused(run):
    model = load_classifier(run, backend="torch").model
    with pytest.raises(ModelError, match=r"Unknown backend 'onxx'. Did you mean 'onnx'"):
        create_backend("onxx", model, Preprocess())
    with pytest.raises(ModelError, match="threads must be 0 or more, got -1"):
        create_backend("torch", model, Preprocess(), threads=-1)
    with pytest.raises(ModelError, match="runs on the CPU, not on 'cuda:0'"):
        create_backend("onnx", model, Preprocess(), device="cuda:0")


def test_torch_backend_gives_the_process_its_threads_back(run, many):
    before = torch.get_num_threads()
    model = load_classifier(run, backend="torch").model
    create_backend("torch", model, Preprocess(), threads=1)(many[:2])
    assert torch.get_num_threads() == before


def test_latency_is_of_one_thread_and_names_its_backend(run):
    latency = measure_latency(run, repeats=10)
    assert 0 < latency.median_ms <= latency.p90_ms < 1000
    assert (latency.backend, latency.threads) == ("onnx", 1)
    assert measure_latency(run.path, repeats=3, backend="torch").backend == "torch"
