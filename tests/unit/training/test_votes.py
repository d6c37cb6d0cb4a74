"""The second head: learned beside the labels, seen by nobody else, gone from what is kept."""

import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from emotion_core.data.ferplus import NAMES, keep_votes
from emotion_core.errors import TrainingError
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import load_classifier, read_weights
from emotion_core.models.registry import create_model, list_models
from emotion_core.reporting.card import card_text
from emotion_core.reporting.words import how_trained
from emotion_core.runs.create import create_run
from emotion_core.training.failures import Stopped
from emotion_core.training.loop import train
from emotion_core.training.targets import Targets
from emotion_core.training.votes import TwoHeads, add_head, voted, votes_loss, without_head
from tests.unit.training.test_loop import SMALL, striped_faces

VOTED = SMALL.replace(votes=0.5, mixup=0.2)


@pytest.fixture(scope="module")
def data():
    return striped_faces()


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def votes(data):
    """Seven of ten for the label, three for contempt; nobody sees an emotion in the first face."""
    found = np.zeros((len(data), 10), np.int32)
    for row, label in enumerate(data.labels):
        found[row, NAMES.index(EMOTIONS[label])] = 7
    found[:, NAMES.index("contempt")] = 3
    found[0] = [0] * 9 + [10]
    keep_votes(found, data)
    return found


@pytest.mark.parametrize("name", list_models())
def test_every_architecture_takes_the_head_and_loses_it_exactly(name):
    model = create_model(name).eval()
    images = torch.rand(2, 1, 48, 48)
    with torch.inference_mode():
        before, names = model(images), list(model.state_dict())
        add_head(model)
        torch.testing.assert_close(model(images), before)
        assert model.train()(images).shape == (2, 15)
        model.eval()
        plain = without_head(model)
        assert list(plain.state_dict()) == names
        torch.testing.assert_close(plain(images), model(images))
    assert any(isinstance(module, TwoHeads) for module in model.modules())
    assert without_head(plain) is plain


def test_a_network_without_such_a_layer_is_refused():
    with pytest.raises(TrainingError, match="no last linear layer"):
        add_head(torch.nn.Sequential(torch.nn.Conv2d(1, 7, 3)))


def test_targets_are_shares_of_eight_and_faces_without_votes_add_nothing(data, votes):
    shares = voted(data, np.arange(len(data)))
    assert shares.shape == (len(data), 8)
    assert shares[0].sum() == 0 and torch.allclose(shares[1:].sum(1), torch.ones(len(data) - 1))
    assert shares[1].max() == pytest.approx(0.7)
    logits = torch.randn(4, 8)
    alone = votes_loss(logits, shares[:4], 1.0)
    each = -(shares[1:4] * F.log_softmax(logits[1:4], 1)).sum(1)
    assert float(alone) == pytest.approx(float(each.sum()) / 4)
    mixed = votes_loss(logits, shares[:4], 0.25)
    target = 0.25 * shares[:4] + 0.75 * shares[:4].flip(0)
    assert float(mixed) == pytest.approx(float(-(target * F.log_softmax(logits, 1)).sum() / 4))


def test_the_loss_is_that_of_the_labels_plus_the_weighted_votes(data, votes):
    shares = voted(data, np.arange(len(data)))
    cpu = torch.device("cpu")
    both = Targets(data.labels, None, VOTED, cpu, shares)
    labels = Targets(data.labels, None, SMALL.replace(mixup=0.2), cpu)
    logits, places = torch.randn(6, 15), torch.arange(6)
    expected = labels.loss(logits[:, :7], places, 0.8)
    expected = expected + 0.5 * votes_loss(logits[:, 7:], shares[:6], 0.8)
    assert float(both.loss(logits, places, 0.8)) == pytest.approx(float(expected))
    assert both.correct(logits, places, 1.0) == labels.correct(logits[:, :7], places, 1.0)
    # The parts of a batch that ranks compute add up to the whole.
    parts = [both.loss(logits[part], places[part], 1.0, places) for part in (slice(2), slice(2, 6))]
    assert float(sum(parts)) == pytest.approx(float(both.loss(logits, places, 1.0)))


def test_a_trained_run_has_no_second_head_and_says_that_it_had_one(data, votes, tmp_path):
    run = create_run(VOTED, tmp_path)
    report = train(run, VOTED, data)
    plain = create_model("sequential", width=8).state_dict()
    assert read_weights(run).keys() == plain.keys()
    assert load_classifier(run).logits(data.images[:3]).shape == (3, 7)
    assert "trained with FER+ votes" in how_trained(run, report)
    assert "Trained with FER+ votes: a second head" in card_text(run)
    assert report.val.accuracy > 0.5
    without = create_run(SMALL, tmp_path)
    assert "FER+" not in how_trained(without, train(without, SMALL, data))


def test_a_stopped_run_goes_on_bit_for_bit(data, votes, tmp_path):
    whole = create_run(VOTED, tmp_path)
    train(whole, VOTED, data)
    parted, stop = create_run(VOTED, tmp_path), threading.Event()

    def halt(progress):
        if progress.status.epoch == 1:
            stop.set()

    with pytest.raises(Stopped):
        train(parted, VOTED, data, stop=stop, on_progress=halt)
    train(parted, VOTED, data)
    expected, found = read_weights(whole), read_weights(parted)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_weights_of_earlier_runs_fit_with_and_without_votes(data, votes, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    first = create_run(SMALL.replace(epochs=1), tmp_path)
    train(first, first.config(), data)
    config = VOTED.replace(epochs=1, start_from=first.id, average_with=first.id)
    second = create_run(config, tmp_path)
    train(second, config, data)
    assert read_weights(second).keys() == read_weights(first).keys()


def test_without_votes_here_nothing_is_trained(data, tmp_path):
    run = create_run(VOTED, tmp_path)
    with pytest.raises(TrainingError, match="data fetch ferplus"):
        train(run, VOTED, data)
    assert not run.weights_path.exists()
