"""Processes in the background that outlive whoever started them. Does not load torch.

Each one holds a lock file from its first moment to its last. The system frees the lock when the
process dies, however it dies, so a held lock means work and a free one means none. A process id
alone proves nothing, because the number may belong to another process by now: it counts beside an
open lock file or a command line that names the folder.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import filelock

from emotion_core.paths import PROJECT

START_SECONDS = 60.0  # a process that holds no lock this long after its start has died


def spawn(arguments: Sequence[str], log: Path, *, append: bool = False) -> int:
    """Run ``python -m emotion_core ARGUMENTS`` in the background of this machine.

    ``nice`` keeps the live page fluent. It works only inside one session (Linux shares the
    processor by session), so the process gets a group of its own and no session; ``nohup`` then
    keeps it alive when the terminal closes.

    Args:
        arguments: Command and flags.
        log: Receives what the process prints.
        append: Keep what the log holds already.

    Returns:
        The process id.
    """
    command = ["nice", "-n", "10", "nohup", sys.executable, "-m", "emotion_core", *arguments]
    paths = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
    environment = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with log.open("ab" if append else "wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            env=os.environ | environment,
        )
    # A dead child stays in the process table until somebody waits for it.
    threading.Thread(target=process.wait, daemon=True, name=f"wait {process.pid}").start()
    return process.pid


def is_held(lock: Path) -> bool:
    """Whether a process holds a lock file."""
    if not lock.exists():
        return False
    try:
        with filelock.FileLock(lock, timeout=0):
            return False
    except (filelock.Timeout, PermissionError):  # another account's lock can be tried only there
        return True
    except OSError:  # on a read-only file system nobody can take it
        return False


def has_open(pid: int, path: Path) -> bool:
    """Whether a process has a file open; believed where the system has no ``/proc``."""
    if not Path("/proc/self/fd").exists():
        return True
    try:
        return any(
            link.exists() and link.samefile(path) for link in Path(f"/proc/{pid}/fd").iterdir()
        )
    except OSError:
        return False


def is_coming_up(pid: int, folder: Path | str, started: float) -> bool:
    """Whether a process without its lock is still loading its libraries.

    Args:
        pid: Its process id.
        folder: A folder, or words, that its command line has.
        started: When it was started, in seconds since the epoch.
    """
    age = time.time() - started
    if not Path("/proc/self/cmdline").exists():
        return age < START_SECONDS
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    words = [folder.resolve()] if isinstance(folder, Path) else folder.split()
    # Empty while one program replaces another: nice, nohup, Python.
    return b"\0".join(map(os.fsencode, words)) in command or (not command and age < 1)


def end(pid: int, *, force: bool = False) -> None:
    """Ask a process to end, with its children if it leads a group; ``force`` kills it."""
    if pid < 1:  # the system reads these as groups of processes
        return
    send = signal.SIGKILL if force else signal.SIGTERM
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        if os.getpgid(pid) == pid:
            os.killpg(pid, send)
        else:  # started by hand inside a script, whose group is not ours to end
            os.kill(pid, send)


def stop_on_signals() -> threading.Event:
    """An event that SIGINT (Ctrl-C) and SIGTERM set from now on, instead of ending the process."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
