"""Which images are whose among several ranks, and what a machine has too few devices for."""

from dataclasses import replace

import pytest
import torch

from emotion_core import machine
from emotion_core.errors import ConfigError
from emotion_core.recipes import TrainConfig
from emotion_core.training import engines, queue
from emotion_core.training.ranks import Ranks


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [16, 17, 64, 37])
def test_the_parts_of_a_batch_are_the_batch_and_mix_as_it_does(size, count):
    batch = torch.arange(count)
    parts = [batch[Ranks(rank, size).part(count)[0]] for rank in range(size)]
    assert sorted(torch.cat(parts).tolist()) == list(range(count))
    for part in parts:
        assert torch.equal(part + part.flip(0), torch.full_like(part, count - 1))


def test_a_batch_too_small_for_the_ranks_is_computed_by_all():
    part, copies = Ranks(1, 4).part(7)
    assert (torch.arange(7)[part].tolist(), copies) == (list(range(7)), 4)


def test_what_a_machine_has_too_few_devices_for_is_refused(monkeypatch):
    two = replace(machine.this_machine(), device="cuda", gpus=("A", "B"))
    monkeypatch.setattr(engines, "this_machine", lambda: two)
    monkeypatch.setattr(queue, "this_machine", lambda: two)
    auto = TrainConfig(devices="all")
    assert engines.device_count(auto) == 2
    assert queue.queue_names(auto) == ("cuda-0", "cuda-1")
    with pytest.raises(ConfigError, match="devices is 3, but this machine has 2 GPUs"):
        engines.require_devices(auto.replace(devices="3"))
    with pytest.raises(ConfigError, match="Give at least 8"):
        engines.require_devices(TrainConfig(device="cpu", devices="4", batch_size=6))
    with pytest.raises(ConfigError, match="names one GPU, but devices is 2"):
        TrainConfig(device="cuda:1", devices="2")
    with pytest.raises(ConfigError, match="devices must be all or a number from 1 to 64, got '0'"):
        TrainConfig(devices="0")
