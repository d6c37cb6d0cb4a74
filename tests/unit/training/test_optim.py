"""Schedules, weight averaging, class weights and sampling."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from emotion_core.recipes import TrainConfig
from emotion_core.training.optim import (
    WeightAverage,
    class_weights,
    create_optimizer,
    epoch_order,
    learning_rate,
)

LABELS = np.repeat(np.arange(7), [50, 5, 40, 90, 60, 55, 30])


def test_rate_warms_up_peaks_and_falls_to_almost_zero():
    config = TrainConfig(epochs=10, lr=0.1, warmup_epochs=2.0)
    rates = [learning_rate(step, 100, config) for step in range(1000)]
    assert rates[0] < 0.001
    assert max(rates) == pytest.approx(0.1)
    assert int(np.argmax(rates)) == 200
    assert rates[-1] < 1e-5
    assert all(a >= b for a, b in itertools.pairwise(rates[200:]))


def test_constant_rate_without_warm_up_never_changes():
    config = TrainConfig(epochs=3, lr=0.01, warmup_epochs=0.0, schedule="constant")
    assert {learning_rate(step, 10, config) for step in range(30)} == {0.01}


def test_warm_up_longer_than_the_training_still_ends():
    config = TrainConfig(epochs=1, lr=0.1, warmup_epochs=5.0)
    assert all(0 < learning_rate(step, 4, config) <= 0.1 for step in range(4))


def test_weight_decay_spares_biases_and_norms():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = create_optimizer(model, TrainConfig(weight_decay=0.1))
    decayed, spared = optimizer.param_groups
    assert [p.ndim for p in decayed["params"]] == [4]
    assert decayed["weight_decay"] == 0.1
    assert len(spared["params"]) == 3
    assert spared["weight_decay"] == 0


def test_average_follows_the_weights_and_forgets_the_start():
    model = nn.Linear(2, 1, bias=False)
    average = WeightAverage(model, 0.9)
    with torch.no_grad():
        model.weight.fill_(5.0)
    for step in range(200):
        average.update(step)
    assert torch.allclose(average.model.weight, model.weight, atol=1e-4)


def test_balanced_weights_are_scikit_learns():
    ours = class_weights(LABELS, "balanced")
    theirs = compute_class_weight("balanced", classes=np.arange(7), y=LABELS)
    assert np.allclose(ours, theirs)
    assert np.allclose(class_weights(LABELS, "sqrt"), np.sqrt(theirs))
    assert class_weights(LABELS, "none") is None


def test_a_class_without_images_has_weight_zero():
    weights = class_weights(np.array([0, 0, 3]), "balanced")
    assert weights[1] == 0
    assert torch.isfinite(weights).all()


@pytest.mark.parametrize(
    ("sampling", "counts"),
    [
        ("none", [50, 5, 40, 90, 60, 55, 30]),
        ("over", [90] * 7),
        ("under", [5] * 7),
        ("balanced", [47] * 7),
    ],
)
def test_sampling_draws_the_promised_counts(sampling, counts):
    order = epoch_order(LABELS, TrainConfig(sampling=sampling), 0)
    assert np.bincount(LABELS[order], minlength=7).tolist() == counts


def test_over_sampling_shows_every_image():
    order = epoch_order(LABELS, TrainConfig(sampling="over"), 0)
    assert set(order) == set(range(len(LABELS)))


def test_order_depends_on_seed_and_epoch_alone():
    first = epoch_order(LABELS, TrainConfig(seed=1), 4)
    assert np.array_equal(first, epoch_order(LABELS, TrainConfig(seed=1), 4))
    assert not np.array_equal(first, epoch_order(LABELS, TrainConfig(seed=2), 4))
    assert not np.array_equal(first, epoch_order(LABELS, TrainConfig(seed=1), 5))
