"""What a step learns: labels, teachers' answers and votes, all mixed where faces are (mixup)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emotion_core.labels import NUM_CLASSES
from emotion_core.recipes import TrainConfig
from emotion_core.training.optim import class_weights
from emotion_core.training.votes import votes_loss


class Targets:
    """Labels of the training faces, and how a batch's answers are scored against them.

    Attributes:
        labels: int64 ``(n,)`` on the device.
        taught: The teachers' answers ``(n, 7)`` on the device, if there are teachers.
        votes: FER+ votes ``(n, 8)`` on the device, if a second head learns them.
    """

    def __init__(
        self,
        labels: np.ndarray,
        taught: torch.Tensor | None,
        config: TrainConfig,
        device: torch.device,
        votes: torch.Tensor | None = None,
    ) -> None:
        self.labels = torch.from_numpy(np.array(labels)).to(device)
        self.taught = taught
        self.votes = None if votes is None else votes.to(device)
        weights = class_weights(labels, config.class_weights)
        self._criterion = nn.CrossEntropyLoss(
            weight=None if weights is None else weights.to(device),
            label_smoothing=config.label_smoothing,
        )
        self._weights = self._criterion.weight
        self._mixup, self._teacher_share = config.mixup, config.teacher_share
        self._votes_share = config.votes

    def mix(self, images: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Faces mixed with those of the reversed batch (Zhang et al. 2018).

        Returns:
            The images, and the share (0..1) of each face itself in its mixture.
        """
        if not self._mixup:
            return images, 1.0
        share = float(torch.distributions.Beta(self._mixup, self._mixup).sample())
        return torch.lerp(images.flip(0), images, share), share

    def loss(
        self,
        logits: torch.Tensor,
        places: torch.Tensor,
        share: float,
        whole: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Cross-entropy with the labels, with the teachers' answers where there are any, and that of
        the second head with the votes beside both.

        Args:
            logits: ``(N, 7)``, or ``(N, 7 + 8)`` with a second head, for faces mixed with those of the reversed batch.
            places: ``(N,)`` their places in the training split.
            share: Of each face in its mixture.
            whole: ``(M,)`` places of the batch that these are a part of; the loss is then what the
                part adds to the batch's mean.
        """
        logits, second = logits[:, :NUM_CLASSES], logits[:, NUM_CLASSES:]
        loss = self._label_loss(logits, places, share, whole)
        if self.votes is None:
            return loss
        votes = self._votes_share * votes_loss(second, self.votes[places], share)
        return loss + (votes if whole is None else votes * (len(places) / len(whole)))

    def _label_loss(
        self,
        logits: torch.Tensor,
        places: torch.Tensor,
        share: float,
        whole: torch.Tensor | None,
    ) -> torch.Tensor:
        labels = self.labels[places]
        loss: torch.Tensor = share * self._criterion(logits, labels)
        if share < 1:
            loss = loss + (1 - share) * self._criterion(logits, labels.flip(0))
        if whole is not None:
            loss = loss * (self._weight(labels) / self._weight(self.labels[whole]))
        if self.taught is None:
            return loss
        answers = self.taught[places]
        answers = torch.lerp(answers.flip(0), answers, share)
        taught = F.cross_entropy(logits, answers)
        if whole is not None:
            taught = taught * (len(places) / len(whole))
        return torch.lerp(loss, taught, self._teacher_share)

    def _weight(self, labels: torch.Tensor) -> torch.Tensor | int:
        """What the criterion's mean over these labels is divided by."""
        return len(labels) if self._weights is None else self._weights[labels].sum()

    def correct(self, logits: torch.Tensor, places: torch.Tensor, share: float) -> torch.Tensor:
        """How many answers name the label that has the larger share; a tensor of no dimension."""
        labels = self.labels[places]
        return (
            logits.detach()[:, :NUM_CLASSES].argmax(1)
            == (labels if share >= 0.5 else labels.flip(0))
        ).sum()
