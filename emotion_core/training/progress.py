"""How far a training is: ``status.json`` and rows for other processes, ``Progress`` for its caller."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from emotion_core.runs.run import Row, Run
from emotion_core.runs.status import LARGEST, Status
from emotion_core.training.batches import Batches
from emotion_core.training.failures import Stopped
from emotion_core.training.ranks import ALONE, Ranks
from emotion_core.training.state import TrainState

_STATUS_SECONDS = 1.0  # how often status.json follows the training


@dataclass(frozen=True)
class Progress:
    """What training tells its caller after each step and epoch."""

    status: Status
    row: Row | None = None


class Reporter:
    """Writes how far a training is.

    Attributes:
        run: The run.
        status: Its present status; the file follows once a second.
        stop: Set by whoever wants the training to stop.
        steps: Steps per epoch.
        batch_size: Images per step.
    """

    def __init__(
        self,
        run: Run,
        status: Status,
        batches: Batches,
        stop: threading.Event | None,
        on_progress: Callable[[Progress], None] | None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.run, self.status, self.stop = run, status, stop or threading.Event()
        self.steps, self.batch_size = batches.steps, batches.batch_size
        self._on_progress, self._ranks = on_progress, ranks
        self._written = time.monotonic()
        self._began, self._began_step, self._began_seconds = self._written, 0, 0.0

    def teachers_asked(self, share: float) -> None:
        """Tell the share (0..1) of the teachers' answers that are there.

        Raises:
            Stopped: the training was asked to stop; there is nothing to save yet.
        """
        self.status = replace(self.status, teachers_asked=round(share, 4))
        self._tell(None)
        if self.stop.is_set():
            raise Stopped

    def save(self, state: TrainState) -> None:
        """Write ``resume.pt``."""
        if self._ranks.first:
            state.save(self.run)

    def begin_epoch(self, state: TrainState) -> None:
        """Start the clock of an epoch, or of what is left of it."""
        self._began, self._began_step = time.monotonic(), state.step
        self._began_seconds = state.epoch_seconds
        self.status = replace(self.status, averaged_with="")

    def finish_step(self, state: TrainState) -> None:
        """Tell about a finished step; brings ``state.epoch_seconds`` up to now."""
        elapsed = time.monotonic() - self._began
        state.epoch_seconds = self._began_seconds + elapsed
        images = (state.step - self._began_step) * self.batch_size
        self._follow(state, images / max(elapsed, 1e-9), None)

    def finish_epoch(self, state: TrainState, row: Row) -> None:
        """Write a finished epoch's row of ``metrics.jsonl`` and its state, and tell about it."""
        if not self._ranks.first:
            return
        # Rows first, state second: after a crash between them the epoch comes again, and
        # create_state drops its row.
        self.run.append_metrics(row)
        self.save(state)
        self._follow(state, row["images_per_second"], row)

    def averaged_with(self, names: list[str]) -> None:
        """Tell which earlier runs went into the kept weights."""
        self.status = replace(self.status, averaged_with=", ".join(names))
        self.run.write_status(self.status)

    def _follow(self, state: TrainState, rate: float, row: Row | None) -> None:
        left = (self.status.epochs - state.epoch) * self.steps - state.step
        if state.losses.images:
            loss = min(state.losses.mean, LARGEST - 1)  # one that explodes is still a number
            self.status = replace(
                self.status, train_loss=loss, train_accuracy=state.losses.accuracy
            )
        self.status = replace(
            self.status,
            epoch=state.epoch,
            step=state.step,
            steps=self.steps,
            images_per_second=round(rate, 1),
            seconds_left=round(left * self.batch_size / max(rate, 1e-9), 1),
            train_seconds=round(state.train_seconds + state.epoch_seconds, 3),
        )
        self._tell(row, grown=bool(state.losses.images))

    def _tell(self, row: Row | None, *, grown: bool = False) -> None:
        """Write the status, once a second and after each epoch, and call the caller."""
        if not self._ranks.first:
            return
        if row or time.monotonic() - self._written >= _STATUS_SECONDS:
            self.run.write_status(self.status)
            if row:
                self.run.clear_progress()
            elif grown:
                self.run.append_progress(self.status)
            self._written = time.monotonic()
        if self._on_progress:
            self._on_progress(Progress(self.status, row))
