"""What a network answers to the validation faces, and how good that is."""

import contextlib
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emotion_core.evaluation.calibrate import fit_calibration
from emotion_core.evaluation.metrics import confusion_matrix, macro_f1
from emotion_core.models.preprocess import Preprocess
from emotion_core.probabilities import softmax
from emotion_core.recipes import TrainConfig
from emotion_core.runs.run import Row, validation_score
from emotion_core.training.precision import arithmetic
from emotion_core.training.ranks import ALONE, Ranks


class Validation:
    """The validation faces on the device.

    A final training has learned them, so they say nothing about it: it has no figures, its last
    epoch is its best, and what its weights are averaged with was chosen before.

    Attributes:
        faces: uint8 ``(n, 48, 48)`` on the device.
        labels: ``(n,)``.
    """

    def __init__(
        self,
        faces: np.ndarray,
        labels: np.ndarray,
        preprocess: Preprocess,
        config: TrainConfig,
        device: torch.device,
    ) -> None:
        self.faces, self.labels = torch.from_numpy(np.array(faces)).to(device), labels
        self._preprocess = preprocess
        self._config = config

    def logits(self, model: nn.Module, ranks: Ranks = ALONE) -> torch.Tensor:
        """Answers of a model, float32 ``(n, 7)`` on the CPU; each rank computes a part."""

        def answer(part: slice) -> torch.Tensor:
            precision = arithmetic(self._config.precision, self.faces.device)
            return predict(model, self.faces[part], self._preprocess, precision)

        return ranks.rows(len(self.faces), answer)

    def figures(self, logits: torch.Tensor) -> dict[str, float]:
        """``val_loss``, ``val_accuracy`` and ``val_macro_f1`` of answers; none if learned."""
        if self._config.final:
            return {}
        confusion = confusion_matrix(self.labels, logits.argmax(1).numpy())
        hits = confusion.diagonal()
        return {
            "val_loss": float(F.cross_entropy(logits, torch.from_numpy(self.labels))),
            "val_accuracy": float(hits.sum() / confusion.sum()),
            "val_macro_f1": float(macro_f1(hits, confusion.sum(1), confusion.sum(0))),
        }

    def score(self, row: Row) -> float:
        """How good an epoch is by its row: more is better."""
        if self._config.final:
            return row["epoch"]
        return validation_score(row, self._config.monitor)

    def calibrated_score(self, model: nn.Module) -> float:
        """The monitored score of a model, calibrated as its answers will be; 0 if learned.

        A mean of weights is less sure of its answers than each network alone, which says nothing
        against it.
        """
        if self._config.final:
            return 0.0
        logits = self.logits(model).numpy()
        probs = softmax(logits, *fit_calibration(logits, self.labels))
        logs = torch.from_numpy(np.log(np.maximum(probs, np.finfo(np.float64).eps))).float()
        return validation_score(self.figures(logs), self._config.monitor)


@torch.inference_mode()
def predict(
    model: nn.Module,
    faces: torch.Tensor,
    preprocess: Preprocess,
    arithmetic: contextlib.AbstractContextManager[Any] | None = None,
    batch_size: int = 256,
) -> torch.Tensor:
    """Logits of many faces.

    Args:
        model: The network; it is left in the mode it was in.
        faces: ``(N, 48, 48)`` uint8 on the model's device.
        preprocess: The model's pixel normalisation.
        arithmetic: What to compute under; fp32 if None.
        batch_size: Faces at once.

    Returns:
        float32 ``(N, 7)`` on the CPU.
    """
    training = model.training
    model.eval()
    parts = []
    with arithmetic or contextlib.nullcontext():
        for batch in torch.split(faces, batch_size):
            images = preprocess.apply(batch).contiguous(memory_format=torch.channels_last)
            parts.append(model(images).float().cpu())
    model.train(training)
    return torch.cat(parts)
