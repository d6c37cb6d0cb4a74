"""A trainer's place in the queue of its device, which it waits for by itself."""

import contextlib
import os
import threading
import time
from dataclasses import replace

import filelock

from emotion_core import processes
from emotion_core.errors import RunError
from emotion_core.runs.run import Run
from emotion_core.runs.status import now
from emotion_core.training.jobs import wake
from emotion_core.training.queue import queue_names, queued, turn_of

POLL_SECONDS = 0.5  # how often a waiting job looks whether its device is free


_held: list[filelock.FileLock] = []  # a lock object that is collected frees its lock


def wait_for_turn(run: Run, stop: threading.Event) -> bool:
    """Wait until the devices are free and no earlier job waits for one. Runs inside the trainer.

    Call it before loading torch, which a waiting process must not keep in memory. The run's lock
    and the devices' are held from here to the end of the process.

    Args:
        run: The run to train.
        stop: Set by the handlers of SIGTERM and SIGINT: leave the queue.

    Returns:
        Whether to train; False if the run was stopped before its turn came.

    Raises:
        RunError: another process trains this run.
    """
    lock = run.lock()
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RunError(f"Run '{run.name}' is being trained by another process.") from error
    _held.append(lock)
    status = run.status()
    if status.state != "queued":
        print(f"Run '{run.name}' is {status.state}; not training it.", flush=True)
        return False
    run.write_status(replace(status, pid=os.getpid()))
    queues, told = queue_names(run.config()), False
    while not stop.is_set():
        # Jobs that are not first never hold a device's lock, so they hold nobody up.
        if _is_first(run, queues) and _take(run, queues):
            wake(run.path.parent)
            return True
        if not told:
            print(f"Queued: other jobs come first on {' and '.join(queues)}.", flush=True)
            told = True
        time.sleep(POLL_SECONDS)  # not stop.wait: its lock can be held when the handler sets it
        if not run.path.is_dir():
            raise RunError(f"{run.path} was removed while the run was queued.")
    run.write_status(replace(status, state="stopped", finished=now()))
    print("Stopped before its turn came.", flush=True)
    return False


def _take(run: Run, queues: tuple[str, ...]) -> bool:
    """Hold all devices' locks, or none."""
    paths = [run.path.parent / f".queue-{queue}.lock" for queue in queues]
    if any(map(processes.is_held, paths)):
        return False
    with contextlib.ExitStack() as taken:
        try:
            locks = [filelock.FileLock(path, timeout=0.1) for path in paths]
            for lock in locks:
                taken.enter_context(lock)
        except filelock.Timeout:
            return False
        if not _is_first(run, queues):  # any more
            return False
        taken.pop_all()
        _held.extend(locks)
    return True


def _is_first(run: Run, queues: tuple[str, ...]) -> bool:
    """Whether no other queued job of one of the devices entered the queue earlier."""
    waiting = [job for job in queued(run.path.parent) if set(queues) & set(job.queues)]
    return not waiting or min(waiting, key=turn_of).run.id == run.id
