"""How a training ends: ``status.json`` tells it, and errors say what to do."""

import contextlib
import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import torch

from emotion_core.errors import EmotionError, RunError, TrainingError
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status, now
from emotion_core.training.ranks import ALONE, Ranks

STOPPED = "stopped"  # what the first rank tells the launcher
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Stopped(Exception):  # noqa: N818 - an outcome, not an error
    """Training was asked to stop and has saved its state."""


@contextlib.contextmanager
def at_work(run: Run, ranks: Ranks = ALONE) -> Iterator[Status]:
    """Hold a run's lock, and leave every way out of training readable in ``status.json``.

    Of several ranks the launcher does so; a rank tells it how it ended.

    Yields:
        The status to go on from, which is running and written.

    Raises:
        RunError: another process trains this run.
        TrainingError: the disk is full.
    """
    if ranks.grouped:
        with _told(run, ranks):
            yield run.status()
        return
    try:
        held = run.lock().acquire()
    except filelock.Timeout as error:
        raise RunError(f"Run '{run.name}' is being trained by another process.") from error
    with held:
        run.remove_leftovers()
        stored = run.status()
        status = replace(
            stored,
            state="running",
            started=stored.started or now(),
            error="",
            pid=os.getpid(),
            # These belong to the process before, which saved nothing after them.
            teachers_asked=0.0,
            step=0,
            steps=0,
            images_per_second=0.0,
            seconds_left=0.0,
        )
        run.write_status(status)
        try:
            yield status
        except Stopped:
            _end(run, state="stopped")
            raise
        except BaseException as error:
            described, text = _described(run, error)
            # With no space left not even the status can be written; the free lock then says failed.
            with contextlib.suppress(OSError):
                _end(run, state="failed", error=text)
            if described is not error:
                raise described from error
            raise
        _end(run, state="finished", seconds_left=0.0)
        run.resume_path.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(run: Run, ranks: Ranks) -> Iterator[None]:
    """Tell the launcher why a rank ended, in the file that PyTorch's agent names for it."""
    try:
        yield
    except Stopped:
        if not ranks.first:  # its end would make the agent end the first, which saves
            return
        _tell(STOPPED, known=True)
        raise
    except BaseException as error:
        described, text = _described(run, error)
        _tell(text, known=isinstance(described, EmotionError))
        raise


def _tell(text: str, *, known: bool) -> None:
    told = {"message": text, "known": known, "timestamp": str(int(time.time()))}
    with contextlib.suppress(OSError):
        Path(os.environ["TORCHELASTIC_ERROR_FILE"]).write_text(json.dumps(told))


def _described(run: Run, error: BaseException) -> tuple[BaseException, str]:
    """An error as its reader may see it, and its text."""
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        error = _disk_is_full(run, error)
    return error, str(error) if isinstance(
        error, EmotionError
    ) else f"{type(error).__name__}: {error}"


def _end(run: Run, **changes: Any) -> None:
    run.write_status(replace(run.status(), finished=now(), **changes))


def _disk_is_full(run: Run, error: BaseException) -> TrainingError:
    reason = getattr(error, "strerror", error)
    return TrainingError(f"The disk is full: {reason}. Free some space, then resume '{run.name}'.")


def fits(step: Callable[..., None], *arguments: Any) -> bool:
    """Run a step with these arguments; whether memory was enough for it.

    Whatever it had stored is free once this has returned, as no traceback holds it any more.

    Raises:
        TrainingError: ``torch.compile`` failed.
    """
    try:
        step(*arguments)
    except RuntimeError as error:
        # Importing torch._dynamo for its exceptions would slow every start down.
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise TrainingError(
                "torch.compile could not compile the model "
                f"({str(error).strip().splitlines()[0]}). Install a C++ compiler (g++ or clang), "
                "or turn compile off."
            ) from error
        if is_out_of_memory(error):
            return False
        raise
    return True


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether memory is exhausted: on a CPU, PyTorch says so only in words."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def out_of_memory(
    device: torch.device, batch_size: int, attempt: Callable[[int], None], ranks: Ranks = ALONE
) -> TrainingError:
    """What to do about exhausted memory: the largest halved batch that fits, found by trying.

    One of several ranks cannot try alone.

    Args:
        device: Where it is exhausted.
        batch_size: What did not fit.
        attempt: Runs forward and backward on so many images.
        ranks: The processes that train together.
    """
    if ranks.size > 1:
        return TrainingError(
            f"Out of memory on {device} with batch_size {batch_size} on {ranks.size} devices. Start "
            f"again with --batch-size {batch_size // 2}, or on more devices."
        )
    size = batch_size // 2
    while size >= 2 and not fits(attempt, size):
        size //= 2
    if size < 2:
        return TrainingError(
            f"Out of memory on {device} even with 2 images per step. Choose a smaller model."
        )
    return TrainingError(
        f"Out of memory on {device} with batch_size {batch_size}. "
        f"{size} fits: start again with --batch-size {size}."
    )
