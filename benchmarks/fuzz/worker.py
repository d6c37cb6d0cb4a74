"""A process that reads one input after the other, and tells of each what it took.

It is started by ``python -m benchmarks.fuzz`` alone; a line of JSON goes out before and after each
input, so that whoever waits knows which one it was.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import time
import traceback
from pathlib import Path

_ROOM = 4 * 1024**3  # bytes of addresses beyond what the libraries have, to protect the machine


def _status(name: str) -> int:
    """A line of ``/proc/self/status`` in bytes."""
    with open("/proc/self/status") as lines:  # noqa: PTH123
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def _forget_peak() -> None:
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123
        file.write("5")


def main() -> None:
    """Read inputs ``first``, ``first + step``, ... below ``count``."""
    parser = argparse.ArgumentParser()
    for name in ("seed", "first", "step", "count"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--place", type=Path, required=True)
    args = parser.parse_args()
    os.environ["EMOTION_CACHE"] = str(args.place / "cache")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    quiet = os.open(os.devnull, os.O_WRONLY)  # libraries in C complain of what they read
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)

    from benchmarks.fuzz import inputs
    from benchmarks.fuzz.targets import TARGETS, check_message
    from emotion_core.errors import EmotionError

    for number in range(len(inputs.KINDS)):  # whatever is loaded late is loaded now
        folder = args.place / "first"
        folder.mkdir(parents=True)
        kind, path = inputs.make(0, number, folder)
        with contextlib.suppress(Exception):
            TARGETS[kind](path)
        shutil.rmtree(folder)
    room = _status("VmSize") + _ROOM
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    for number in range(args.first, args.count, args.step):
        folder = args.place / "input"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        kind, path = inputs.make(args.seed, number, folder)
        answers.write(json.dumps({"begin": number, "kind": kind}) + "\n")
        _forget_peak()
        before, cpu, outcome, fault = _status("VmRSS"), time.process_time(), "read", ""
        try:
            TARGETS[kind](path)
        except EmotionError as error:
            outcome = type(error).__name__
            try:
                check_message(error)
            except Exception:
                fault = traceback.format_exc()
        except BaseException:
            fault = traceback.format_exc()
        answer = {
            "end": number,
            "outcome": outcome,
            "fault": fault[-4_000:],
            "megabytes": max(0, _status("VmHWM") - before) // 1024**2,
            "cpu_s": round(time.process_time() - cpu, 3),
        }
        answers.write(json.dumps(answer) + "\n")
        shutil.rmtree(args.place / "cache", ignore_errors=True)


if __name__ == "__main__":
    main()
