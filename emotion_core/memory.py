"""Memory of this process: what malloc keeps, what the garbage collector scans, what uploads take."""

import contextlib
import ctypes
import functools
import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emotion_core.versions import patch_fits

# Options of glibc's malloc.h, and the values to which its dynamic adjustment grows.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8
_MMAP_MAX, _MMAP_THRESHOLD_MAX, _TRIM_THRESHOLD = 65536, 32 << 20, 64 << 20
_SHARED_ARENAS = 2
_RETURN_SECONDS, _RETURN_THREAD = 30.0, "return-memory"
_MOST_UPLOADED = 2**31  # bytes, more than any page accepts
_lock = threading.Lock()


def _glibc() -> Any:
    """The C library if its malloc is glibc's, else None."""
    try:
        libc = ctypes.CDLL(None)
        return libc if libc.mallopt and libc.malloc_trim else None
    except (AttributeError, OSError, TypeError):
        return None


@contextlib.contextmanager
def memory_kept() -> Iterator[None]:
    """Keep freed memory for the next allocation; at the end the system gets it back.

    glibc requests each block of over 32 MB from the system, which clears every page of it before
    its first use. In training on a CPU all large activations are such blocks, which takes up to
    half the time (research/log.md). Does nothing where malloc is not glibc's.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(_M_MMAP_MAX, 0)
    libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        # Restore the values that glibc's dynamic adjustment reaches where blocks are large;
        # setting any option turns the adjustment itself off.
        libc.mallopt(_M_MMAP_MAX, _MMAP_MAX)
        libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_MAX)
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD)
        libc.malloc_trim(0)


def return_memory() -> None:
    """Give freed memory back to the system where glibc keeps it."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def keep_memory_low() -> None:
    """Let threads share two heaps and return freed memory every half minute, from now on.

    By default memory grows by 8 MB per minute of live video, and by 17 MB per viewer who has left
    (docs/live-viewers.md). Further calls do nothing.
    """
    with _lock:
        if any(thread.name == _RETURN_THREAD for thread in threading.enumerate()):
            return
        libc = _glibc()
        if libc is None:
            return
        libc.mallopt(_M_ARENA_MAX, _SHARED_ARENAS)

        def keep() -> None:
            while True:
                time.sleep(_RETURN_SECONDS)
                return_memory()

        threading.Thread(target=keep, name=_RETURN_THREAD, daemon=True).start()


@functools.cache
def spare_modules(*loaded: bool) -> None:
    """Exclude everything that is loaded now from garbage collection, once per value of ``loaded``.

    Streamlit collects garbage after each run of a page or fragment. With PyTorch loaded, that
    stopped every thread for 0.2 s, once per second and viewer of the Live page.
    """
    gc.collect()
    gc.freeze()


def keep_uploads_in_memory() -> None:
    """Keep uploads off the disk.

    starlette writes an upload of more than 1 MB to a temporary file. The photos and videos of the
    Live and Predictions pages must not touch the disk.
    """
    if patch_fits("starlette", ">=1,<2", "Uploads of more than 1 MB pass through a file on disk."):
        from starlette.formparsers import MultiPartParser

        MultiPartParser.spool_max_size = _MOST_UPLOADED


def resident_mb(pid: int | str = "self") -> float:
    """Resident memory of a process in MB; 0 if the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return 0.0
    return next((int(x.split()[1]) / 1024 for x in lines if x.startswith("VmRSS")), 0.0)
