"""What model.json may say, and what is said where it is wrong."""

import os
import shutil

import numpy as np
import pytest
import torch

from emotion_core.errors import CheckpointError, RunError
from emotion_core.files import read_json, write_json
from emotion_core.models.checkpoint import load_classifier
from emotion_core.models.registry import create_model
from emotion_core.probabilities import softmax
from emotion_core.runs.run import Run
from emotion_core.training.optim import create_optimizer
from emotion_core.training.state import TrainState


@pytest.fixture
def own(run, tmp_path) -> Run:
    """A copy of the small run that a test may spoil."""
    return Run(shutil.copytree(run.path, tmp_path / run.name))


def test_probabilities_are_the_calibrated_softmax_of_the_logits(own, faces):
    classifier = load_classifier(own)
    assert (classifier.temperature, classifier.smoothing) == (1.5, 0.1)
    probs = classifier.probs(faces[:9])
    assert probs.dtype == np.float32
    np.testing.assert_allclose(probs, softmax(classifier.logits(faces[:9]), 1.5, 0.1), atol=1e-6)
    assert classifier.probs(faces[:0]).shape == (0, 7)


def test_a_checkpoint_made_before_smoothing_was_known_has_none(own, faces):
    values = read_json(own.model_path)
    del values["smoothing"]
    write_json(own.model_path, values)
    classifier = load_classifier(own)
    assert classifier.smoothing == 0
    logits = classifier.logits(faces[:9])
    np.testing.assert_allclose(classifier.probs(faces[:9]), softmax(logits, 1.5), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", 0, "temperature must be above 0, found 0"),
        ("smoothing", 1.0, "smoothing must be at least 0 and below 1, found 1.0"),
        ("smoothing", -0.1, "smoothing must be at least 0 and below 1, found -0.1"),
        ("format", 2, "format must be 1, as this version knows, found 2"),
        ("input_size", 64, "input_size must be 48, as this version knows, found 64"),
        ("options", {"stem": [1]}, r"options.stem must be .*, found \[1\]"),
        ("smoothing", "much", "smoothing must be a finite number, found 'much'"),
    ],
)
def test_metadata_that_cannot_be_used_are_named(own, name, value, message):
    write_json(own.model_path, read_json(own.model_path) | {name: value})
    with pytest.raises(CheckpointError, match=message):
        load_classifier(own)


def _pipe(path):
    os.mkfifo(path)


def _device(path):
    path.symlink_to("/dev/zero")


def _folder(path):
    path.mkdir()


@pytest.mark.timeout(60)  # a pipe would never end
@pytest.mark.parametrize("put", [_pipe, _device, _folder])
def test_what_is_no_file_in_place_of_one_is_refused(own, put):
    def replaced(path):
        path.unlink(missing_ok=True)
        put(path)

    replaced(own.log_path)
    assert own.log_tail() == []
    replaced(own.predictions_path)
    with pytest.raises(RunError, match=r"predictions\.npz cannot be read"):
        own.predictions()
    replaced(own.weights_path)
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        load_classifier(own)
    replaced(own.resume_path)
    model = create_model("sequential", width=8)
    with pytest.raises(RunError, match=r"resume\.pt does not fit"):
        TrainState(model, create_optimizer(model, own.config())).load(own, torch.device("cpu"))
