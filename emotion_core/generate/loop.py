"""Training of a class-conditional GAN: hinge loss, DiffAugment, one step of each network in turn.

The discriminator sees real and generated faces in one batch, all augmented (Zhao et al. 2020), and the
real ones once more with a wrong class, as faces to refuse (Reed et al. 2016): without these it
hardly looks at expressions, and the generator draws one face for all classes.
Classes are drawn by the square root of their frequency, so that rare ones are learned too.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import torch

from emotion_core.data.faces import FaceData
from emotion_core.data.sources import load_data
from emotion_core.errors import TrainingError
from emotion_core.files import write_bytes, write_json_lines
from emotion_core.generate.differentiable import augment
from emotion_core.generate.draws import Faces, learned_faces
from emotion_core.generate.folder import GanRun
from emotion_core.generate.networks import Generator
from emotion_core.generate.sample import draw_sheet, save_generator
from emotion_core.generate.settings import GanSettings
from emotion_core.generate.state import GanState
from emotion_core.labels import NUM_CLASSES
from emotion_core.machine import resolve_device
from emotion_core.memory import memory_kept
from emotion_core.runs.run import Row
from emotion_core.runs.status import Status
from emotion_core.training.failures import Stopped, at_work

_SAVE_SECONDS = 600.0  # most work that a power cut may cost
_STATUS_SECONDS = 1.0


def train_generator(
    run: GanRun,
    data: FaceData | None = None,
    *,
    stop: threading.Event | None = None,
    on_progress: Callable[[Status, Row | None], None] | None = None,
) -> None:
    """Train a generator to its end, from its start or from where it stopped.

    Args:
        run: Made by ``create_generator_run``.
        data: Its data set, if loaded already.
        stop: When set, the step is finished, the state saved, and ``Stopped`` raised.
        on_progress: Called with the status after each step, and with the row of a finished epoch.

    Raises:
        Stopped: ``stop`` was set.
        RunError: another process trains it, or its saved state is damaged.
        DataError: the data cannot be loaded.
        TrainingError: a loss is not a number, or the disk is full.
    """
    with at_work(run) as status, memory_kept():
        settings = run.settings()
        device = resolve_device(settings.device)
        data = load_data(settings.data) if data is None else data
        learned = learned_faces(data)
        faces = Faces(data.images[learned], data.labels[learned], settings, device)
        state = GanState(settings, device)
        if run.resume_path.exists():
            state.load(run)
        rows = [row for row in run.metrics() if row["epoch"] <= state.epoch]
        write_json_lines(run.metrics_path, rows)  # without those of an epoch that comes again
        status = replace(status, epochs=settings.epochs, device=str(device), steps=faces.steps)
        follow = _Follower(run, status, settings, on_progress, stop or threading.Event())
        while state.epoch < settings.epochs:
            _train_epoch(state, faces, settings, follow)
            row = _row(state, faces.steps * settings.batch_size)
            state.end_epoch()
            _keep(run, state, settings)
            run.append_metrics(row)
            state.save(run)
            follow.tell(state, row)


def train_step(state: GanState, faces: Faces, seed: int) -> dict[str, float]:
    """One step of the discriminator, then one of the generator.

    Args:
        state: Its networks, optimizers and average change.
        faces: What is drawn from.
        seed: Of all that is drawn.

    Returns:
        Figures of the step, by the names of ``state.SUMS``.
    """
    draws = torch.Generator().manual_seed(seed)
    generator, discriminator = state.generator, state.discriminator
    real, labels = faces.real(draws)
    latents, wanted = faces.latents(draws)
    with torch.no_grad():
        made = generator(latents, wanted)
    seen, seen_made = discriminator.features(augment(torch.cat([real, made]), draws)).chunk(2)
    wrong = (labels + faces.offsets(draws)) % NUM_CLASSES
    classes = torch.cat([labels, wanted, wrong])
    scores = discriminator.score(torch.cat([seen, seen_made, seen]), classes)
    score_real, score_made, score_wrong = scores.chunk(3)
    refused = ((1 + score_made).relu().mean() + (1 + score_wrong).relu().mean()) / 2
    loss = (1 - score_real).relu().mean() + refused
    state.optimizers["discriminator"].zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    state.optimizers["discriminator"].step()

    latents, wanted = faces.latents(draws)
    discriminator.requires_grad_(False)  # its gradients are not needed here
    fooled = -discriminator(augment(generator(latents, wanted), draws), wanted).mean()
    discriminator.requires_grad_(True)
    state.optimizers["generator"].zero_grad(set_to_none=True)
    fooled.backward()
    state.optimizers["generator"].step()
    return {
        "loss_discriminator": loss.item(),
        "loss_generator": fooled.item(),
        "score_real": score_real.mean().item(),
        "score_generated": score_made.mean().item(),
        "score_wrong_class": score_wrong.mean().item(),
    }


def _train_epoch(state: GanState, faces: Faces, settings: GanSettings, follow: "_Follower") -> None:
    """All steps that are left of an epoch."""
    state.generator.train()
    began, before, saved = time.monotonic(), state.seconds, time.monotonic()
    while state.step < faces.steps:
        done = state.epoch * faces.steps + state.step
        figures = train_step(state, faces, settings.seed * 1_000_003 + done)
        if not all(np.isfinite(value) for value in figures.values()):
            raise TrainingError(
                f"The loss is not a number at epoch {state.epoch + 1}, step {state.step + 1}. Train "
                f"again with lower rates than {settings.lr_generator:g} and "
                f"{settings.lr_discriminator:g}."
            )
        state.average.update(done)
        state.add(figures)
        state.seconds = before + time.monotonic() - began
        follow.tell(state)
        stopping = follow.stop.is_set()
        if stopping or time.monotonic() - saved > _SAVE_SECONDS:
            state.save(follow.run)
            saved = time.monotonic()
        if stopping:
            raise Stopped


def _row(state: GanState, images: int) -> Row:
    means = {name: value / state.step for name, value in state.sums.items()}
    return {
        "epoch": state.epoch + 1,
        **means,
        "seconds": round(state.seconds, 3),
        "images_per_second": round(images / max(state.seconds, 1e-9), 1),
    }


def _keep(run: GanRun, state: GanState, settings: GanSettings) -> None:
    """Write the averaged generator, and a sheet where one is due."""
    average = state.average.model
    assert isinstance(average, Generator)
    save_generator(run, average, state.epoch)
    if state.epoch % settings.sheet_epochs == 0 or state.epoch == settings.epochs:
        _, png = cv2.imencode(".png", draw_sheet(average, settings.seed))
        write_bytes(run.sheet_path(state.epoch), png.tobytes(), parents=True)


class _Follower:
    """Tells other processes and the caller how far the training is."""

    def __init__(
        self,
        run: GanRun,
        status: Status,
        settings: GanSettings,
        on_progress: Callable[[Status, Row | None], None] | None,
        stop: threading.Event,
    ) -> None:
        self.run, self.stop = run, stop
        self._status, self._batch, self._on_progress = status, settings.batch_size, on_progress
        self._began = self._written = time.monotonic()
        self._steps = 0

    def tell(self, state: GanState, row: Row | None = None) -> None:
        """Write the status once a second and after each epoch, and call the caller."""
        self._steps += row is None
        moment = time.monotonic()
        rate = self._steps * self._batch / max(moment - self._began, 1e-9)
        left = (self._status.epochs - state.epoch) * self._status.steps - state.step
        self._status = replace(
            self._status,
            epoch=state.epoch,
            step=state.step,
            images_per_second=round(rate, 1),
            seconds_left=round(left * self._batch / max(rate, 1e-9), 1),
            train_seconds=round(state.train_seconds + state.seconds, 3),
        )
        if row or moment - self._written >= _STATUS_SECONDS:
            self.run.write_status(self._status)
            self._written = moment
        if self._on_progress:
            self._on_progress(self._status, row)
