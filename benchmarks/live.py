"""The live pipeline a frame, stage by stage, beside the plain way of doing it, in one run.

The plain way: Haar on the full frame, one eager PyTorch call a face, in every frame.
"""

import argparse
import functools
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.command import Figures, measure

if TYPE_CHECKING:
    from emotion_core.live.pipeline import LivePipeline
    from emotion_core.live.results import FrameResult
    from emotion_core.models.checkpoint import Classifier

HELP = "milliseconds per frame of the live pipeline, by stage, beside the plain way"

_STAGES = ("detect", "track", "crop", "classify", "draw", "total")
_FPS = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, how long."""
    parser.add_argument("--run", metavar="RUN", help="trained run (default: the best)")
    parser.add_argument("--frames", type=int, default=150, help="frames a scene (default: 150)")


def run(args: argparse.Namespace) -> Figures:
    """Measure three scenes with each detector that is here."""
    from emotion_core.errors import ConfigError
    from emotion_core.live.detect import create_detector
    from emotion_core.live.pipeline import LivePipeline
    from emotion_core.live.settings import LiveConfig
    from emotion_core.live.yunet_file import yunet_path
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.runs.catalog import best_run, pick_run

    if args.frames < 20:  # the first ten warm up
        raise ConfigError(f"--frames must be 20 or more, got {args.frames}.")
    found = pick_run(args.run) if args.run else best_run()
    fast, eager = load_classifier(found), load_classifier(found, backend="torch")
    scenes = {"640x480, 1 face": (640, 480, 1), "640x480, 5 faces": (640, 480, 5), "1280x720, 1 face": (1280, 720, 1)}  # fmt: skip
    kinds = ["haar"] + (["yunet"] if yunet_path() else [])
    rows: list[Figures] = []
    print(
        f"{found.name}, {fast.backend}; median milliseconds per frame (detect: of searched frames)"
    )
    print(f"{'scene':18}{'way':14}" + "".join(f"{stage:>10}" for stage in _STAGES) + f"{'faces':>8}{'searched':>10}")  # fmt: skip
    for scene, (width, height, count) in scenes.items():
        frames = [moving_scene(width, height, count, k / _FPS) for k in range(args.frames)]
        plain = [_plain(frame, eager) for frame in frames[:20]]
        rows.append({"scene": scene, "way": "plain", "total": float(np.median(plain))})
        print(
            f"{scene:18}{'plain':14}" + " " * 10 * (len(_STAGES) - 1) + f"{np.median(plain):10.1f}"
        )
        for kind in kinds:
            config = LiveConfig(detector=kind)
            pipeline = LivePipeline(create_detector(kind), fast, config)
            results = [_watch(pipeline, frame, k / _FPS) for k, frame in enumerate(frames)][10:]
            row: Figures = {"scene": scene, "way": kind}
            for stage in _STAGES:
                values = [
                    item.timings_ms[stage] for item in results if stage != "detect" or item.detected
                ]
                row[stage] = float(np.median(values))
            totals = [item.timings_ms["total"] for item in results]
            row["mean_total"] = float(np.mean(totals))
            row["p90_total"] = float(np.percentile(totals, 90))
            row["faces"] = float(np.mean([len(item.faces) for item in results]))
            row["searched"] = float(np.mean([item.detected for item in results]))
            row["ratio"] = float(np.median(plain)) / row["total"]
            row["mean_ratio"] = float(np.mean(plain)) / row["mean_total"]
            rows.append(row)
            print(f"{'':18}{kind:14}" + "".join(f"{row[stage]:10.1f}" for stage in _STAGES) + f"{row['faces']:8.1f}{row['searched']:10.0%}  {row['ratio']:.1f}x plain; mean {row['mean_total']:.1f} ({row['mean_ratio']:.1f}x), p90 {row['p90_total']:.1f}", flush=True)  # fmt: skip
    return {"run": found.name, "backend": fast.backend, "rows": rows}


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("live", HELP, add_arguments, run, argv)


def _watch(pipeline: "LivePipeline", frame: np.ndarray, seconds: float) -> "FrameResult":
    """The pipeline's answer with the drawing timed as well and part of the total."""
    from emotion_core.live.draw import draw_result

    result = pipeline(frame, seconds)
    picture = frame.copy()
    started = time.perf_counter()
    draw_result(picture, result, lines=["30 fps  5 ms"])
    spent = 1000 * (time.perf_counter() - started)
    result.timings_ms["draw"] = spent
    result.timings_ms["total"] += spent
    return result


def moving_scene(width: int, height: int, faces: int, seconds: float) -> np.ndarray:
    """A photograph of a person, ``faces`` times side by side and swaying, BGR ``(H, W, 3)``."""
    import cv2

    person = _person()
    columns = faces if faces > 1 else 1
    tile = width // columns
    frame = np.empty((height, width, 3), np.uint8)
    for column in range(columns):
        left, right = column * width // columns, (column + 1) * width // columns
        scale = max(height / person.shape[0], tile / person.shape[1]) * (
            1.0 if faces == 1 else 0.75
        )
        sway = 12 * np.sin(2 * np.pi * (seconds / 2 + column / 5))
        # The photograph's face is centred at 44 % of its width and 22 % of its height.
        shift_x = (right - left) / 2 - 0.44 * person.shape[1] * scale + sway
        shift_y = height * 0.4 - 0.22 * person.shape[0] * scale
        matrix = np.array([[scale, 0, shift_x], [0, scale, shift_y]], np.float32)
        frame[:, left:right] = cv2.warpAffine(
            person, matrix, (right - left, height), borderMode=cv2.BORDER_REPLICATE
        )
    return frame


def _person() -> np.ndarray:
    import cv2

    from emotion_core.errors import LiveError

    try:
        import skimage.data
    except ImportError as error:
        raise LiveError(
            "This benchmark uses a photograph from scikit-image. Install requirements-dev.txt."
        ) from error
    person = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    image: np.ndarray = cv2.cvtColor(person, cv2.COLOR_RGB2BGR)
    return image


def _plain(frame: np.ndarray, classifier: "Classifier") -> float:
    """Milliseconds of the plain way."""
    import cv2
    import torch

    cascade = _cascade()
    started = time.perf_counter()
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    for x, y, w, h in cascade.detectMultiScale(gray, 1.1, 5):
        face = cv2.resize(gray[y : y + h, x : x + w], (48, 48))
        images = classifier.preprocess.apply(torch.from_numpy(face[None]))
        with torch.no_grad():
            torch.softmax(classifier.model(images), 1).numpy()
    return 1000 * (time.perf_counter() - started)


@functools.cache
def _cascade() -> Any:
    """Loaded once: reading the file is not part of the plain way's work."""
    import cv2
    import cv2.data

    return cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")


if __name__ == "__main__":
    sys.exit(main())
