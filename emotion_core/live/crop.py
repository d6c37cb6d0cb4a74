"""Cut a found face out as FER-2013's faces are cut."""

from dataclasses import dataclass

import cv2
import cv2.data
import numpy as np

from emotion_core.data.faces import FACE_SIZE
from emotion_core.live.detect import Detection


@dataclass(frozen=True)
class Framing:
    """How FER-2013's crop lies to a detector's box.

    Attributes:
        margin: Side of the square crop as a share of ``sqrt(width * height)`` of the box.
        lower: How far its centre lies below the box's centre, as a share of the side.
        level_from: Degrees of tilt beyond which the face is turned upright by its eyes.
    """

    margin: float
    lower: float
    level_from: float = 0.0


def crop_face(
    frame: np.ndarray,
    detection: Detection,
    kind: str,
    *,
    framing: Framing | None = None,
    size: int = FACE_SIZE,
) -> np.ndarray:
    """Cut a face out as FER-2013's faces are cut, upright.

    Args:
        frame: BGR uint8 ``(H, W, 3)`` or gray uint8 ``(H, W)``.
        detection: The face; its box may reach beyond the frame, whose edge is then repeated.
        kind: The detector's ``kind``, because each draws its boxes differently.
        framing: Instead of the detector's own in ``FRAMING``.
        size: Side of the crop in pixels.

    Returns:
        Gray uint8 ``(size, size)``.
    """
    left, top, right, bottom = (float(value) for value in detection.box_xyxy)
    framing = framing or FRAMING[kind]
    side = framing.margin * float(np.sqrt(max(right - left, 1.0) * max(bottom - top, 1.0)))
    down = np.radians(90 * detection.turn)  # where the chin is
    centre = (
        (left + right) / 2 - framing.lower * side * float(np.sin(down)),
        (top + bottom) / 2 + framing.lower * side * float(np.cos(down)),
    )
    angle = detection.upright_degrees
    if abs(angle - 90 * detection.turn) <= framing.level_from:
        patch = np.rot90(_square(frame, centre, side), detection.turn)
    else:
        pixels = max(size, round(side))
        matrix = cv2.getRotationMatrix2D(centre, angle, pixels / side)
        matrix = matrix + np.array([[0, 0, pixels / 2 - centre[0]], [0, 0, pixels / 2 - centre[1]]])
        patch = cv2.warpAffine(frame, matrix, (pixels, pixels), borderMode=cv2.BORDER_REPLICATE)
    if patch.ndim == 3:
        patch = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY)
    method = cv2.INTER_AREA if patch.shape[0] > size else cv2.INTER_LINEAR
    face: np.ndarray = cv2.resize(patch, (size, size), interpolation=method)
    return face


# Fitted by ``bench detection``; docs/live.md has the curves, also of turning faces upright.
FRAMING = {"yunet": Framing(1.0, 0.0), "haar": Framing(1.0, 0.0)}


def _square(frame: np.ndarray, centre: tuple[float, float], side: float) -> np.ndarray:
    pixels = max(2, round(side))
    left, top = round(centre[0] - side / 2), round(centre[1] - side / 2)
    height, width = frame.shape[:2]
    inside = frame[
        min(max(top, 0), height - 1) : max(min(top + pixels, height), 1),
        min(max(left, 0), width - 1) : max(min(left + pixels, width), 1),
    ]
    if inside.shape[0] == pixels and inside.shape[1] == pixels:
        return inside
    padded: np.ndarray = cv2.copyMakeBorder(
        inside,
        max(0, min(-top, pixels - 1)),
        max(0, min(top + pixels - height, pixels - 1)),
        max(0, min(-left, pixels - 1)),
        max(0, min(left + pixels - width, pixels - 1)),
        cv2.BORDER_REPLICATE,
    )
    return padded
