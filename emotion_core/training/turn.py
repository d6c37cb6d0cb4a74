"""A trainer's place in the queue of its device, which it waits for by itself."""

import contextlib
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import filelock

from emotion_core import processes
from emotion_core.errors import RunError
from emotion_core.runs.run import Run
from emotion_core.runs.status import now
from emotion_core.training.jobs import queue_name, queued, turn_of

POLL_SECONDS = 0.5  # how often a waiting job looks whether its device is free


_held: list[filelock.FileLock] = []  # a lock object that is collected frees its lock


def wait_for_turn(run: Run, device: str, stop: threading.Event) -> bool:
    """Wait until a device is free and no earlier job waits for it. Runs inside the trainer.

    Call it before loading torch, which a waiting process must not keep in memory. The run's lock
    and the device's are held from here to the end of the process.

    Args:
        run: The run to train.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
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
    queue = queue_name(device)
    device_lock = filelock.FileLock(run.path.parent / f".queue-{queue}.lock", timeout=0.1)
    told = False
    while not stop.is_set():
        # Jobs that are not first never hold the device's lock, so they hold nobody up.
        if not processes.is_held(Path(device_lock.lock_file)) and _is_first(run, queue):
            with contextlib.suppress(filelock.Timeout):
                device_lock.acquire()
                if _is_first(run, queue):  # still
                    _held.append(device_lock)
                    return True
                device_lock.release()
        if not told:
            print(f"Queued: other jobs come first on {queue}.", flush=True)
            told = True
        time.sleep(POLL_SECONDS)  # not stop.wait: its lock can be held when the handler sets it
        if not run.path.is_dir():
            raise RunError(f"{run.path} was removed while the run was queued.")
    run.write_status(replace(status, state="stopped", finished=now()))
    print("Stopped before its turn came.", flush=True)
    return False


def _is_first(run: Run, queue: str) -> bool:
    """Whether no other queued job of the device entered the queue earlier."""
    waiting = [job for job in queued(run.path.parent) if job.queue == queue]
    return not waiting or min(waiting, key=turn_of).run.id == run.id
