"""Faces as text that a page can hold."""

import base64

import cv2
import numpy as np


def data_uri(image: np.ndarray, *, jpeg: int = 0) -> str:
    """A picture as a ``data:`` address.

    Args:
        image: ``(H, W)`` uint8 gray, or ``(H, W, 3)`` uint8 RGB.
        jpeg: Quality 1 to 100 of a JPEG; 0 makes a PNG.
    """
    kind, options = ("jpeg", [cv2.IMWRITE_JPEG_QUALITY, jpeg]) if jpeg else ("png", [])
    stored = np.ascontiguousarray(image if image.ndim == 2 else image[..., ::-1])
    _, data = cv2.imencode(f".{kind}", stored, options)
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"
