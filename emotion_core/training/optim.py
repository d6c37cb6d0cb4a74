"""Optimizer, learning-rate schedule, averaged weights and class weights."""

import copy
import math

import numpy as np
import torch
from torch import nn

from emotion_core.labels import NUM_CLASSES
from emotion_core.recipes import TrainConfig
from emotion_core.training.upstream import without_compiler


def create_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The configured optimizer; weight decay is kept from biases and norms."""
    decay = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [
        {"params": decay, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return without_compiler(torch.optim.SGD)(
            groups, lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0, fused=True
        )
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return without_compiler(kind)(groups, lr=config.lr, fused=True)


def freeze_norms(model: nn.Module) -> None:
    """Let batch norms use the statistics that they have, and not change them, while all else trains."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def learning_rate(step: int, steps_an_epoch: int, config: TrainConfig) -> float:
    """Rate of a step counted from 0: linear warm-up, then cosine to zero or constant."""
    total = config.epochs * steps_an_epoch
    warmup = min(round(config.warmup_epochs * steps_an_epoch), total - 1)
    if step < warmup:
        return config.lr * (step + 1) / (warmup + 1)
    if config.schedule == "constant":
        return config.lr
    return config.lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


class WeightAverage:
    """Exponential moving average of a model's weights and batch-norm statistics.

    The decay grows as (1 + step) / (10 + step) up to its final value, so that the average
    forgets the random start (as in TensorFlow's ``ExponentialMovingAverage``).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._pairs = [
            (mean, value)
            for mean, value in zip(
                self.model.state_dict().values(), model.state_dict().values(), strict=True
            )
            if mean.is_floating_point()
        ]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the model's weights after training step ``step`` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        means, values = zip(*self._pairs, strict=True)
        torch._foreach_lerp_(list(means), list(values), 1 - decay)


def class_weights(labels: np.ndarray, kind: str) -> torch.Tensor | None:
    """Loss weight a class.

    Args:
        labels: Training labels ``(N,)``.
        kind: ``none``; ``balanced``: N / (7 * count), scikit-learn's formula, which the study
            used; ``sqrt``: its square root, milder.

    Returns:
        float32 ``(7,)``, 0 for a class without images; None for ``none``.
    """
    if kind == "none":
        return None
    counts = np.bincount(labels, minlength=NUM_CLASSES)
    weights = np.where(counts > 0, len(labels) / (NUM_CLASSES * np.maximum(counts, 1)), 0.0)
    return torch.tensor(np.sqrt(weights) if kind == "sqrt" else weights, dtype=torch.float32)


def epoch_order(labels: np.ndarray, config: TrainConfig, epoch: int) -> np.ndarray:
    """Positions that one epoch draws, shuffled; depends on the seed and the epoch alone.

    Args:
        labels: Training labels ``(N,)``.
        config: ``sampling`` and ``seed`` are used.
        epoch: Counted from 0.
    """
    rng = np.random.default_rng((config.seed, epoch))
    members = [np.flatnonzero(labels == label) for label in range(NUM_CLASSES)]
    members = [positions for positions in members if len(positions)]
    sizes = [len(positions) for positions in members]
    if config.sampling == "none":
        return rng.permutation(len(labels))
    if config.sampling == "under":
        chosen = [rng.choice(positions, min(sizes), replace=False) for positions in members]
    elif config.sampling == "balanced":
        share = len(labels) // len(members)
        chosen = [rng.choice(positions, share, replace=True) for positions in members]
    else:  # over: each image at least once, small classes repeated up to the largest
        chosen = [
            np.concatenate(
                [positions, rng.choice(positions, max(sizes) - len(positions), replace=True)]
            )
            for positions in members
        ]
    return rng.permutation(np.concatenate(chosen))
