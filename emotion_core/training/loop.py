"""The training loop: data on the device as uint8, batched augmentation, one readable pass.

Every step draws all its randomness from a seed made of the run's seed and the step's number.
A resumed run therefore needs no generator state and equals an uninterrupted one.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from emotion_core.data.faces import FaceData
from emotion_core.data.sources import load_data
from emotion_core.data.splits import require_test, split_indices
from emotion_core.errors import TrainingError
from emotion_core.evaluation.report import evaluate_run
from emotion_core.files import write_json_lines
from emotion_core.memory import memory_kept
from emotion_core.models.checkpoint import load_weights, save_checkpoint
from emotion_core.models.registry import create_model
from emotion_core.recipes import TrainConfig, listed
from emotion_core.runs.report import Report
from emotion_core.runs.run import Row, Run
from emotion_core.training.batches import Batches
from emotion_core.training.failures import Stopped, at_work, fits, out_of_memory
from emotion_core.training.final import course
from emotion_core.training.optim import (
    WeightAverage,
    create_optimizer,
    freeze_norms,
    learning_rate,
)
from emotion_core.training.progress import Progress, Reporter
from emotion_core.training.ranks import ALONE, Ranks, joined, use_device
from emotion_core.training.state import TrainState
from emotion_core.training.step import train_step, try_step
from emotion_core.training.targets import Targets
from emotion_core.training.validate import Validation
from emotion_core.training.votes import add_head, voted, without_head
from emotion_core.training.warmstart import (
    average_candidates,
    average_with,
    start_from,
    teacher_probs,
)

log = logging.getLogger(__name__)

_SAVE_SECONDS = 600.0  # most work that a power cut may cost
_CHECK_STEPS = 20  # between two looks at a GPU's losses
_SAVE, _STOP = 1, 2  # what a rank wishes that all do


def train(
    run: Run,
    config: TrainConfig,
    data: FaceData | None = None,
    *,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report | None:
    """Train a run to its end, from its start or from where it stopped, and evaluate it.

    Status, metrics, weights, resume state, report and predictions go to the run folder.

    Args:
        run: A run made by ``create_run``.
        config: Its settings, as they are in its folder.
        data: Its data set, if loaded already.
        stop: When set, the current step is finished, the state saved, and ``Stopped`` raised.
        on_progress: Called after each step and epoch.

    Returns:
        The report of ``evaluate_run``; None in a rank, since its launcher evaluates.

    Raises:
        Stopped: ``stop`` was set.
        RunError: another process trains this run.
        TrainingError: the loss is not a number, memory or disk is exhausted.
        DataError: the data cannot be loaded, or has no test images.
        ConfigError: the device is not there.
    """
    with joined() as ranks, at_work(run, ranks) as status, memory_kept():
        torch.manual_seed(config.seed)
        device = use_device(config, ranks)

        # The faces, on the device as uint8.
        data = load_data(config.data) if data is None else data
        split = split_indices(data, val_fraction=config.val_fraction)
        require_test(data, split)  # now, and not after hours
        learned, epochs = course(config, data, split)
        batches = Batches(data.images[learned], data.labels[learned], config, device)
        validation = Validation(
            data.images[split.val], data.labels[split.val], batches.preprocess, config, device
        )

        # The network, its optimizer, and what it goes on from.
        state = create_state(run, config, data, device, ranks)
        others = average_candidates(without_head(state.model), config, data)
        status = replace(status, epochs=epochs, device=str(device))
        reporter = Reporter(run, status, batches, stop, on_progress, ranks)
        if listed(config.teacher) and state.taught is None:
            asked = reporter.teachers_asked
            state.taught = ranks.rows(
                len(learned), lambda part: teacher_probs(config, data, learned[part], asked)
            ).to(device)
        votes = voted(data, learned) if config.votes else None
        targets = Targets(data.labels[learned], state.taught, config, device, votes)

        while state.epoch < epochs and not state.is_stale(config.early_stopping):
            train_one_epoch(state, batches, targets, reporter, config)
            row = epoch_row(state, batches, validation, config)
            state.end_epoch()
            if (score := validation.score(row)) > state.best:
                state.best, state.best_epoch = score, state.epoch
                if ranks.first:
                    keep(run, state.best_model, batches, config)
            reporter.finish_epoch(state, row)

        if not ranks.first:
            return None
        if others and not reporter.status.averaged_with:
            best = without_head(state.best_model)
            load_weights(best, run)
            names = average_with(best, others, validation.calibrated_score, config.average_share)
            if names:
                keep(run, best, batches, config)
                reporter.averaged_with(names)
        return None if ranks.grouped else evaluate_run(run, data, device=config.device)


def create_state(
    run: Run, config: TrainConfig, data: FaceData, device: torch.device, ranks: Ranks = ALONE
) -> TrainState:
    """Network and optimizer: fresh, from earlier runs' weights, or as the run was stopped."""
    resumed = run.resume_path.exists()
    model = create_model(config.model, **config.options)
    if listed(config.start_from) and not resumed:
        start_from(model, config, data)
    if config.votes:
        add_head(model)
    # Channels last is how CPUs and tensor cores convolve fastest.
    model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model = ranks.prepared(model)
    state = TrainState(model, create_optimizer(model, config), ranks)
    if config.ema:
        state.average = WeightAverage(model, config.ema)
    if resumed:
        state.load(run, device)
        log.info("resumed after epoch %d, step %d", state.epoch, state.step)
    state.forward = ranks.parallel(model)
    if config.compile:
        state.forward = torch.compile(state.forward, dynamic=False)
    if not ranks.first:
        return state
    # Rows of an epoch that comes again, since its state was not saved.
    write_json_lines(
        run.metrics_path, [row for row in run.metrics() if row["epoch"] <= state.epoch]
    )
    run.clear_progress()
    return state


def train_one_epoch(
    state: TrainState,
    batches: Batches,
    targets: Targets,
    reporter: Reporter,
    config: TrainConfig,
) -> None:
    """All steps that are left of an epoch.

    Raises:
        Stopped: the training was asked to stop, and has saved its state.
        TrainingError: the loss is not a number, or memory is exhausted.
    """
    state.model.train()
    if config.frozen_norm:
        freeze_norms(state.model)
    reporter.begin_epoch(state)
    # Looking at the loss waits for a GPU, so it looks at many steps together.
    check_steps = 1 if batches.faces.device.type == "cpu" else _CHECK_STEPS
    saved = time.monotonic()
    for positions in batches.of_epoch(state.epoch)[state.step :]:
        if not fits(train_step, state, batches, targets, positions, config):
            raise out_of_memory(
                batches.faces.device,
                config.batch_size,
                lambda size: try_step(state, batches, size, config),
                state.ranks,
            )
        state.step += 1
        looks = state.step % check_steps == 0 or state.step == batches.steps
        if looks:
            state.check_losses(config.lr)
        reporter.finish_step(state)
        if state.ranks.size > 1 and not looks:  # what the ranks do they do together
            continue
        due = time.monotonic() - saved > _SAVE_SECONDS
        wish = state.ranks.most(_STOP if reporter.stop.is_set() else _SAVE if due else 0)
        if wish:
            state.check_losses(config.lr)
            reporter.save(state)
            saved = time.monotonic()
        if wish == _STOP:
            raise Stopped


def epoch_row(
    state: TrainState, batches: Batches, validation: Validation, config: TrainConfig
) -> Row:
    """A finished epoch's row of ``metrics.jsonl``.

    Raises:
        TrainingError: the answers to validation are no numbers.
    """
    epoch = state.epoch + 1
    logits = validation.logits(state.best_model, state.ranks)
    if not torch.isfinite(logits).all():
        raise TrainingError(
            f"The answers on validation are not numbers after epoch {epoch}. Lower lr (now "
            f"{config.lr:g}) or set clip_norm."
        )
    return {
        "epoch": epoch,
        "step": epoch * batches.steps,
        "images_seen": epoch * batches.size,
        "train_loss": state.losses.mean,
        "train_accuracy": state.losses.accuracy,
        **validation.figures(logits),
        "lr": learning_rate(epoch * batches.steps - 1, batches.steps, config),
        "seconds": round(state.epoch_seconds, 3),
        "images_per_second": round(state.losses.images / max(state.epoch_seconds, 1e-9), 1),
    }


def keep(run: Run, model: nn.Module, batches: Batches, config: TrainConfig) -> None:
    """Write a network's weights as the run's, without a second head."""
    run.clear_results()  # of earlier weights, if someone evaluated them meanwhile
    save_checkpoint(
        run,
        without_head(model),
        architecture=config.model,
        options=config.options,
        preprocess=batches.preprocess,
    )
