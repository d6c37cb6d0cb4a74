"""Processes in the background: what holds a lock, what comes up, what is ended."""

import os
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pytest

from emotion_core import processes

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc here")


def test_a_lock_is_held_while_somebody_has_it(tmp_path):
    lock = tmp_path / "work.lock"
    assert not processes.is_held(lock)
    with filelock.FileLock(lock):
        assert processes.is_held(lock)
    assert not processes.is_held(lock)


@needs_proc
def test_a_process_that_has_a_file_open_is_told_from_others(tmp_path):
    path = tmp_path / "open"
    with path.open("w"):
        assert processes.has_open(os.getpid(), path)
        assert not processes.has_open(os.getppid(), path)
    assert not processes.has_open(os.getpid(), path)


@needs_proc
def test_a_process_comes_up_while_its_command_line_names_the_folder(tmp_path):
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)", str(tmp_path)]
    process = subprocess.Popen(sleeper)
    try:
        assert processes.is_coming_up(process.pid, tmp_path, time.time())
        assert not processes.is_coming_up(process.pid, tmp_path / "other", time.time() - 5)
    finally:
        processes.end(process.pid, force=True)
        process.wait()
    assert not processes.is_coming_up(process.pid, tmp_path, time.time())


def test_the_end_of_a_group_leader_ends_its_children():
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\nchild.wait()"
    )
    leader = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, process_group=0
    )
    child = int(leader.stdout.readline())
    processes.end(leader.pid)
    leader.wait()
    leader.stdout.close()
    until = time.monotonic() + 20
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _lives(child)


@pytest.mark.parametrize("pid", [0, -1])
def test_numbers_that_mean_groups_of_processes_are_left_alone(pid):
    processes.end(pid, force=True)  # 0 would end this test


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
