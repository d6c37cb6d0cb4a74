"""The one way a picture of any form becomes a 48 x 48 gray face, within bounds of memory and time."""

import io
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from emotion_core.data.allowance import Allowance
from emotion_core.data.faces import FACE_SIZE
from emotion_core.data.orientation import orientation, upright
from emotion_core.errors import DataError

MAX_FILE = 64 * 1024**2  # bytes of a picture's file
_MAX_SIDE = 8_192
_MAX_DECODED = 128 * 1024**2  # bytes of a picture's pixels, before it is made gray and small
_LARGE = 16 * 1024**2  # from so many on, one picture at a time
_MOST_SCANS = 64  # of a JPEG; each goes through all pixels, and programs write about ten
_PNG = b"\x89PNG\r\n\x1a\n"
_FORMATS = ("BMP", "GIF", "JPEG", "PPM", "TIFF", "WEBP")
_BYTES = {"1": 1, "L": 1, "I;16": 2}  # of a pixel, by Pillow's mode; others have 4 at most
_COEFFICIENTS = 6  # bytes more of a pixel, where a JPEG comes in several scans
_TIFF_ROWS, _TIFF_TILE = 278, (322, 323)  # tags: rows of a strip, width and height of a tile
# Where a whole file has its end mark, in bytes from its end. Some cameras write more after it.
_ENDS = (("JPEG", b"\xff\xd8", b"\xff\xd9", 64), ("PNG", _PNG, b"IEND", 16))
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class _Header:
    """What a picture's header announces: sides, bytes of its pixels, transparency, and its turn."""

    width: int
    height: int
    decoded: int
    transparent: bool
    turn: int = 1


def decode_image(
    data: bytes, mended: Counter[str], allowance: Allowance | None = None
) -> np.ndarray:
    """A picture file's bytes as a ``(48, 48)`` uint8 gray face, turned as its EXIF data says.

    Args:
        data: JPEG, PNG or another format that OpenCV reads.
        mended: Counts what had to be converted.
        allowance: Of the source that it comes from.

    Raises:
        UsedUpError: the source unpacks to more than its size allows.
        DataError: the bytes are no picture, only part of one, an absurdly large one, or one with
            neither 8 nor 16 bits a pixel.
    """
    if allowance:
        allowance.use(len(data))
    if not data:
        raise DataError("empty file")
    if len(data) > MAX_FILE:
        raise DataError(f"{len(data):,} bytes, over {MAX_FILE:,}")
    # A few hundred bytes may announce gigabytes of pixels: look before unpacking.
    header = _announced(data)
    _check_size(header.width, header.height)
    if header.decoded > _MAX_DECODED:
        raise DataError(
            f"{header.width} x {header.height} pixels, which take {header.decoded:,} bytes, over "
            f"{_MAX_DECODED:,}"
        )
    if allowance:
        allowance.use(header.width * header.height, faces=1)
    if header.decoded < _LARGE:
        return to_face(_decoded(data, header), mended)
    with _ONE_AT_A_TIME:
        return to_face(_decoded(data, header), mended)


def _decoded(data: bytes, header: _Header) -> np.ndarray:
    """Pixels as OpenCV gives them, of a picture of bearable size, upright."""
    for kind, start, end, room in _ENDS:
        if data.startswith(start) and end not in data[-room:] and not _complete(data, kind):
            raise DataError(f"truncated {kind}")
    # OpenCV's own turning knows not all EXIF data, and none where it keeps transparency.
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
    if header.transparent:
        flags = cv2.IMREAD_UNCHANGED
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except Exception as error:  # cv2.error, and what else its parsers let through
        raise DataError("not a picture that can be read") from error
    if image is None:
        raise DataError("not a picture that can be read")
    return upright(np.asarray(image), header.turn)


def _announced(data: bytes) -> _Header:
    """What a picture's header says, without unpacking its pixels."""
    if data.startswith(_PNG):
        if data[12:16] != b"IHDR" or len(data) < 33:
            raise DataError("not a picture that can be read")
        width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
        _check_chunks(data, width, height)
        transparent = data[25] in (4, 6) or b"tRNS" in data
        channels = 1 if data[25] == 0 and not transparent else 4
        size = width * height * channels * (2 if data[24] == 16 else 1)
        return _Header(width, height, size, transparent, _png_turn(data) if b"eXIf" in data else 1)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            return _header_of(picture, data)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"more than {_MAX_SIDE} pixels per side") from error
    except Exception as error:  # a damaged header may raise anything
        raise DataError("not a picture that can be read") from error


def _check_chunks(data: bytes, width: int, height: int) -> None:
    """Refuse a PNG whose parts announce more than the file has: OpenCV takes memory for each.

    Raises:
        DataError: a chunk is longer than the rest of the file, or a frame than the picture.
    """
    at = len(_PNG)
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if size > len(data) - at - 12:
            raise DataError("truncated PNG")
        if kind == b"IEND":  # cameras and programs may write more after it
            return
        if kind == b"fcTL":
            frame = data[at + 12 : at + 20]
            if int.from_bytes(frame[:4]) > width or int.from_bytes(frame[4:]) > height:
                raise DataError("not a picture that can be read")
        at += 12 + size


def _header_of(picture: Any, data: bytes) -> _Header:
    width, height = picture.size
    pixels, depth = width * height, _BYTES.get(picture.mode, 4)
    if picture.format == "TIFF":  # a strip or tile is unpacked whole, and may have 16 bits
        tags = picture.tag_v2
        rows = tags.get(_TIFF_ROWS, height)
        tile = [tags.get(tag, 0) for tag in _TIFF_TILE]
        pixels = max(pixels, width * (rows if rows < 2**32 - 1 else height), tile[0] * tile[1])
        depth *= 2
    elif check_scans(picture, data) > 1 or "progressive" in picture.info:
        depth += _COEFFICIENTS
    transparent = picture.has_transparency_data
    return _Header(width, height, pixels * depth, transparent, orientation(picture))


def check_scans(picture: Any, data: bytes) -> int:
    """How many scans a JPEG has, 0 of other formats: each goes through all pixels, so many of them
    in a small file would take minutes.

    Args:
        picture: The file as Pillow opened it.
        data: Its bytes.

    Raises:
        DataError: there are more than programs write.
    """
    if picture.format not in ("JPEG", "MPO"):
        return 0
    scans = data.count(b"\xff\xda")
    if scans > _MOST_SCANS:
        raise DataError(f"a JPEG of more than {_MOST_SCANS} scans")
    return scans


def _png_turn(data: bytes) -> int:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            return orientation(picture)
    except Exception:  # OpenCV may read what Pillow does not
        return 1


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
        raise DataError(f"{width} x {height} pixels, more than {_MAX_SIDE} per side")


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
        mended["converted from color to gray"] += 1
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
