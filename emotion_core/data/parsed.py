"""What every reader returns, and the one way a picture of any form becomes a 48 x 48 gray face."""

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from PIL import Image

from emotion_core.data.faces import FACE_SIZE, Note
from emotion_core.data.split_names import read_splits, split_notes
from emotion_core.errors import DataError

Progress = Callable[[str, float], object]  # what is being done, share done 0..1

_LISTED = 50  # skipped things named one by one; the rest is counted
_MAX_SIDE = 8192
_PNG = b"\x89PNG\r\n\x1a\n"
_FORMATS = ("BMP", "GIF", "JPEG", "PPM", "TIFF", "WEBP")
# Where a whole file has its end mark, in bytes from its end. Some cameras write more after it.
_ENDS = (("JPEG", b"\xff\xd8", b"\xff\xd9", 64), ("PNG", _PNG, b"IEND", 16))


@dataclass
class Parsed:
    """Faces collected by a reader."""

    images: list[np.ndarray] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    usage: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    mended: Counter[str] = field(default_factory=Counter)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    fer2013_layout: bool = False  # a table of emotion and pixels, whose numbers are FER-2013's
    one_hot: int = 0  # columns of the labels, where the number of a label is its column

    def add(
        self, image: np.ndarray, label: int, split: int, identity: str, usage: str = ""
    ) -> None:
        """Take one face ``(48, 48)`` uint8."""
        self.images.append(image)
        self.labels.append(label)
        self.splits.append(split)
        self.ids.append(as_text(identity))
        self.usage.append(usage)

    def relabel(self, labels: Sequence[int | None]) -> None:
        """Give each face its label, and leave out those with None."""
        kept = [position for position, label in enumerate(labels) if label is not None]
        self.labels = [label for label in labels if label is not None]
        if len(kept) < len(labels):
            self.images = [self.images[position] for position in kept]
            self.splits = [self.splits[position] for position in kept]
            self.usage = [self.usage[position] for position in kept]
            self.ids = [self.ids[position] for position in kept]

    def resplit(
        self, parts: Sequence[str], names: Mapping[str, str | None], source: str, what: str
    ) -> None:
        """Give each face the split of the part of the source that it comes from.

        Args:
            parts: Of each face.
            names: As for ``read_splits``, and so are the others.

        Raises:
            DataError: a part's split is unclear.
        """
        found = read_splits(names, source, what)
        self.notes += split_notes(names, found, Counter(parts))
        self.splits = [found.get(part, 0) for part in parts]
        self.relabel(
            [y if part in found else None for y, part in zip(self.labels, parts, strict=True)]
        )

    def skip(self, thing: str, why: str) -> None:
        """Leave something out, and remember to say so."""
        self.skipped.append((thing, why))

    def all_notes(self) -> tuple[Note, ...]:
        """Everything to tell the user, mended things first."""
        notes = [
            Note("mended", "images", message, count) for message, count in self.mended.most_common()
        ]
        notes += [Note("skipped", thing, why) for thing, why in self.skipped[:_LISTED]]
        rest = len(self.skipped) - _LISTED
        if rest > 0:
            notes.append(Note("skipped", "others", f"and {rest} more, not listed", rest))
        return tuple(
            replace(note, thing=as_text(note.thing), message=as_text(note.message))
            for note in self.notes + notes
        )


def as_text(name: str) -> str:
    """A file's name for people and pages: what in it is no UTF-8 becomes a code."""
    return name.encode("utf-8", "backslashreplace").decode()


def decode_image(data: bytes, mended: Counter[str]) -> np.ndarray:
    """A picture file's bytes as a ``(48, 48)`` uint8 gray face, turned as its EXIF data says.

    Args:
        data: JPEG, PNG or another format that OpenCV reads.
        mended: Counts what had to be converted.

    Raises:
        DataError: the bytes are no picture, only part of one, an absurdly large one, or one with
            neither 8 nor 16 bits a pixel.
    """
    if not data:
        raise DataError("empty file")
    # A few hundred bytes may announce gigabytes of pixels: look before unpacking.
    width, height, transparent = _announced(data)
    _check_size(width, height)
    for kind, start, end, room in _ENDS:
        if data.startswith(start) and end not in data[-room:] and not _complete(data, kind):
            raise DataError(f"truncated {kind}")
    # Alpha is only kept without the turning, but no camera writes both.
    flags = cv2.IMREAD_UNCHANGED if transparent else cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise DataError("not a picture that can be read") from error
    if image is None:
        raise DataError("not a picture that can be read")
    return to_face(image, mended)


def _announced(data: bytes) -> tuple[int, int, bool]:
    """Width, height and whether there is transparency, as a picture's header says."""
    if data.startswith(_PNG):
        transparent = data[25:26] in (b"\4", b"\6") or b"tRNS" in data
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), transparent
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            return *picture.size, picture.has_transparency_data
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"more than {_MAX_SIDE} pixels a side") from error
    except Exception as error:  # a damaged header may raise anything
        raise DataError("not a picture that can be read") from error


def _complete(data: bytes, kind: str) -> bool:
    """Whether a picture can be decoded to its last row, whatever follows it."""
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
            picture.load()
    except Exception:  # a damaged file may raise anything
        return False
    return True


def _check_size(width: int, height: int) -> None:
    if not width or not height:
        raise DataError("a picture without pixels")
    if max(width, height) > _MAX_SIDE:
        raise DataError(f"{width} x {height} pixels, more than {_MAX_SIDE} a side")


def to_face(image: np.ndarray, mended: Counter[str]) -> np.ndarray:
    """Any picture array as a ``(48, 48)`` uint8 gray face: gray, 8 bit, square, scaled.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, uint8 or uint16; three channels are BGR, a fourth is
            alpha, which is laid over white.
        mended: Counts what had to be converted.

    Raises:
        DataError: the picture is empty, absurdly large or of another type.
    """
    _check_size(image.shape[1], image.shape[0])
    if image.dtype not in (np.uint8, np.uint16):
        raise DataError(f"pixels of type {image.dtype}; save it with 8 or 16 bits")
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
        mended["converted from 16 to 8 bit"] += 1
    if image.ndim == 3 and image.shape[2] in (3, 4):
        opacity = np.ascontiguousarray(image[:, :, -1]) if image.shape[2] == 4 else None
        image = cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), cv2.COLOR_BGR2GRAY)
        mended["converted from colour to gray"] += 1
        if opacity is not None and opacity.min() < 255:
            image = 255 - cv2.multiply(255 - image, opacity, scale=1 / 255)
            mended["transparency laid over white"] += 1
    elif image.ndim == 3:
        image = image[:, :, 0]
    height, width = image.shape
    if (height, width) != (FACE_SIZE, FACE_SIZE):
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = image[top : top + side, left : left + side]
        method = cv2.INTER_AREA if side > FACE_SIZE else cv2.INTER_LINEAR
        image = cv2.resize(square, (FACE_SIZE, FACE_SIZE), interpolation=method)
        mended[f"cropped to a square and scaled to {FACE_SIZE} x {FACE_SIZE}"] += 1
    return np.ascontiguousarray(image, np.uint8)


def usage_of(name: str) -> str:
    """FER-2013's usage as its file names and tables spell it; empty if it is none of them."""
    for usage in ("PublicTest", "PrivateTest", "Training"):
        if name.strip().lower().startswith(usage.lower()):
            return usage
    return ""
