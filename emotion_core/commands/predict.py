"""``predict``: the emotion of every face in picture files."""

import argparse
from pathlib import Path

from emotion_core.errors import ImageError

HELP = "find the faces of picture files and name their emotions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="folder, name, part of it, or architecture")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="picture file")
    parser.add_argument(
        "--detector", default="auto", help="auto, yunet or haar (default: auto, the best there is)"
    )
    parser.add_argument(
        "--whole", action="store_true", help="the pictures are faces already: do not search"
    )
    parser.add_argument("--csv", metavar="FILE", help="write a row a face as well")
    parser.add_argument(
        "--annotate", metavar="FOLDER", help="write copies with framed and named faces as well"
    )


def run(args: argparse.Namespace) -> int:
    """Print a line a face; a picture that cannot be read is named, and the others still count."""
    import csv
    import io
    import sys

    import cv2

    from emotion_core.files import write_bytes
    from emotion_core.live import photos
    from emotion_core.models.checkpoint import load_classifier

    classifier = load_classifier(args.run)
    detector = None if args.whole else photos.PhotoDetector(args.detector)
    rows, failed, written = [], 0, set[str]()
    for path in map(Path, args.images):
        try:
            data = _read(path)
            image = photos.read_image(data, str(path))
        except ImageError as error:
            print(f"error: {error}", file=sys.stderr)
            failed += 1
            continue
        if detector is None:
            results = [photos.classify_whole(image, classifier)]
        else:
            results = photos.classify_photo(image, detector, classifier)
        scale = photos.shrinkage(data)  # boxes are told in pixels of the file
        print(f"{path}: {len(results)} face{'' if len(results) == 1 else 's'}")
        for number, result in enumerate(results, start=1):
            x1, y1, x2, y2 = (round(scale * float(value)) for value in result.box_xyxy)
            print(f"  {number}  {result.emotion:8} {result.confidence:4.0%}  {x1},{y1},{x2},{y2}")
            rows.append({"image": str(path)} | photos.result_row(number, result, scale))
        if args.annotate:
            _, jpeg = cv2.imencode(".jpg", photos.draw_photo(image, photos.as_faces(results)))
            write_bytes(
                Path(args.annotate) / _free_name(path, written), jpeg.tobytes(), parents=True
            )
    if args.csv:
        text = io.StringIO()
        columns = list(rows[0]) if rows else ["image"]
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_bytes(Path(args.csv), text.getvalue().encode(), parents=True)
    return 2 if failed else 0


def _free_name(path: Path, written: set[str]) -> str:
    """Name of a picture's copy; numbered where another picture of this call has it already."""
    name, number = f"{path.stem}-emotions.jpg", 2
    while name in written:
        name, number = f"{path.stem}-emotions-{number}.jpg", number + 1
    written.add(name)
    return name


def _read(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        ImageError: it cannot be opened.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error
