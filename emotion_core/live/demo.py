"""Moving drawn faces, so that the live page shows something on a machine without a camera."""

import math
from functools import lru_cache

import cv2
import numpy as np

from emotion_core.data.synthetic import draw_face
from emotion_core.labels import EMOTIONS

# People whose faces both detectors find nearly always: YuNet at least two of three at 94 % of the time.
_PEOPLE = ((77, 1), (77, 4), (77, 6))
_HOLD_SECONDS = 5.0  # each person's expression comes, stays and goes within this time
_LEVELS = 8  # steps in which an expression grows
_WARM = np.array([0.86, 0.97, 1.06])  # BGR tint that makes gray skin look less like a mask


class DemoStream:
    """Three people who drift about and change their expressions, the same at the same second.

    Args:
        size_wh: Size of a frame in pixels.
    """

    def __init__(self, size_wh: tuple[int, int] = (640, 480)) -> None:
        self.size_wh = size_wh
        width, height = size_wh
        glow = 1 - 0.35 * np.hypot(*np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j])
        self._background = (glow[..., None] * (112, 96, 84)).clip(0, 255).astype(np.uint8)

    def __call__(self, seconds: float) -> np.ndarray:
        """BGR uint8 ``(H, W, 3)`` at a time on any clock."""
        frame = self._background.copy()
        for index in range(len(_PEOPLE)):
            size, (x, y) = self._place(index, seconds)
            emotion, level = expression(index, seconds)
            face, cover = _portrait(index, emotion, level, size)
            _paste(frame, face, cover, round(x - size / 2), round(y - size / 2))
        return frame

    def _place(self, index: int, seconds: float) -> tuple[int, tuple[float, float]]:
        """Side in pixels and centre of a face."""
        width, height = self.size_wh
        side = round(height * (0.46, 0.4, 0.36)[index])
        phase = 2.1 * index
        x = width * (0.2 + 0.3 * index) + 0.04 * width * math.sin(0.7 * seconds + phase)
        y = height * (0.5 + 0.16 * math.sin(0.45 * seconds + 2 * phase))
        return side, (x, y)


def expression(index: int, seconds: float) -> tuple[str, int]:
    """A person's emotion and how far it is shown, ``0.._LEVELS``."""
    turn, share = divmod(seconds / _HOLD_SECONDS + index / len(_PEOPLE), 1)
    emotion = EMOTIONS[(int(turn) * 3 + 2 * index + 3) % len(EMOTIONS)]
    shown = min(1.0, 8 * share, 8 * (1 - share))
    return emotion, round(_LEVELS * shown)


@lru_cache(maxsize=256)
def _portrait(index: int, emotion: str, level: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A face, BGR uint8 ``(size, size, 3)``, and how far it covers what is behind, float32 0..1."""
    gray = draw_face(emotion, _PEOPLE[index], size, clean=True, intensity=1.1 * level / _LEVELS)
    outside = np.zeros((size + 2, size + 2), np.uint8)
    for corner in ((0, 0), (size - 1, 0), (0, size - 1), (size - 1, size - 1)):
        cv2.floodFill(gray, outside, corner, 0, 2, 2, cv2.FLOODFILL_MASK_ONLY | (255 << 8))
    cover = cv2.GaussianBlur(
        cv2.erode(255 - outside[1:-1, 1:-1], np.ones((3, 3), np.uint8)), (0, 0), 0.8
    )
    face = (gray[..., None] * _WARM).clip(0, 255).astype(np.uint8)
    return face, cover.astype(np.float32) / 255


def _paste(frame: np.ndarray, face: np.ndarray, cover: np.ndarray, left: int, top: int) -> None:
    """Lay a face over a frame, in place; what reaches beyond the edge is cut off."""
    height, width = frame.shape[:2]
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + face.shape[1], width), min(top + face.shape[0], height)
    if x1 >= x2 or y1 >= y2:
        return
    inner = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
    cover = cover[inner]
    frame[y1:y2, x1:x2] = cv2.blendLinear(face[inner], frame[y1:y2, x1:x2], cover, 1 - cover)
