"""What the pages cost: files read per run of a page, time with many runs, and memory."""

import argparse
import contextlib
import gc
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import Figures, measure
from benchmarks.samples import random_faces, write_random_run
from emotion_core.memory import resident_mb
from emotion_core.paths import PROJECT, checkpoints_dir

HELP = "run-folder scans and files per run of each page, and time and memory of Comparison"

PAGES = ("app.py", "pages/training.py", "pages/comparison.py", "pages/predictions.py")
MOST_SCANS, MOST_FILES = 1, 100  # targets of a warm run of a page with the shipped runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the benchmark."""
    parser.add_argument("--runs", type=int, default=10, help="random run folders (default: 10)")
    parser.add_argument("--faces", type=int, default=7178, help="test faces (default: 7178)")
    parser.add_argument(
        "--changes", type=int, default=200, help="widget changes for the memory (default: 200)"
    )


def run(args: argparse.Namespace) -> Figures:
    """Open the real pages on the runs of this machine, then Comparison on random runs."""
    from emotion_core.errors import ConfigError

    if args.runs < 1:
        raise ConfigError(f"--runs must be 1 or more, got {args.runs}.")
    reads = page_reads(checkpoints_dir())
    print(f"second run of each page, {checkpoints_dir()}")
    print(f"{'page':24}{'scans':>8}{'files':>8}{'CPU s':>8}")
    for page, row in reads.items():
        print(f"{page:24}{row['scans']:8.0f}{row['files']:8.0f}{row['cpu_seconds']:8.2f}")
    return {"reads": reads} | _comparison(args)


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("dashboard", HELP, add_arguments, run, argv)


def page_reads(checkpoints: Path) -> dict[str, dict[str, float]]:
    """What the second run of each page reads of the run folders.

    Args:
        checkpoints: The folder of the runs.

    Returns:
        For each of ``PAGES`` the ``scans`` of the folder (a listing of its entries counts as one),
        the JSON ``files`` opened below it, and ``cpu_seconds``.
    """
    from streamlit.testing.v1 import AppTest

    rows = {}
    with _checkpoints(checkpoints):
        for name in PAGES:
            page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=300).run()
            if name != "app.py":
                page.switch_page(name).run()
            started = time.process_time()
            with _counted(checkpoints) as counts:
                page.run()
            _check(page)
            rows[name] = {
                "scans": float(counts["scans"]),
                "files": float(counts["files"]),
                "cpu_seconds": time.process_time() - started,
            }
    return rows


_watched: list[tuple[str, Counter[str]]] = []


@contextlib.contextmanager
def _counted(folder: Path) -> Iterator[Counter[str]]:
    """Count listings of a folder and JSON files opened below it, in all threads."""
    if not _hooked:
        sys.addaudithook(_count)  # stays for good: Python has no way to remove one
        _hooked.append(True)
    counts: Counter[str] = Counter()
    _watched.append((str(folder), counts))
    try:
        yield counts
    finally:
        _watched.pop()


_hooked: list[bool] = []


def _count(event: str, args: tuple[Any, ...]) -> None:
    if not _watched or event not in ("open", "os.listdir", "os.scandir"):
        return
    if not isinstance(args[0], str | os.PathLike):
        return
    path, (folder, counts) = os.fspath(args[0]), _watched[-1]
    if event == "open":
        counts["files"] += path.startswith(folder) and path.endswith((".json", ".jsonl"))
    else:
        counts["scans"] += path.rstrip("/") == folder


@contextlib.contextmanager
def _checkpoints(folder: Path) -> Iterator[None]:
    """The pages see the runs of this folder."""
    before = os.environ.get("EMOTION_CHECKPOINTS")
    os.environ["EMOTION_CHECKPOINTS"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["EMOTION_CHECKPOINTS"]
        else:
            os.environ["EMOTION_CHECKPOINTS"] = before


def _comparison(args: argparse.Namespace) -> dict[str, Any]:
    """Time of Comparison with many random runs, cold and warm, and its memory over changes."""
    from streamlit.testing.v1 import AppTest

    models = ("sequential", "resnet18", "block_cnn", "densenet121", "plain_cnn")
    with tempfile.TemporaryDirectory(prefix="emotion-bench-") as folder, _checkpoints(Path(folder)):
        data = random_faces(args.faces)
        runs = [
            write_random_run(Path(folder), data, model=models[i % 5], seed=i, skill=3.0 + 0.15 * i)
            for i in range(args.runs)
        ]
        page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=120)
        page.query_params["runs"] = [item.name for item in runs]
        seconds = {"first page": _timed(page.run)}
        page.switch_page("pages/comparison.py")
        seconds["comparison, cold"] = _timed(page.run)
        seconds["comparison, warm"] = float(np.median([_timed(page.run) for _ in range(5)]))
        for tab in page.segmented_control(key="tab").options:
            page.segmented_control(key="tab").set_value(tab)
            seconds[f"tab {tab}, first"] = _timed(page.run)
            seconds[f"tab {tab}, again"] = _timed(page.run)
        memory = _memory_over_changes(page, args.changes)
        _check(page)
    print(f"{args.runs} runs of {args.faces:,} predictions, {os.cpu_count()} cores")
    for name, value in seconds.items():
        print(f"{name:28} {value:7.2f} s")
    for name, value in memory.items():
        print(f"{name:28} {value:7.0f} MB")
    return {"runs": args.runs, "faces": args.faces, "seconds": seconds, "memory_mb": memory}


def _check(page: Any) -> None:
    if page.exception:
        raise RuntimeError(page.exception[0].message)


def _timed(act: Callable[[], Any]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _memory_over_changes(page: Any, changes: int) -> dict[str, float]:
    """Resident MB early and at the end of many widget changes."""
    tabs = page.segmented_control(key="tab").options
    warm_up = min(2 * len(tabs), changes // 4)
    early = 0.0
    for index in range(changes):
        page.segmented_control(key="tab").set_value(tabs[index % len(tabs)])
        page.run()
        if index == warm_up:
            gc.collect()
            early = resident_mb()
    gc.collect()
    return {f"after {warm_up} changes": early, f"after {changes} changes": resident_mb()}


if __name__ == "__main__":
    sys.exit(main())
