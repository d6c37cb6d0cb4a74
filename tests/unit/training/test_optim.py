"""Schedules, weight averaging, class weights and sampling."""

import importlib.metadata
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.training import upstream
from emotion_core.training.optim import (
    WeightAverage,
    class_weights,
    create_optimizer,
    epoch_order,
    learning_rate,
)
from emotion_core.versions import patch_fits

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


_TRAINS = """
import sys
from emotion_core.recipes import recipe_config
from emotion_core.runs.create import create_run
from emotion_core.training.loop import train
for optimizer in ("sgd", "adam", "adamw"):
    changes = dict(data="synthetic:70", epochs=1, optimizer=optimizer, options={"width": 4})
    run = create_run(recipe_config("ours", "sequential", **changes))
    train(run, run.config())
    assert run.status().state == "finished", run.status()
assert "torch._dynamo" not in sys.modules
"""


def test_a_training_does_not_load_the_compiler(tmp_path):
    places = {name: str(tmp_path) for name in ("EMOTION_CHECKPOINTS", "EMOTION_HOME")}
    subprocess.run(
        [sys.executable, "-c", _TRAINS], check=True, cwd=PROJECT, env=os.environ | places
    )


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_an_optimizer_without_the_compiler_computes_the_same(kind):
    def trained(kind: type[torch.optim.Optimizer]) -> torch.Tensor:
        torch.manual_seed(0)
        layer, states = nn.Linear(4, 3), []
        for _ in range(2):  # the second one goes on from the first one's state
            optimizer = kind(layer.parameters(), lr=0.1, weight_decay=0.1, fused=True)
            for state in states:
                optimizer.load_state_dict(state)
            for _ in range(3):
                optimizer.zero_grad()
                layer(torch.ones(2, 4)).square().sum().backward()
                optimizer.step()
            states.append(optimizer.state_dict())
        return layer.weight.detach()

    assert torch.equal(trained(upstream.without_compiler(kind)), trained(kind))


def test_another_version_of_torch_is_left_as_it_is(monkeypatch, caplog):
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "99.0")
    patch_fits.cache_clear()
    assert upstream.without_compiler(torch.optim.SGD) is torch.optim.SGD
    assert [record.args[:2] for record in caplog.records] == [("torch", "99.0")]
    patch_fits.cache_clear()


def test_the_installed_torch_is_one_that_the_change_was_written_for():
    assert patch_fits("torch", upstream.TORCH, "")
