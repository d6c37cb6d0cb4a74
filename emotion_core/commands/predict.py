"""``predict``: the emotion of every face in picture files."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_core.errors import ConfigError, EmotionError, ImageError
from emotion_core.text import csv_text, plain, unquoted
from emotion_core.units import percent

if TYPE_CHECKING:
    import numpy as np

    from emotion_core.live.photos import FaceResult
    from emotion_core.live.rows import FaceRow
    from emotion_core.models.checkpoint import Classifier

HELP = "find the faces of picture files and name their expressions"

MAX_BYTES = 1_000_000_000  # of a file; a TIFF of the most pixels that are read has less
_SMALL = 64  # pixels; a picture that is not larger is most likely a face that was cut out
_WEIGHTS = {"h5", "hdf5", "keras", "onnx", "pb", "pkl", "pt", "pth", "safetensors", "tflite"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument(
        "images",
        metavar="[RUN] IMAGE",
        nargs="+",
        help="a run (folder, name, part of it, or architecture; by default the one that is best on "
        "validation), then picture files",
    )
    parser.add_argument(
        "--detector", default="auto", help="auto, yunet or haar (default: auto, the best there is)"
    )
    parser.add_argument(
        "--whole", action="store_true", help="the pictures are faces already: do not search"
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="answer with this profile of your own face; without RUN, of the run it was made with",
    )
    parser.add_argument("--csv", metavar="FILE", help="write a row per face as well")
    parser.add_argument(
        "--annotate", metavar="FOLDER", help="write copies with framed and named faces as well"
    )


def run(args: argparse.Namespace) -> int:
    """Print a line per face; a picture that cannot be used is named, and the others still count."""
    import sys

    from emotion_core.files import write_bytes
    from emotion_core.live.photo_file import shrinkage
    from emotion_core.live.photos import PhotoDetector, photo_notices, result_row

    named, images = _run_and_images(args.images)
    classifier = _classifier(named, args.profile)
    detector = None if args.whole else PhotoDetector(args.detector)
    if detector and detector.notice:
        print(f"note: {detector.notice}", file=sys.stderr)
    rows: list[FaceRow] = []
    failed, small, copies = 0, 0, _Copies(args.annotate)
    try:
        for path in map(_as_given, images):
            try:
                data = _read(path)
                image, results = _faces(data, path, detector, classifier)
                scale = shrinkage(data)  # boxes are told in pixels of the file
                copies.write(path, image, results)
            except EmotionError as error:
                print(f"error: {plain(error)}", file=sys.stderr)
                failed += 1
                continue
            except Exception as error:  # whatever one picture does, the others are not lost
                reason = f"{path}: {type(error).__name__}: {error}"
                print(f"error: {plain(reason)}", file=sys.stderr)
                failed += 1
                continue
            print("\n".join(map(plain, _lines(path, results, scale))))
            for notice in photo_notices(results):
                print(f"note: {plain(path)}: {notice}", file=sys.stderr)
            small += max(image.shape[:2]) <= _SMALL
            rows += [
                {"image": str(path), **result_row(number, result, scale)}
                for number, result in enumerate(results, start=1)
            ]
    finally:  # also after Ctrl-C
        if args.csv:
            write_bytes(Path(args.csv), csv_text(rows, ["image"]).encode(), parents=True)
    if small and detector:
        print(
            f"note: {small} of the pictures have at most {_SMALL} pixels per side, as faces that are "
            "cut out have. --whole classifies them without a search.",
            file=sys.stderr,
        )
    return 2 if failed else 0


def _classifier(named: str, profile: str | None) -> "Classifier":
    """The named run's, or the best one's; with a profile its owner's."""
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.runs.catalog import best_run, pick_run

    if profile is None:
        return load_classifier(named or best_run())
    from emotion_core.personal.profile import apply_profile
    from emotion_core.personal.profile_files import load_profile

    own = load_profile(profile)
    run = pick_run(named or own.run)
    return apply_profile(own, run, load_classifier(run))


def _run_and_images(given: list[str]) -> tuple[str, list[str]]:
    """The run, empty where none is named, and the pictures: a picture is a file, a run is not."""
    from emotion_core.live.photo_file import SUFFIXES

    first = Path(unquoted(given[0]))
    if _suffix(first) in _WEIGHTS:
        raise ConfigError(
            f"{first} is a file of weights. Name a run: its folder, its name or an architecture."
        )
    if first.is_file() or _suffix(first) in SUFFIXES:
        return "", given
    if len(given) == 1:
        raise ConfigError(f"'{plain(first)}' is not a picture file. Give RUN IMAGE or IMAGE.")
    return given[0], given[1:]


def _faces(
    data: bytes, path: Path, detector: Any, classifier: Any
) -> "tuple[np.ndarray, list[FaceResult]]":
    """The picture, BGR uint8 ``(H, W, 3)``, and its faces; without a detector it is one itself."""
    from emotion_core.live import photo_file, photos

    image = photo_file.read_image(data, str(path))
    if detector is None:
        return image, [photos.classify_whole(image, classifier)]
    return image, photos.classify_photo(image, detector, classifier)


def _lines(path: Path, results: "list[FaceResult]", scale: float) -> Iterator[str]:
    yield f"{path}: {len(results)} face{'' if len(results) == 1 else 's'}"
    for number, result in enumerate(results, start=1):
        x1, y1, x2, y2 = (round(scale * float(value)) for value in result.box_xyxy)
        yield f"  {number}  {result.emotion:8} {percent(result.confidence, 0):>5}  {x1},{y1},{x2},{y2}"


class _Copies:
    """Annotated copies; each has a name of its own.

    Args:
        folder: Where to; None writes none.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._written: set[str] = set()

    def write(self, path: Path, image: "np.ndarray", results: "list[FaceResult]") -> None:
        """Write the copy of a picture."""
        if self._folder is None:
            return
        import cv2

        from emotion_core.files import write_bytes
        from emotion_core.live.photos import as_faces, draw_photo

        _, jpeg = cv2.imencode(".jpg", draw_photo(image, as_faces(results)))
        write_bytes(Path(self._folder) / self.name(path), jpeg.tobytes(), parents=True)

    def name(self, path: Path) -> str:
        """Name of a picture's copy; numbered where another picture of this call has it already."""
        name, number = f"{path.stem}-emotions.jpg", 2
        while name in self._written:
            name, number = f"{path.stem}-emotions-{number}.jpg", number + 1
        self._written.add(name)
        return name


def _as_given(name: str) -> Path:
    """The path, without the quotes that it was pasted with."""
    path = Path(name)
    return path if path.exists() else Path(unquoted(name))


def _read(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        ImageError: it cannot be opened, or is of another kind.
    """
    from emotion_core.live.video_file import SUFFIXES

    if path.is_dir():
        raise ImageError(f"{path} is a folder. Name its pictures: {path}/*.jpg.")
    if _suffix(path) in _WEIGHTS:
        raise ImageError(
            f"{path} is a file of weights, not a picture. The model comes first: predict RUN IMAGE."
        )
    if _suffix(path) in SUFFIXES:
        raise ImageError(f"{path} is a video. The dashboard reads it: Live, Video.")
    try:
        if path.exists() and not path.is_file():
            raise ImageError(f"{path} is not a regular file. Give a picture file.")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ImageError(
                f"{path} has {size / 1e9:,.1f} GB; the most this reads is {MAX_BYTES / 1e9:.0f}. "
                "Save it smaller."
            )
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error


def _suffix(path: Path) -> str:
    return path.suffix.lower().lstrip(".")
