"""What makes a face hard to use: too small, too dark or bright, blurred, or blank."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# Limits below which a picture of one's own is refused. FER-2013's own faces are gray web pictures
# of 48 pixels: of its training faces fewer than one in fifty fall below any of them.
LEAST_SIZE = 40.0  # pixels of the face's box
LEAST_LIGHT, MOST_LIGHT = 25.0, 235.0  # mean gray level of 0..255
LEAST_SHARPNESS = 0.06  # see ``Quality``
LEAST_CONTRAST = 6.0  # standard deviation of the gray levels


@dataclass(frozen=True)
class Quality:
    """How usable a face is.

    Attributes:
        size: Shorter side of the face's box in the picture, in pixels; 48 where nobody knows.
        sharpness: Deviation of the Laplacian as a share of the deviation of the pixels, both of the
            48 x 48 face: low for a blurred face, whatever its light.
        light: Mean gray level, 0..255.
        contrast: Standard deviation of the gray levels.
    """

    size: float
    sharpness: float
    light: float
    contrast: float

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in the order of importance; none for a usable face."""
        found = (
            ("blank", self.contrast < LEAST_CONTRAST),
            ("too small", self.size < LEAST_SIZE),
            ("too dark", self.light < LEAST_LIGHT),
            ("too bright", self.light > MOST_LIGHT),
            ("blurred", self.contrast >= LEAST_CONTRAST and self.sharpness < LEAST_SHARPNESS),
        )
        return tuple(name for name, holds in found if holds)


def quality_of(faces: np.ndarray, sizes: Sequence[float] | None = None) -> list[Quality]:
    """Quality of each face.

    Args:
        faces: ``(n, 48, 48)`` uint8.
        sizes: Shorter sides of their boxes in pixels; by default 48 each.
    """
    found = []
    for at, face in enumerate(faces):
        deviation = float(face.std())
        edges = float(cv2.Laplacian(np.ascontiguousarray(face), cv2.CV_32F).std())
        size = float(sizes[at]) if sizes is not None else 48.0
        found.append(Quality(size, edges / max(deviation, 1e-6), float(face.mean()), deviation))
    return found
