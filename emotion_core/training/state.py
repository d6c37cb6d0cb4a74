"""What a training has reached, and ``resume.pt``, from which it goes on bit for bit.

Every step draws all its randomness from a seed made of the run's seed and the step's number, so
no generator's state needs to be kept.
"""

import io
import math
import pickle  # noqa: TID251 - only for its exception
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from emotion_core.errors import RunError, TrainingError
from emotion_core.files import regular, write_bytes
from emotion_core.runs.run import Run
from emotion_core.training.optim import WeightAverage
from emotion_core.training.ranks import ALONE, Ranks

FORMAT = 2  # of resume.pt


class Losses:
    """Loss and correct answers of an epoch's steps, added up without waiting for the device.

    Attributes:
        totals: float64 ``(3,)`` on the CPU: sum of losses, correct answers, images.
    """

    def __init__(self) -> None:
        self.totals = torch.zeros(3, dtype=torch.float64)
        self._recent: list[torch.Tensor] = []

    @property
    def images(self) -> int:
        """Images of the steps that are in ``totals``."""
        return int(self.totals[2])

    @property
    def mean(self) -> float:
        """Mean loss of an image."""
        return float(self.totals[0] / self.totals[2])

    @property
    def accuracy(self) -> float:
        """Share (0..1) of correct answers."""
        return float(self.totals[1] / self.totals[2])

    def append(self, loss: torch.Tensor, correct: torch.Tensor, images: float) -> None:
        """Keep a step's sum of losses, number of correct answers and number of images."""
        self._recent.append(torch.stack([loss, correct, correct * 0 + images]))

    def add_up(self, ranks: Ranks = ALONE) -> int:
        """Add the recent steps of all ranks to ``totals``, which waits for the device.

        Returns:
            How many steps ago the first loss was that is no number, counted from 1; 0 for none.
        """
        rows = torch.stack(self._recent).double().cpu() if self._recent else torch.zeros(0, 3)
        self._recent.clear()
        rows = ranks.total(rows)
        bad = (~torch.isfinite(rows[:, 0])).nonzero()
        if len(bad):
            return len(rows) - int(bad[0])
        self.totals += rows.sum(0)
        return 0


class TrainState:
    """One training between its steps.

    Attributes:
        model: The network, on its device.
        forward: The same, compiled if that was asked for, with gradients of all ranks.
        optimizer: Its optimizer.
        average: Its averaged weights, if averaging is on.
        taught: The teachers' answers to the training faces ``(n, 7)``, if there are teachers.
        epoch: Finished epochs.
        step: Finished steps of the present epoch.
        best: Validation score of the weights that are kept.
        best_epoch: Their epoch, counted from 1; 0 before the first is finished.
        losses: Of the present epoch.
        ranks: The processes that train together.
        train_seconds: Time in finished epochs.
        epoch_seconds: Time in the present one.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, ranks: Ranks = ALONE
    ) -> None:
        self.model, self.optimizer, self.ranks = model, optimizer, ranks
        self.forward: Callable[[torch.Tensor], torch.Tensor] = model
        self.average: WeightAverage | None = None
        self.taught: torch.Tensor | None = None
        self.epoch, self.step = 0, 0
        self.best, self.best_epoch = -math.inf, 0
        self.losses = Losses()
        self.train_seconds = self.epoch_seconds = 0.0

    @property
    def best_model(self) -> nn.Module:
        """The weights that are validated and kept: averaged where averaging is on."""
        return self.average.model if self.average else self.model

    def check_losses(self, lr: float) -> None:
        """Add up the recent losses.

        Raises:
            TrainingError: one is no number.
        """
        ago = self.losses.add_up(self.ranks)
        if ago:
            kept = (
                f"The weights of epoch {self.best_epoch} are kept."
                if self.best_epoch
                else "No epoch was finished, so there are no weights to keep."
            )
            raise TrainingError(
                f"The loss is not a number at epoch {self.epoch + 1}, step {self.step - ago + 1}. "
                f"Lower lr (now {lr:g}) or turn clip_norm on. {kept}"
            )

    def end_epoch(self) -> None:
        """Go on to the next epoch."""
        self.epoch, self.step = self.epoch + 1, 0
        self.train_seconds += self.epoch_seconds
        self.epoch_seconds = 0.0
        self.losses = Losses()

    def is_stale(self, patience: int) -> bool:
        """Whether no epoch was better for so many; never for a patience of 0."""
        return bool(patience) and self.epoch - self.best_epoch >= patience

    def save(self, run: Run) -> None:
        """Write ``resume.pt``, atomically."""
        values = {name: getattr(self, name) for name in _COUNTERS} | {
            "format": FORMAT,
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict() if self.average else {},
            "optimizer": self.optimizer.state_dict(),
            "taught": self.taught,
            "totals": self.losses.totals,
        }
        # Through memory, because torch hides a full disk in an error of its own.
        buffer = io.BytesIO()
        torch.save(values, buffer)
        write_bytes(run.resume_path, buffer.getbuffer())

    def load(self, run: Run, device: torch.device) -> None:
        """Go on from ``resume.pt``.

        Raises:
            RunError: the file is damaged, of another version, or does not fit the run's settings.
        """
        try:
            path = regular(run.resume_path)
            values = torch.load(path, map_location=device, weights_only=True)
            found = values.get("format", 1)
            if found != FORMAT:
                raise ValueError(f"it has format {found}, this version reads {FORMAT}")
            self._take(values)
        except _UNREADABLE as error:
            raise RunError(
                f"Run '{run.name}': resume.pt does not fit this run ({error}). Delete the file "
                "to train from the start."
            ) from error

    def _take(self, values: dict[str, Any]) -> None:
        self.model.load_state_dict(values["model"])
        if self.average:
            self.average.model.load_state_dict(values["average"])
        self.optimizer.load_state_dict(values["optimizer"])
        self.taught = values["taught"]
        self.losses.totals = values["totals"].cpu()
        for name in _COUNTERS:
            setattr(self, name, values[name])


_COUNTERS = ("epoch", "step", "best", "best_epoch", "train_seconds", "epoch_seconds")
_UNREADABLE = (
    EOFError,
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    pickle.UnpicklingError,
)
