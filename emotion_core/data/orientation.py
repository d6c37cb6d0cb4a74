"""How a camera was held, as EXIF data say: one reading for data sets and for photos."""

import numpy as np
from PIL import Image

_TAG = 0x0112


def orientation(image: Image.Image) -> int:
    """The turn that remains to be done after decoding, 1 (none) to 8; faulty data say nothing.

    Pillow and OpenCV turn a TIFF themselves, so that 1 remains for every TIFF.
    """
    if image.format == "TIFF":
        return 1
    try:
        found = image.getexif().get(_TAG, 1)
    except Exception:  # its parser raises whatever it stumbles over
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def upright(pixels: np.ndarray, turn: int) -> np.ndarray:
    """Pixels ``(H, W)`` or ``(H, W, C)`` turned by an ``orientation``; a view where that suffices."""
    if turn >= 5:
        pixels = pixels.swapaxes(0, 1)
    if turn in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if turn in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
