"""Exports hold the same weights and all that is needed to use them."""

import json
import shutil
import sys

import h5py
import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors
import safetensors.torch
import torch

from emotion_core.errors import CheckpointError, ModelError
from emotion_core.files import read_json, write_json
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import load_classifier
from emotion_core.models.export import export_run
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run


def test_onnx_takes_pixels_and_gives_the_classifiers_probabilities(run, faces, tmp_path):
    path = export_run(run, "onnx", tmp_path)
    assert path == tmp_path / f"{run.name}.onnx"
    onnx.checker.check_model(onnx.load(path))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["labels"]) == list(EMOTIONS)
    classifier = load_classifier(run, backend="torch")
    for batch in (faces[:1], faces[:5]):
        (logits,) = session.run(None, {"faces": batch})
        np.testing.assert_allclose(logits, classifier.logits(batch), rtol=1e-4, atol=1e-4)
        # As the metadata says it.
        scaled = np.exp(logits / float(about["temperature"]))
        probs = scaled / scaled.sum(axis=1, keepdims=True)
        t = float(about["smoothing"]) / 7
        probs = probs - t + np.sqrt((probs - t) ** 2 + (t / 4) ** 2)
        probs /= probs.sum(axis=1, keepdims=True)
        assert "subtract t = smoothing / 7" in about["probabilities"]
        np.testing.assert_allclose(probs, classifier.probs(batch), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("half", "dtype"), [(False, np.float32), (True, np.float16)])
def test_h5_holds_every_tensor_and_the_metadata(run, tmp_path, half, dtype):
    path = export_run(run, "h5", tmp_path / "model.h5", half=half)
    state = load_classifier(run, backend="torch").model.state_dict()
    with h5py.File(path) as file:
        assert set(file) == set(state)
        for name, tensor in state.items():
            if tensor.is_floating_point():
                assert file[name].dtype == dtype
            np.testing.assert_allclose(file[name][()], tensor.numpy(), rtol=1e-3, atol=1e-6)
        assert file.attrs["architecture"] == "sequential"
        assert json.loads(file.attrs["options"]) == {"width": 8}
        assert float(file.attrs["temperature"]) == 1.5
        assert float(file.attrs["smoothing"]) == 0.1


@pytest.mark.parametrize(("half", "dtype"), [(False, torch.float32), (True, torch.float16)])
def test_safetensors_holds_every_tensor_and_the_metadata(run, tmp_path, half, dtype):
    path = export_run(run, "safetensors", tmp_path, half=half)
    state = load_classifier(run, backend="torch").model.state_dict()
    loaded = safetensors.torch.load_file(path)
    assert set(loaded) == set(state)
    assert all(value.dtype == dtype for value in loaded.values() if value.is_floating_point())
    torch.testing.assert_close(loaded["0.weight"].float(), state["0.weight"], rtol=1e-3, atol=1e-6)
    with safetensors.safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["labels"]) == list(EMOTIONS)


@pytest.mark.parametrize("format", ["h5", "onnx"])
def test_two_exports_are_equal_byte_by_byte(run, tmp_path, format):
    first = export_run(run, format, tmp_path / "a")
    second = export_run(run, format, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


def test_unknown_format_half_onnx_and_own_weights_are_refused(run, tmp_path):
    with pytest.raises(ModelError, match=r"Unknown format 'onx'. Did you mean 'onnx'"):
        export_run(run, "onx", tmp_path)
    with pytest.raises(ModelError, match="Half precision is for h5 and safetensors"):
        export_run(run, "onnx", tmp_path, half=True)
    with pytest.raises(ModelError, match="the run's own weight file"):
        export_run(run, "safetensors", run.weights_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"format": 2}, {"input_size": 64}])
def test_weights_of_another_version_are_refused(run, tmp_path, change):
    copy = Run(shutil.copytree(run.path, tmp_path / run.name))
    write_json(copy.model_path, read_json(run.model_path) | change)
    (name,) = change
    with pytest.raises(
        CheckpointError, match=rf"{name} must be .*, as this version knows, found {change[name]}"
    ):
        load_classifier(copy)


def test_run_without_weights_exports_nothing(tmp_path):
    run = create_run(TrainConfig(), tmp_path)
    with pytest.raises(CheckpointError, match=r"no model\.json"):
        export_run(run, "h5", tmp_path / "model.h5")
    assert not (tmp_path / "model.h5").exists()


def test_missing_library_is_named_and_no_file_is_left(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModelError, match="pip install h5py"):
        export_run(run, "h5", tmp_path)
    assert list(tmp_path.iterdir()) == []
