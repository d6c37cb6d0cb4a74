"""Picture files that people bring, read safely: sizes, formats, depth, alpha, orientation."""

import io
import warnings

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from emotion_core.data.orientation import orientation, upright
from emotion_core.data.pictures import check_scans
from emotion_core.errors import ImageError, ImageSizeError

MAX_PIXELS = 80_000_000  # 240 MB when decoded; phones make 50 million
MAX_SIDE = 4_096  # larger pictures are shrunk to this: no face gets lost, and the rest is fast
# By name, because Pillow would run other programs for some of the formats it knows.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
SUFFIXES = ("jpg", "jpeg", "png", "webp", "avif", "gif", "bmp", "tif", "tiff", "ppm", "pgm")

# Pillow only warns of a picture that is much larger than ours may be: make that a refusal.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def read_image(
    data: bytes, name: str = "The picture", *, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Decode a picture of any size, depth and orientation.

    It is turned as its EXIF data says; alpha is laid over white; 16 bits become 8; an animation
    gives its first frame; more than ``MAX_SIDE`` pixels per side are shrunk to that.

    Args:
        data: The file's bytes.
        name: What error messages call it.
        max_pixels: The most that are read, at most ``MAX_PIXELS``.

    Returns:
        BGR uint8 ``(H, W, 3)``.

    Raises:
        ImageSizeError: it has more than ``max_pixels`` pixels, by its header: nothing is decoded.
        ImageError: it is no picture, or is damaged.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageSizeError(_too_large(name, max_pixels)) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a picture this version can read. Take one of: {', '.join(SUFFIXES)}."
        ) from error
    except Exception as error:  # each format's parser raises its own on a damaged header
        raise ImageError(_damaged(name, error)) from error
    if image.width * image.height > max_pixels:
        raise ImageSizeError(_too_large(name, max_pixels, image.size))
    try:
        check_scans(image, data)
        image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # a large JPEG can be decoded smaller at once
        rgb = upright(_to_rgb(image), orientation(image))
    except Exception as error:  # as above
        raise ImageError(_damaged(name, error)) from error
    scale = MAX_SIDE / max(rgb.shape[:2])
    if scale < 1:
        size_wh = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        rgb = np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(rgb[..., ::-1])


def shrinkage(data: bytes) -> float:
    """How many times larger a picture is than ``read_image`` gives it; 1 if it fits."""
    return max(1.0, max(Image.open(io.BytesIO(data), formats=FORMATS).size) / MAX_SIDE)


def _to_rgb(image: Image.Image) -> np.ndarray:
    """uint8 ``(H, W, 3)`` of an image in any of Pillow's modes."""
    if image.mode[:2] == "I;":  # gray of 16 bits
        gray = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)
    if image.mode[0] in "IF":  # gray of 32 bits or floating point
        values = np.nan_to_num(np.asarray(image).astype(np.float32), copy=False)
        low, high = float(values.min()), float(values.max())
        if low >= 0 and 255 < high <= 65535:
            low, high = 0.0, 65535.0
        values -= low
        values *= 255 / max(high - low, 1e-12)
        return np.repeat(np.rint(values, out=values).astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def _too_large(name: str, max_pixels: int, size_wh: tuple[int, int] | None = None) -> str:
    limit = f"{max_pixels / 1e6:g} megapixels"
    if size_wh is None:
        return f"{name} has far more than {limit}, the most this reads. Shrink it first."
    width, height = size_wh
    megapixels = width * height / 1e6
    return (
        f"{name} has {megapixels:,.0f} megapixels ({width} x {height}); the most this reads is "
        f"{limit}. Shrink it first."
    )


def _damaged(name: str, error: Exception) -> str:
    reason = str(error).rstrip(".") or type(error).__name__
    return f"{name} is damaged and cannot be read ({reason}). Save it again as JPEG or PNG."
