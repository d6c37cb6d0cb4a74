"""Memory goes where the docstrings say."""

import ctypes
import gc
import importlib.metadata
import platform
import resource
import subprocess
import sys
import threading

import pytest

from emotion_core import memory
from emotion_core.paths import PROJECT
from emotion_core.versions import patch_fits

# Pages that the system clears when a block of 64 MB is allocated that was just freed.
_FAULTS = """
import resource
import numpy as np
from emotion_core import memory

def faults_of_a_second_block():
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(16 << 20, np.float32)
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return faults

print(faults_of_a_second_block())
with memory.memory_kept():
    print(faults_of_a_second_block())
print(faults_of_a_second_block())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc is not glibc's")
def test_freed_memory_is_kept_and_then_given_back():
    """In a process of its own: what others left of the heap decides as well."""
    said = subprocess.run(
        [sys.executable, "-c", _FAULTS], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    before, kept, after = (int(line) for line in said.split())
    pages = (64 << 20) // resource.getpagesize()
    assert before > pages / 1024  # less than one each with huge pages
    assert kept < pages / 1024
    assert after > pages / 1024


def test_freed_memory_goes_back_to_the_system():
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("only glibc can return memory")
    blocks = [bytearray(8192) for _ in range(10_000)]
    last = bytearray(8192)  # keeps the C library from returning the end of the heap by itself
    del blocks
    before = memory.resident_mb()
    memory.return_memory()
    assert memory.resident_mb() < before - 40
    assert len(last) == 8192


def test_one_thread_returns_memory_however_often_it_is_asked_for():
    memory.keep_memory_low()
    memory.keep_memory_low()
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("return-memory") == (1 if hasattr(ctypes.CDLL(None), "mallopt") else 0)


def test_what_is_loaded_is_spared_once_per_state():
    before = gc.get_freeze_count()
    try:
        memory.spare_modules(True, "of this test")
        frozen = gc.get_freeze_count()
        assert frozen > before
        kept = [[] for _ in range(1000)]
        memory.spare_modules(True, "of this test")
        # Frozen objects may be freed meanwhile; the thousand new ones must not be frozen.
        assert gc.get_freeze_count() <= frozen and len(kept) == 1000
    finally:
        gc.unfreeze()


def test_uploads_of_another_starlette_are_left_as_they_are(monkeypatch, caplog):
    from starlette.formparsers import MultiPartParser

    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.0")
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 1)
    patch_fits.cache_clear()
    try:
        memory.keep_uploads_in_memory()
    finally:
        patch_fits.cache_clear()
    assert MultiPartParser.spool_max_size == 1
    assert "pass through a file on disk" in caplog.text
