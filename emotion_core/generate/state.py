"""What a generator's training has reached, and the file from which it goes on bit for bit.

As in ``training.state`` every step draws all its randomness from a seed made of the run's seed and
the step's number, so no state of a random generator is kept.
"""

import json
from typing import TypeVar

import safetensors
import safetensors.torch
import torch
from torch import nn

from emotion_core.errors import RunError
from emotion_core.files import regular, write_bytes
from emotion_core.generate.folder import GanRun
from emotion_core.generate.networks import create_discriminator, create_generator
from emotion_core.generate.settings import GanSettings
from emotion_core.training.optim import WeightAverage
from emotion_core.training.upstream import without_compiler

_Network = TypeVar("_Network", bound=nn.Module)
FORMAT = "2"  # of resume.safetensors
_BETAS = (0.0, 0.9)
SUMS = (
    "loss_discriminator",
    "loss_generator",
    "score_real",
    "score_generated",
    "score_wrong_class",
)
_UNREADABLE = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    safetensors.SafetensorError,
)


class GanState:
    """A training between its steps.

    Attributes:
        generator: In training.
        discriminator: In training.
        average: The generator's averaged weights, which draw all samples.
        optimizers: Adam of ``generator`` and of ``discriminator``, by these names.
        epoch: Finished epochs.
        step: Finished steps of the present epoch.
        sums: Of each of ``SUMS`` over the present epoch's steps.
        seconds: Of the present epoch.
        train_seconds: Of the finished ones.
    """

    def __init__(self, settings: GanSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        self.generator = _placed(create_generator(settings), device)
        self.discriminator = _placed(create_discriminator(settings), device)
        self.average = WeightAverage(self.generator, settings.ema)
        rates = {
            "generator": settings.lr_generator,
            "discriminator": settings.lr_discriminator,
        }
        adam = without_compiler(torch.optim.Adam)
        self.optimizers = {
            name: adam(getattr(self, name).parameters(), rate, _BETAS, fused=True)
            for name, rate in rates.items()
        }
        self.epoch, self.step = 0, 0
        self.sums = dict.fromkeys(SUMS, 0.0)
        self.seconds = self.train_seconds = 0.0

    def add(self, figures: dict[str, float]) -> None:
        """Count a step."""
        for name, value in figures.items():
            self.sums[name] += value
        self.step += 1

    def end_epoch(self) -> None:
        """Go on to the next epoch."""
        self.epoch, self.step = self.epoch + 1, 0
        self.train_seconds += self.seconds
        self.seconds, self.sums = 0.0, dict.fromkeys(SUMS, 0.0)

    def save(self, run: GanRun) -> None:
        """Write ``resume.safetensors``, atomically."""
        tensors = {
            f"{part}.{name}": value
            for part, network in self._networks().items()
            for name, value in network.state_dict().items()
        }
        for part, optimizer in self.optimizers.items():
            for number, values in optimizer.state_dict()["state"].items():
                tensors |= {f"adam.{part}.{number}.{name}": v for name, v in values.items()}
        counters = {name: getattr(self, name) for name in _COUNTERS}
        data = safetensors.torch.save(
            {name: value.contiguous() for name, value in tensors.items()},
            {"format": FORMAT, "counters": json.dumps(counters)},
        )
        write_bytes(run.resume_path, data)

    def load(self, run: GanRun) -> None:
        """Go on from ``resume.safetensors``.

        Raises:
            RunError: the file is damaged, of another version, or does not fit the settings.
        """
        try:
            with safetensors.safe_open(regular(run.resume_path), "pt") as file:
                told = file.metadata() or {}
                if told.get("format") != FORMAT:
                    raise ValueError(f"it has format {told.get('format')}, not {FORMAT}")
                self._take({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            counters = json.loads(told["counters"])
            for name in _COUNTERS:
                setattr(self, name, counters[name])
        except _UNREADABLE as error:
            raise RunError(
                f"Generator '{run.name}': {run.resume_path.name} does not fit ({error}). Delete the "
                "file to train from the start."
            ) from error

    def _take(self, tensors: dict[str, torch.Tensor]) -> None:
        for part, network in self._networks().items():
            prefix = f"{part}."
            network.load_state_dict(
                {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
            )
        for part, optimizer in self.optimizers.items():
            state = optimizer.state_dict()
            parameters = optimizer.param_groups[0]["params"]
            prefix = f"adam.{part}."
            for name, value in tensors.items():
                if name.startswith(prefix):
                    number, field = name.removeprefix(prefix).split(".")
                    if value.ndim:  # the fused step reads it in the parameter's own layout
                        value = torch.empty_like(parameters[int(number)]).copy_(value)
                    state["state"].setdefault(int(number), {})[field] = value.detach()
            optimizer.load_state_dict(state)

    def _networks(self) -> dict[str, nn.Module]:
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "average": self.average.model,
        }


def _placed(network: _Network, device: torch.device) -> _Network:
    """On its device, channels last, which is how CPUs and tensor cores convolve fastest."""
    network.to(device)
    for weight in network.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return network


_COUNTERS = ("epoch", "step", "sums", "seconds", "train_seconds")
