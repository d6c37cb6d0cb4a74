"""A recording of drawn faces, like the one that is shipped: to replay without a camera.

``python -m research.record`` makes it among one's own recordings and prints its folder.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from emotion_core.errors import ConfigError, EmotionError, RecordingError
from emotion_core.live.demo import DemoStream
from emotion_core.live.detect import create_detector
from emotion_core.live.pipeline import LivePipeline
from emotion_core.models.checkpoint import load_classifier
from emotion_core.recording.recorder import FPS, About, Recorder
from emotion_core.runs.catalog import load_run

SOURCE = "drawn faces"


def main(words: Sequence[str] | None = None) -> int:
    """Make one recording, with two models."""
    parser = argparse.ArgumentParser(prog="python -m research.record", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="length (default: 15)")
    parser.add_argument("--size", type=int, nargs=2, default=(480, 360), metavar=("W", "H"))
    parser.add_argument("--models", nargs=2, default=("mobilenet_v1", "sequential"), metavar="RUN")
    args = parser.parse_args(words)
    if not args.seconds > 0:
        raise ConfigError(f"--seconds must be more than 0, got {args.seconds:g}.")
    runs = [load_run(name) for name in args.models]
    pipeline = LivePipeline(create_detector(), load_classifier(runs[0]))
    pipeline.set_second(load_classifier(runs[1]))
    width, height = args.size
    print(record(pipeline, tuple(run.name for run in runs), args.seconds, (width, height)))
    return 0


def record(
    pipeline: LivePipeline, titles: tuple[str, ...], seconds: float, size_wh: tuple[int, int]
) -> Path:
    """Draw faces, have them read, and record that, as fast as the machine can.

    Args:
        pipeline: A fresh one, with one or two models.
        titles: What to call them.
        seconds: Length.
        size_wh: Of the film in pixels.

    Returns:
        The recording's folder.

    Raises:
        AccessError: the caller is not the owner.
        RecordingError: it cannot be written, or is too short for a frame.
    """
    used = [item for item in (pipeline.classifier, pipeline.second) if item]
    names = tuple(item.name for item in used)
    demo, recorder = DemoStream(size_wh), Recorder(lambda: About(names, titles, SOURCE))
    recorder.patient = True
    for index in range(round(seconds * FPS)):
        frame, time = demo(index / FPS), index / FPS
        recorder.take(frame, pipeline(frame, time), time)
    folder = recorder.wait(600)
    if recorder.problem or folder is None:
        raise RecordingError(recorder.problem or f"No frame came in {seconds:g} seconds.")
    return folder


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EmotionError as error:
        sys.exit(f"error: {error}")
