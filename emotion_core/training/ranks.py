"""The processes that train one run together, each a rank on a device of its own.

``torchrun``'s agent starts them (``engines``) and DistributedDataParallel averages their gradients.
A step's batch is the same whatever their number: each rank draws the whole batch's augmentation from
the step's seed and takes its part. The gradient is that of the whole batch's mean loss.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from emotion_core.machine import cpu_cores, resolve_device
from emotion_core.recipes import TrainConfig

_LOOPBACKS = ("lo", "lo0")  # Linux, macOS


@dataclass(frozen=True)
class Ranks:
    """This process among those that train the run.

    Attributes:
        rank: Its number, from 0; the first writes the run's folder.
        size: How many there are.
        grouped: Whether a launcher started it, which holds the run's lock and writes how it ended.
    """

    rank: int = 0
    size: int = 1
    grouped: bool = False

    @property
    def first(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.rank == 0

    def part(self, count: int) -> tuple[torch.Tensor | slice, int]:
        """Which images of a batch are this rank's.

        Mixup mixes image i with image count - 1 - i, so both go to the same rank, which finds one
        at the other's place when it reverses its part.

        Args:
            count: Images of the whole batch.

        Returns:
            Places in the batch, and by how many ranks they are computed: 1, or all where the batch
            has less than two images for each rank.
        """
        if self.size == 1:
            return slice(None), 1
        pairs = count // 2
        if pairs < self.size:
            return slice(None), self.size
        low, high = (pairs * at // self.size for at in (self.rank, self.rank + 1))
        first = torch.arange(low, high)
        middle = torch.arange(pairs, pairs + (count % 2 if self.rank == self.size - 1 else 0))
        return torch.cat([first, middle, count - 1 - first.flip(0)]), 1

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of the ranks' tensors of one shape; every rank must ask."""
        if self.size > 1:
            moved = values.cpu()  # gloo exchanges a CPU's tensors, also beside NCCL
            dist.all_reduce(moved)
            values = moved.to(values.device)
        return values

    def most(self, value: int) -> int:
        """The largest of the ranks' numbers; every rank must ask."""
        if self.size == 1:
            return value
        moved = torch.tensor(value)
        dist.all_reduce(moved, dist.ReduceOp.MAX)
        return int(moved)

    def rows(self, count: int, answer: Callable[[slice], torch.Tensor]) -> torch.Tensor:
        """Rows that each rank computes a part of; every rank must ask, and gets them all.

        Args:
            count: Rows in all.
            answer: Computes the rows ``(n, 7)`` of a slice.
        """
        low, high = (count * at // self.size for at in (self.rank, self.rank + 1))
        found = answer(slice(low, high))
        if self.size == 1:
            return found
        rows = torch.zeros(count, *found.shape[1:], dtype=found.dtype, device=found.device)
        rows[low:high] = found
        return self.total(rows)

    def prepared(self, model: nn.Module) -> nn.Module:
        """A model whose batch norms see the whole batch; its weights keep their names."""
        if self.size == 1:
            return model
        if next(model.parameters()).is_cuda:
            convert: Callable[[nn.Module], nn.Module] = nn.SyncBatchNorm.convert_sync_batchnorm
            return convert(model)
        for module in model.modules():
            if type(module) in (nn.BatchNorm1d, nn.BatchNorm2d) and module.momentum is not None:
                module.__class__ = _SharedBatchNorm
        return model

    def parallel(self, model: nn.Module) -> nn.Module:
        """What to call for answers whose gradients are averaged over the ranks."""
        if not self.grouped:
            return model
        device = next(model.parameters()).device
        where = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(
            model, device_ids=where, forward_sync_buffers=False
        )


ALONE = Ranks()


class _Sum(torch.autograd.Function):
    """The ranks' sum of a tensor; every rank's answer depends on it, so gradients are summed, too."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        """Sum of the ranks' values."""
        summed = values.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Sum of the ranks' gradients."""
        summed = gradient.contiguous().clone()
        dist.all_reduce(summed)
        return summed


def _summed(values: torch.Tensor) -> torch.Tensor:
    apply: Callable[[torch.Tensor], torch.Tensor] = _Sum.apply
    return apply(values)


class _SharedBatchNorm(_BatchNorm):
    """Batch norm over the images of all ranks, for CPUs, where PyTorch's SyncBatchNorm refuses."""

    def _check_input_dim(self, input: torch.Tensor) -> None:
        """Any number of dimensions, the second being the channels."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """As ``BatchNorm2d``; while training every rank must call it."""
        if not self.training:
            return super().forward(input)
        others = [0, *range(2, input.ndim)]
        values = input.float()
        own = values.new_full((1,), values.numel() / values.shape[1])
        sums = _summed(torch.cat([values.sum(others), own]))
        count = sums[-1].detach()
        shape = [1, -1] + [1] * (input.ndim - 2)
        mean = sums[:-1] / count
        centred = values - mean.view(shape)
        variance = _summed((centred * centred).sum(others)) / count
        self._follow(mean.detach(), variance.detach() * count / (count - 1))
        scaled = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            scaled = scaled * self.weight.view(shape) + self.bias.view(shape)
        answer: torch.Tensor = scaled.to(input.dtype)
        return answer

    @torch.no_grad()
    def _follow(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
        pace = self.momentum or 0.0
        self.running_mean.lerp_(mean, pace)
        self.running_var.lerp_(variance, pace)


@contextlib.contextmanager
def joined() -> Iterator[Ranks]:
    """The ranks that this process is one of, for as long as they train; alone without a launcher."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield ALONE
        return
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    names = [name for _, name in socket.if_nameindex()]
    for loopback in set(_LOOPBACKS) & set(names):  # all ranks are on this machine
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    # Both: tensors of a GPU go through NCCL, those of a CPU through gloo.
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(rank, size, grouped=True)
    finally:
        dist.destroy_process_group()


def use_device(config: TrainConfig, ranks: Ranks = ALONE) -> torch.device:
    """The device to train on; sets the number of CPU threads.

    Raises:
        ConfigError: it is not there.
    """
    if threads := config.threads or (cpu_cores() // ranks.size if ranks.size > 1 else 0):
        torch.set_num_threads(max(1, threads))
    device = resolve_device(config.device)
    if ranks.size == 1 or device.type == "cpu":
        return device
    device = resolve_device(f"cuda:{ranks.rank}")
    torch.cuda.set_device(device)
    return device
