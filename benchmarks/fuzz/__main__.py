"""``python -m benchmarks.fuzz``: damaged files must end in one clear error, within bounds.

Small valid files of every kind that is read (tables, arrays, Parquet, zips, folders, pictures,
videos, run folders) are damaged at random and read in processes of their own. Found are: errors
that no user could act on, dead processes, inputs that take more than 10 s or 1 GB.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from benchmarks.fuzz.inputs import make
from emotion_core.paths import PROJECT

_MOST_MEGABYTES = 1_024
_MOST_CPU_SECONDS = 10.0


@dataclass
class Findings:
    """What a run of inputs brought to light.

    Attributes:
        outcomes: Inputs by kind and what came of them: ``read``, or the error's class.
        faults: Number of the input, its kind, and what was wrong.
        megabytes, cpu_s: The most that one input took.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    megabytes: int = 0
    cpu_s: float = 0.0


def _lines(process: "subprocess.Popen[str]") -> "Queue[str]":
    """A process's lines; an empty one is the end."""
    queue: Queue[str] = Queue()

    def forward() -> None:
        assert process.stdout
        with process.stdout as answers:
            for line in answers:
                queue.put(line)
        queue.put("")

    threading.Thread(target=forward, daemon=True).start()
    return queue


def _share(seed: int, first: int, step: int, count: int, limit_s: float, found: Findings) -> None:
    """Inputs ``first``, ``first + step``, ...; a worker that dies or hangs gets a successor."""
    while first < count:
        with tempfile.TemporaryDirectory(
            prefix="emotion-fuzz-", ignore_cleanup_errors=True
        ) as name:
            options = {"seed": seed, "first": first, "step": step, "count": count, "place": name}
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.fuzz.worker"]
                + [f"--{key}={value}" for key, value in options.items()],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            lines, kind, begun = _lines(process), "", -1
            while True:
                try:
                    line = lines.get(timeout=limit_s if begun >= 0 else 10 * limit_s)
                except Empty:
                    process.kill()
                    found.faults.append((begun, kind, f"no end within {limit_s:g} s"))
                    break
                if not line:
                    if begun >= 0 or process.wait():
                        why = f"the process died (exit code {process.wait()})"
                        found.faults.append((begun, kind, why))
                    break
                answer = json.loads(line)
                if "begin" in answer:
                    kind, begun = answer["kind"], answer["begin"]
                    first = begun + step
                else:
                    _take(found, kind, answer)
                    begun = -1
            process.wait()
            if begun < 0:
                return


def _take(found: Findings, kind: str, answer: dict[str, Any]) -> None:
    fault = answer["fault"]
    if answer["megabytes"] > _MOST_MEGABYTES:
        fault += f"\n{answer['megabytes']} MB, over {_MOST_MEGABYTES}"
    if answer["cpu_s"] > _MOST_CPU_SECONDS:
        fault += f"\n{answer['cpu_s']} s of a processor, over {_MOST_CPU_SECONDS}"
    found.outcomes[kind, "fault" if fault else answer["outcome"]] += 1
    found.megabytes = max(found.megabytes, answer["megabytes"])
    found.cpu_s = max(found.cpu_s, answer["cpu_s"])
    if fault:
        found.faults.append((answer["end"], kind, fault.strip()))


def fuzz(seed: int, count: int, workers: int, limit_s: float) -> Findings:
    """Read ``count`` damaged inputs of ``seed`` in ``workers`` processes."""
    shares = [Findings() for _ in range(workers)]
    threads = [
        threading.Thread(target=_share, args=(seed, at, workers, count, limit_s, shares[at]))
        for at in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Findings(
        sum((share.outcomes for share in shares), Counter()),
        sorted(fault for share in shares for fault in share.faults),
        max(share.megabytes for share in shares),
        max(share.cpu_s for share in shares),
    )


def save(seed: int, faults: list[tuple[int, str, str]], folder: Path) -> None:
    """Keep each input with what was wrong with it."""
    for number, kind, why in faults:
        place = folder / f"{kind}-{seed}-{number}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (place / "fault.txt").write_text(why + "\n", encoding="utf-8", errors="backslashreplace")
        if number >= 0:
            make(seed, number, place)


def main() -> int:
    """Run, print, and keep what was found; 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="inputs (default: 20000)")
    parser.add_argument("--seed", type=int, default=0, help="of chance (default: 0)")
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 8))
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for an input")
    parser.add_argument("--save", type=Path, default=Path("fuzz-faults"), help="folder for faults")
    args = parser.parse_args()
    found = fuzz(args.seed, args.count, max(1, args.workers), args.limit)
    for (kind, outcome), times in sorted(found.outcomes.items()):
        print(f"{kind:10} {outcome:20} {times:7,}")
    print(f"most memory {found.megabytes} MB, most time {found.cpu_s:.1f} s of a processor")
    for number, kind, why in found.faults:
        print(f"\n{kind} {number}: {why}")
    save(args.seed, found.faults, args.save)
    where = f"; they are in {args.save}" if found.faults else ""
    print(f"\n{found.outcomes.total():,} inputs, {len(found.faults)} faults{where}.")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
