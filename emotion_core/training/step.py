"""One training step, and one for the memory that it takes."""

import torch
from torch import nn

from emotion_core.recipes import TrainConfig
from emotion_core.training.batches import Batches
from emotion_core.training.optim import learning_rate
from emotion_core.training.precision import arithmetic
from emotion_core.training.state import TrainState
from emotion_core.training.targets import Targets


def train_step(
    state: TrainState,
    batches: Batches,
    targets: Targets,
    positions: torch.Tensor,
    config: TrainConfig,
) -> None:
    """One step: a batch's images, their loss, its gradient, new weights.

    Args:
        state: Its weights, optimizer and losses change.
        batches: The training faces.
        targets: What they teach.
        positions: ``(N,)`` of the batch, from ``Batches.of_epoch``.
        config: The run's settings.
    """
    done = state.epoch * batches.steps + state.step
    seed = config.seed * 1_000_003 + done
    torch.manual_seed(seed)  # dropout and mixup
    ranks = state.ranks
    part, copies = ranks.part(len(positions))
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(done, batches.steps, config)
    images, share = targets.mix(batches.images(positions, seed, part))
    if not ranks.first:
        torch.manual_seed(seed + (ranks.rank << 48))  # other images, other dropout
    whole = positions % len(batches.faces)
    places = whole[part]
    state.optimizer.zero_grad(set_to_none=True)
    with arithmetic(config.precision, images.device):
        logits = state.forward(images)
        loss = targets.loss(logits, places, share, whole if ranks.size > 1 else None) / copies
    # Gradients are averaged over the ranks, and this is the sum of their losses.
    (loss * ranks.size).backward()  # type: ignore[no-untyped-call]
    if config.clip_norm:
        nn.utils.clip_grad_norm_(state.model.parameters(), config.clip_norm)
    state.optimizer.step()
    if state.average:
        state.average.update(done)
    correct = targets.correct(logits, places, share) / copies
    state.losses.append(loss.detach() * len(whole), correct, len(places) / copies)


def try_step(state: TrainState, batches: Batches, size: int, config: TrainConfig) -> None:
    """Forward and backward on so many images, for the memory that they take."""
    state.optimizer.zero_grad(set_to_none=True)
    torch.cuda.empty_cache()
    with arithmetic(config.precision, batches.faces.device):
        loss = state.model(batches.preprocess.apply(batches.faces[:size])).sum()
    loss.backward()
