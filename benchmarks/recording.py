"""What a long recording costs: memory over time, milliseconds and bytes per frame, kill-safe files.

Frames of drawn faces go into the real recorder as fast as it takes them, so that an hour of
recording fits into minutes; as many frames are written, encoded and turned into Parquet.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import Figures, measure

HELP = "memory and time of a long recording of drawn faces"
_WARM = 300  # frames before memory counts: encoder and libraries have theirs by then


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long."""
    parser.add_argument(
        "--frames", type=int, default=6_000, help="54,000 are one hour (default: 6,000)"
    )


def run(args: argparse.Namespace) -> Figures:
    """Record, print memory every thousand frames, and return the figures."""
    with tempfile.TemporaryDirectory(prefix="recording-") as folder:
        os.environ["EMOTION_HOME"] = folder
        return {"figures": _record(args.frames, Path(folder))}


def _record(count: int, home: Path) -> dict[str, float]:
    import pyarrow.parquet  # noqa: F401 - the dashboard has loaded it before a recording

    from emotion_core.live.demo import DemoStream
    from emotion_core.live.pipeline import create_pipeline
    from emotion_core.memory import resident_mb
    from emotion_core.recording.recorder import FPS, About, Recorder
    from emotion_core.recording.store import list_recordings

    demo, pipeline = DemoStream(), create_pipeline()
    frames = [demo(index / FPS) for index in range(90)]
    results = [pipeline(frame, index / FPS) for index, frame in enumerate(frames)]
    recorder = Recorder(lambda: About(("champion",), ("champion",), "drawn faces"))
    recorder.patient = True
    before, started = 0.0, time.perf_counter()
    for index in range(count):
        at = index % 90 if index // 90 % 2 == 0 else 89 - index % 90  # there and back, no jump
        recorder.take(frames[at], results[at], index / FPS)
        if index == _WARM:
            before = resident_mb()
        if index % 1_000 == 0:
            print(f"{index:6,} frames: {resident_mb():7.1f} MB", flush=True)
    seconds, during = time.perf_counter() - started, resident_mb()
    recorder.wait(600)
    recording = list_recordings()[0]
    figures = {
        "frames": float(recording.facts.frames),
        "left_out": float(recorder.left_out),
        "ms_per_frame": 1000 * seconds / count,
        "grown_mb": during - before,
        "grown_with_parquet_mb": resident_mb() - before,
        "video_mb_per_hour": recording.video.stat().st_size / count * 3600 * FPS / 1e6,
        "rows_mb_per_hour": recording.rows.stat().st_size / count * 3600 * FPS / 1e6,
    }
    for name, value in figures.items():
        print(f"{name:24} {value:10.1f}")
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("recording", HELP, add_arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
