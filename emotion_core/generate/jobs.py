"""A generator's training in the background: one process, which outlives whoever started it.

As with runs (``training.jobs``) the process holds the folder's lock and writes its status. It waits
for its device like the runs do, in the queue of the checkpoints folder. Does not load torch.
"""

import os
import threading
import time
from dataclasses import replace

import filelock

from emotion_core import processes
from emotion_core.access import Action, require
from emotion_core.data.specs import lasting
from emotion_core.errors import RunError
from emotion_core.generate.folder import GanRun, create_generator_run
from emotion_core.generate.settings import GanSettings
from emotion_core.machine import this_machine
from emotion_core.paths import checkpoints_dir
from emotion_core.runs.status import now
from emotion_core.training.jobs import trainer_pid
from emotion_core.training.queue import queued, turn_of
from emotion_core.training.settle import settled_source

_POLL_SECONDS = 0.5
_held: list[filelock.FileLock] = []  # a lock object that is collected frees its lock


def create(name: str, settings: GanSettings) -> GanRun:
    """Make a generator's folder, with its data set named so that it is found again later.

    Raises:
        DataError: there is no such data set.
        RunError: a generator has the name.
    """
    data = lasting(settings.data, settled_source)
    return create_generator_run(name, replace(settings, data=data))


def start(name: str, settings: GanSettings) -> GanRun:
    """Make a generator and train it in the background; returns at once.

    Raises:
        DataError: there is no such data set.
        RunError: a generator has the name.
    """
    require(Action.TRAIN)
    run = create(name, settings)
    _spawn(run)
    return run


def resume(run: GanRun) -> None:
    """Go on with a stopped or failed training in the background.

    Raises:
        RunError: it is finished, waiting or at work.
    """
    require(Action.TRAIN)
    with run.locked("resumed"):
        status = run.status()
        if status.state not in ("stopped", "failed"):
            raise RunError(f"Generator '{run.name}' is {status.state}; there is nothing to resume.")
        run.write_status(
            replace(status, state="queued", queued=now(), finished="", error="", pid=0)
        )
    _spawn(run)


def stop(run: GanRun) -> None:
    """Ask a training to stop: it finishes its step, saves, and becomes ``stopped``.

    Raises:
        RunError: it is neither waiting nor at work.
    """
    require(Action.TRAIN)
    if (state := run.status().state) not in ("queued", "running"):
        raise RunError(
            f"Generator '{run.name}' is {state}; only one that is running can be stopped."
        )
    processes.end(trainer_pid(run))


def wait_for_device(run: GanRun, stop: threading.Event) -> bool:
    """Wait until no run trains on the device, and none waits for it that came before.

    Call it inside the training process before torch is loaded. The folder's lock and the device's
    are held from here to the end of the process.

    Args:
        run: Whose turn it is to be.
        stop: Ends the wait.

    Returns:
        Whether to train; False if it was stopped meanwhile.

    Raises:
        RunError: another process trains this generator.
    """
    lock = run.lock()
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RunError(f"Generator '{run.name}' is being trained by another process.") from error
    _held.append(lock)
    status = replace(run.status(), state="queued", pid=os.getpid())
    run.write_status(status)
    kind, _, index = run.settings().device.partition(":")
    kind = this_machine().device if kind == "auto" else kind
    root = checkpoints_dir()
    root.mkdir(parents=True, exist_ok=True)
    queue = "cpu" if kind == "cpu" else f"cuda-{index or 0}"
    device = filelock.FileLock(root / f".queue-{queue}.lock")
    while not stop.is_set():
        earlier = any(turn_of(job)[0] < status.queued for job in queued(root))
        if not earlier:
            try:
                device.acquire(timeout=0.1)
            except filelock.Timeout:
                pass
            else:
                _held.append(device)
                return True
        time.sleep(_POLL_SECONDS)
    run.write_status(replace(status, state="stopped", finished=now()))
    return False


def _spawn(run: GanRun) -> None:
    folder = str(run.path.resolve())
    processes.spawn(["generate", "work", folder], run.log_path, append=True)
