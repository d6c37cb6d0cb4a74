"""The training loop: data on the device as uint8, batched augmentation, one readable pass.

Every step draws all its randomness from a seed made of the run's seed and the step's number.
A resumed run therefore needs no generator state and equals an uninterrupted one.
"""

import contextlib
import errno
import io
import logging
import math
import os
import pickle  # noqa: TID251 - only for its exception
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import filelock
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from emotion_core.data.faces import FaceData
from emotion_core.errors import EmotionError, RunError, TrainingError
from emotion_core.evaluation.calibrate import fit_calibration
from emotion_core.evaluation.metrics import confusion_matrix, macro_f1
from emotion_core.files import atomic_path, write_json_lines
from emotion_core.machine import memory_kept, resolve_device
from emotion_core.models.checkpoint import load_weights, save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.probabilities import softmax
from emotion_core.recipes import TrainConfig, listed
from emotion_core.runs.run import Run, validation_score
from emotion_core.runs.status import Status, now
from emotion_core.training.augment import Augmentation
from emotion_core.training.optim import (
    WeightAverage,
    class_weights,
    create_optimizer,
    epoch_order,
    learning_rate,
)
from emotion_core.training.precision import arithmetic
from emotion_core.training.refit import chosen_run, refit_averages, refit_epochs
from emotion_core.training.warmstart import average_with, earlier_weights, start_from, teacher_probs

log = logging.getLogger(__name__)

_STATUS_SECONDS = 1.0  # how often status.json follows the training
_SAVE_SECONDS = 600.0  # most work that a power cut may cost
_SMALL_SIDE = 32  # of the faces in the early epochs, where small_faces asks for it
_CHECK_STEPS = 20  # looking at the loss waits for a GPU, so look at many steps together


class Stopped(Exception):  # noqa: N818 - an outcome, not an error
    """Training was asked to stop and has saved its state."""


@dataclass
class Progress:
    """What training tells its caller after each step and epoch."""

    status: Status
    row: dict[str, Any] | None = None


def train(
    run: Run,
    *,
    data: FaceData | None = None,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Train a run to its end, from its start or from where it stopped, and evaluate it.

    Everything comes from the run folder and goes there: config in; status, metrics, weights,
    resume state, report and predictions out.

    Args:
        run: A run made by ``runs.create_run``.
        data: Its data set, if loaded already.
        stop: When set, the current step is finished, the state saved, and ``Stopped`` raised.
        on_progress: Called after each step and epoch.

    Raises:
        Stopped: ``stop`` was set.
        RunError: another process trains this run.
        TrainingError: the loss is not a number, memory or disk is exhausted.
        DataError: the data cannot be loaded, or has no test images.
        ConfigError: the device is not there.
    """
    from emotion_core.data.sources import load_data
    from emotion_core.evaluation.report import evaluate_run

    try:
        held = run.lock().acquire()
    except filelock.Timeout as error:
        raise RunError(f"Run '{run.name}' is being trained by another process.") from error
    with held, _failures_written(run):
        run.remove_leftovers()
        config = run.config()
        status = run.status()
        started = status.started or now()
        run.write_status(
            replace(
                status,
                state="running",
                started=started,
                error="",
                pid=os.getpid(),
                # Of the life before, which ended at no saved step.
                teachers_asked=0.0,
                step=0,
                steps=0,
                images_per_second=0.0,
                seconds_left=0.0,
            )
        )
        loaded = data if data is not None else load_data(config.data)
        with memory_kept():
            _Trainer(run, config, loaded, stop or threading.Event(), on_progress).fit()
        evaluate_run(run, loaded, device=config.device)
        run.write_status(replace(run.status(), state="finished", finished=now(), seconds_left=0.0))
        run.resume_path.unlink(missing_ok=True)


@contextlib.contextmanager
def _failures_written(run: Run) -> Iterator[None]:
    """Leave every way out of training readable in ``status.json``."""
    try:
        yield
    except Stopped:
        run.write_status(replace(run.status(), state="stopped", finished=now()))
        raise
    except BaseException as error:
        told = error
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            told = TrainingError(
                f"The disk is full: {error.strerror}. Free some space, then resume '{run.name}'."
            )
        text = str(told) if isinstance(told, EmotionError) else f"{type(told).__name__}: {told}"
        # With no space left not even the status can be written; the free lock then says failed.
        with contextlib.suppress(OSError):
            run.write_status(replace(run.status(), state="failed", finished=now(), error=text))
        if told is not error:
            raise told from error
        raise


class _Trainer:
    """State of one training run between its steps."""

    def __init__(
        self,
        run: Run,
        config: TrainConfig,
        data: FaceData,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        from emotion_core.data.splits import require_test, split_indices

        self.run, self.config, self.stop, self.on_progress = run, config, stop, on_progress
        self.status = run.status()
        if config.threads:
            torch.set_num_threads(config.threads)
        self.device = resolve_device(config.device)
        split = split_indices(data, val_fraction=config.val_fraction)
        require_test(data, split)  # now, and not after hours
        self.chosen = chosen_run(config, data) if config.refit else None
        self.epochs = refit_epochs(self.chosen) if self.chosen else config.epochs
        train = np.sort(np.concatenate([split.train, split.val])) if self.chosen else split.train
        self.data, self.train_positions = data, train
        self.train_labels = data.labels[train]
        self.val_labels = data.labels[split.val]
        self.faces = _to_device(data.images[train], self.device)
        self.labels = _to_device(self.train_labels, self.device)
        self.val_faces = _to_device(data.images[split.val], self.device)
        self.preprocess = _fit_preprocess(config.normalize, data.images[train])
        self.augment = Augmentation.from_config(config)
        self.generator = torch.Generator(self.device)

        torch.manual_seed(config.seed)
        model = create_model(config.model, **config.options)
        if listed(config.start_from) and not run.resume_path.exists():
            start_from(model, config, data)
        # Looked at now, and not after hours.
        self.others = earlier_weights("average_with", model, config, data, whole=True)
        if self.chosen:
            taken = refit_averages(config, self.chosen)
            self.others = {name: self.others[name] for name in taken}
        self.model = _channels_last(model.to(self.device))
        self.forward: Callable[[torch.Tensor], torch.Tensor] = (
            torch.compile(self.model, dynamic=False) if config.compile else self.model
        )
        self.average = WeightAverage(self.model, config.ema) if config.ema else None
        self.optimizer = create_optimizer(self.model, config)
        weights = class_weights(self.train_labels, config.class_weights)
        self.criterion = nn.CrossEntropyLoss(
            weight=None if weights is None else weights.to(self.device),
            label_smoothing=config.label_smoothing,
        )
        self.taught: torch.Tensor | None = None

        self.status = replace(self.status, epochs=self.epochs, device=str(self.device))
        self.epoch, self.step = 0, 0  # finished epochs; finished steps of the current one
        self.best, self.best_epoch = -math.inf, 0
        self.train_seconds = 0.0
        self.totals = torch.zeros(3, dtype=torch.float64)  # loss sum, right, images
        # A last image alone joins the batch before: batch norm needs two.
        self.steps = max(1, -(-(len(self._order(0)) - 1) // config.batch_size))
        self._recent: list[torch.Tensor] = []
        self._saved_at = self._status_at = time.monotonic()
        self._epoch_seconds = 0.0

    @property
    def best_model(self) -> nn.Module:
        """The weights that are validated and kept: averaged where averaging is on."""
        return self.average.model if self.average else self.model

    def arithmetic(self) -> contextlib.AbstractContextManager[None]:
        """What answers and losses are computed under."""
        return arithmetic(self.config.precision, self.device)

    def fit(self) -> None:
        """All epochs that are left."""
        if self.run.resume_path.exists():
            self._load()
        else:  # rows of a training that could not save
            self.run.metrics_path.unlink(missing_ok=True)
        if self.taught is None and listed(self.config.teacher):
            answers = teacher_probs(self.config, self.data, self.train_positions, self._asked)
            self.taught = answers.to(self.device)
        self.run.clear_progress()
        while self.epoch < self.epochs and not self._is_stale():
            self._train_epoch()
            self._finish_epoch()
        if self.others and not self.status.averaged_with:
            self._average_with_earlier()

    def _is_stale(self) -> bool:
        """Whether early stopping is on and no epoch was better for long enough."""
        patience = self.config.early_stopping
        stale = bool(patience) and self.epoch - self.best_epoch >= patience
        if stale:
            log.info("no better validation for %d epochs, stopping early", patience)
        return stale

    def _asked(self, share: float) -> None:
        """Show how far the teachers are, and heed a stop."""
        self.status = replace(self.status, teachers_asked=round(share, 4))
        self._report()
        if self.stop.is_set():
            raise Stopped

    def _order(self, epoch: int) -> np.ndarray:
        """Positions an epoch visits; past the number of images they mean the augmented copy."""
        order = epoch_order(self.train_labels, self.config, epoch)
        if not self.config.plain_copy:
            return order
        both = np.concatenate([order, order + len(self.train_labels)])
        return np.random.default_rng((self.config.seed, epoch, 1)).permutation(both)

    def _train_epoch(self) -> None:
        order = torch.from_numpy(self._order(self.epoch)).to(self.device)
        sizes = [self.config.batch_size] * (self.steps - 1)
        batches = torch.split(order, [*sizes, len(order) - sum(sizes)])
        self.model.train()
        started, seconds_before = time.monotonic(), self._epoch_seconds
        first = self.step
        while self.step < self.steps:
            full = False
            try:
                self._train_step(batches[self.step])
            except RuntimeError as error:
                full = _is_out_of_memory(error)
                # Importing torch._dynamo for its exceptions would slow every start down.
                if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                    raise TrainingError(
                        "torch.compile could not compile the model "
                        f"({str(error).strip().splitlines()[0]}). Install a C++ compiler (g++ or "
                        "clang), or turn compile off."
                    ) from error
                if not full:
                    raise
            if full:  # outside of the handler, whose traceback holds what the step had stored
                raise self._out_of_memory()
            self.step += 1
            elapsed = time.monotonic() - started
            self._epoch_seconds = seconds_before + elapsed
            if (
                self.device.type == "cpu"
                or self.step % _CHECK_STEPS == 0
                or self.step == self.steps
            ):
                self._check_losses()
            rate = (self.step - first) * self.config.batch_size / max(elapsed, 1e-9)
            self._tell(rate)
            if self.stop.is_set():
                self._check_losses()
                self._save()
                raise Stopped
            if time.monotonic() - self._saved_at > _SAVE_SECONDS:
                self._check_losses()
                self._save()

    def _train_step(self, positions: torch.Tensor) -> None:
        config, done = self.config, self.epoch * self.steps + self.step
        seed = config.seed * 1_000_003 + done
        torch.manual_seed(seed)  # dropout and mixup
        self.generator.manual_seed(seed)
        rate = learning_rate(done, self.steps, config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

        count = len(self.labels)
        places = positions % count
        faces, labels = self.faces[places], self.labels[places]
        changed = self.augment(faces, self.generator)
        if config.plain_copy:
            changed = torch.where((positions >= count).view(-1, 1, 1), changed, faces)
        images = self._scaled(self.preprocess.apply(changed))
        images = images.contiguous(memory_format=torch.channels_last)
        share = 1.0
        if config.mixup:  # Zhang et al. 2018
            share = float(torch.distributions.Beta(config.mixup, config.mixup).sample())
            images = torch.lerp(images.flip(0), images, share)

        self.optimizer.zero_grad(set_to_none=True)
        with self.arithmetic():
            logits = self.forward(images)
            loss = self._loss(logits, places, share)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.clip_norm:
            nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm)
        self.optimizer.step()
        if self.average:
            self.average.update(done)
        right = (logits.detach().argmax(1) == (labels if share >= 0.5 else labels.flip(0))).sum()
        self._recent.append(
            torch.stack([loss.detach() * len(labels), right, right * 0 + len(labels)])
        )

    def _loss(self, logits: torch.Tensor, places: torch.Tensor, share: float) -> torch.Tensor:
        """Cross-entropy with the labels, and with the teachers' answers where there are any.

        Args:
            logits: ``(N, 7)`` for faces mixed with those of the reversed batch.
            places: ``(N,)`` their places in the training split.
            share: Of each face in its mixture.
        """
        labels = self.labels[places]
        loss: torch.Tensor = share * self.criterion(logits, labels)
        if share < 1:
            loss = loss + (1 - share) * self.criterion(logits, labels.flip(0))
        if self.taught is None:
            return loss
        answers = self.taught[places]
        answers = torch.lerp(answers.flip(0), answers, share)
        return torch.lerp(loss, F.cross_entropy(logits, answers), self.config.teacher_share)

    def _scaled(self, images: torch.Tensor) -> torch.Tensor:
        """Small faces first, whole ones later (progressive learning, Tan and Le 2021)."""
        if self.epoch >= self.config.small_faces * self.config.epochs:
            return images
        return F.interpolate(images, size=_SMALL_SIDE, mode="bilinear", antialias=True)

    def _check_losses(self) -> None:
        """Add the recent steps to the epoch's totals, or stop at the first that is no number."""
        if not self._recent:
            return
        rows = torch.stack(self._recent).double().cpu()
        bad = (~torch.isfinite(rows[:, 0])).nonzero()
        if len(bad):
            step = self.step - len(rows) + int(bad[0]) + 1
            kept = (
                f"The weights of epoch {self.best_epoch} are kept."
                if self.best_epoch
                else "No epoch was finished, so there are no weights to keep."
            )
            raise TrainingError(
                f"The loss is not a number at epoch {self.epoch + 1}, step {step}. Lower lr "
                f"(now {self.config.lr:g}) or turn clip_norm on. {kept}"
            )
        self.totals += rows.sum(0)
        self._recent.clear()

    def _finish_epoch(self) -> None:
        """Validate, keep the weights if they are the best, and write the epoch's row."""
        config = self.config
        logits = self._val_logits(self.best_model)
        if not torch.isfinite(logits).all():
            raise TrainingError(
                f"The answers on validation are no numbers after epoch {self.epoch + 1}. Lower lr "
                f"(now {config.lr:g}) or set clip_norm."
            )
        # Faces that a refit has learned say nothing about it.
        figures = {} if self.chosen else self._val_figures(logits)
        loss_sum, right, images = self.totals.tolist()
        self.train_seconds += self._epoch_seconds
        row: dict[str, Any] = {
            "epoch": self.epoch + 1,
            "step": (self.epoch + 1) * self.steps,
            "images_seen": (self.epoch + 1) * len(self._order(self.epoch)),
            "train_loss": loss_sum / images,
            "train_accuracy": right / images,
            **figures,
            "lr": learning_rate((self.epoch + 1) * self.steps - 1, self.steps, config),
            "seconds": round(self._epoch_seconds, 3),
            "images_per_second": round(images / max(self._epoch_seconds, 1e-9), 1),
        }
        self.epoch, self.step = self.epoch + 1, 0
        self.totals.zero_()
        self._epoch_seconds = 0.0
        score = self.epoch if self.chosen else validation_score(row, config.monitor)
        if score > self.best:
            self.best, self.best_epoch = score, self.epoch
            self._keep()
        # Rows first, state second: a crash between them repeats the epoch, and _load drops its row.
        self.run.append_metrics(row)
        self._save()
        self._tell(row["images_per_second"], row)

    def _val_logits(self, model: nn.Module) -> torch.Tensor:
        return predict(model, self.val_faces, self.preprocess, self.arithmetic())

    def _val_figures(self, logits: torch.Tensor) -> dict[str, float]:
        """Loss, accuracy and macro-F1 on the validation split."""
        confusion = confusion_matrix(self.val_labels, logits.argmax(1).numpy())
        hits = confusion.diagonal()
        return {
            "val_loss": float(F.cross_entropy(logits, torch.from_numpy(self.val_labels))),
            "val_accuracy": float(hits.sum() / confusion.sum()),
            "val_macro_f1": float(macro_f1(hits, confusion.sum(1), confusion.sum(0))),
        }

    def _keep(self, averaged_with: Sequence[str] = ()) -> None:
        """Write ``best_model`` as the run's weights."""
        self.run.clear_results()  # of earlier weights, if someone evaluated them meanwhile
        save_checkpoint(
            self.run,
            self.best_model,
            architecture=self.config.model,
            options=self.config.options,
            preprocess=self.preprocess,
        )
        self.status = replace(self.status, averaged_with=", ".join(averaged_with))

    def _average_with_earlier(self) -> None:
        """Take earlier runs into the kept weights, where validation gains by it; a refit takes
        those that the chosen run took."""

        def score(model: nn.Module) -> float:
            logits = self._val_logits(model)
            # Calibrated, as answers will be: a mean of weights is less sure than each alone.
            found = fit_calibration(logits.numpy(), self.val_labels)
            probs = np.maximum(softmax(logits.numpy(), *found), np.finfo(np.float64).eps)
            logits = torch.from_numpy(np.log(probs)).float()
            return validation_score(self._val_figures(logits), self.config.monitor)

        load_weights(self.best_model, self.run)
        names = average_with(self.best_model, self.others, None if self.chosen else score)
        if names:
            self._keep(names)
            self.run.write_status(self.status)

    def _tell(self, rate: float, row: dict[str, Any] | None = None) -> None:
        left = (self.epochs - self.epoch) * self.steps - self.step
        loss_sum, right, images = self.totals.tolist()
        if images:
            self.status = replace(
                self.status, train_loss=loss_sum / images, train_accuracy=right / images
            )
        self.status = replace(
            self.status,
            epoch=self.epoch,
            step=self.step,
            steps=self.steps,
            images_per_second=round(rate, 1),
            seconds_left=round(left * self.config.batch_size / max(rate, 1e-9), 1),
            train_seconds=round(self.train_seconds + self._epoch_seconds, 3),
        )
        self._report(row)

    def _report(self, row: dict[str, Any] | None = None) -> None:
        """Show the status to other processes, once a second, and to the caller."""
        if row or time.monotonic() - self._status_at >= _STATUS_SECONDS:
            self.run.write_status(self.status)
            if row:
                self.run.clear_progress()
            elif self.totals[2]:
                self.run.append_progress(self.status)
            self._status_at = time.monotonic()
        if self.on_progress:
            self.on_progress(Progress(self.status, row))

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict() if self.average else {},
            "optimizer": self.optimizer.state_dict(),
            "taught": self.taught,
            "epoch": self.epoch,
            "step": self.step,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "totals": self.totals,
            "train_seconds": self.train_seconds,
            "epoch_seconds": self._epoch_seconds,
        }
        # Through memory, because torch hides a full disk in an error of its own.
        buffer = io.BytesIO()
        torch.save(state, buffer)
        with atomic_path(self.run.resume_path) as temporary:
            temporary.write_bytes(buffer.getbuffer())
        self._saved_at = time.monotonic()

    def _load(self) -> None:
        try:
            state = torch.load(self.run.resume_path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            if self.average:
                self.average.model.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.epoch, self.step = state["epoch"], state["step"]
            self.best, self.best_epoch = state["best"], state["best_epoch"]
            self.totals = state["totals"].cpu()
            self.taught = state.get("taught")
            self.train_seconds = state["train_seconds"]
            self._epoch_seconds = state["epoch_seconds"]
        except (
            EOFError,
            OSError,
            RuntimeError,
            LookupError,
            ValueError,
            TypeError,
            AttributeError,
            pickle.UnpicklingError,
        ) as error:
            raise RunError(
                f"Run '{self.run.name}': resume.pt does not fit this run ({error}). Delete the file "
                "to train from the start."
            ) from error
        write_json_lines(
            self.run.metrics_path,
            [row for row in self.run.metrics() if row["epoch"] <= self.epoch],
        )
        log.info("resumed after epoch %d, step %d", self.epoch, self.step)

    def _out_of_memory(self) -> TrainingError:
        """Find the largest halved batch that still fits, by trying."""
        size = self.config.batch_size // 2
        while size >= 2:
            self.optimizer.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            try:
                with self.arithmetic():
                    loss = self.model(self.preprocess.apply(self.faces[:size])).sum()
                loss.backward()
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                size //= 2
                continue
            return TrainingError(
                f"Out of memory on {self.device} with batch_size {self.config.batch_size}. "
                f"{size} fits: start again with --batch-size {size}."
            )
        return TrainingError(
            f"Out of memory on {self.device} even with 2 images a step. Choose a smaller model."
        )


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether memory is exhausted: on a CPU, PyTorch says so only in words."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


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


def _fit_preprocess(normalize: str, faces: np.ndarray) -> Preprocess:
    """Constants of a normalisation, measured on the training faces where it needs them."""
    if normalize == "image":
        return Preprocess(per_image=True)
    if normalize == "unit":
        return Preprocess(mean=0.0, std=1.0, per_image=False)
    histogram = np.bincount(faces.ravel(), minlength=256) / faces.size
    values = np.arange(256) / 255
    mean = float(histogram @ values)
    return Preprocess(mean, float(np.sqrt(histogram @ (values - mean) ** 2)), per_image=False)


def _channels_last(model: nn.Module) -> nn.Module:
    """Channels last is how CPUs and tensor cores convolve fastest."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _to_device(array: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.array(array)).to(device)
