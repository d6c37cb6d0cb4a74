"""Strokes of a drawn face: where brows, eyes and mouth of each expression are."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

_TURN = np.linspace(0, 2 * np.pi, 28, endpoint=False)


_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], 1)


_ACROSS = np.linspace(-1, 1, 11)


_RISE = np.sqrt(1 - _ACROSS**2 * 0.98)


_T = np.linspace(0, 1, 11)[:, None]


_START, _CONTROL, _END = (1 - _T) ** 2, 2 * _T * (1 - _T), _T**2


@dataclass(frozen=True)
class Expression:
    """Where brows, eyes and mouth are; lengths in half face heights, positive is up or open.

    Attributes:
        brow_raise: Brows above their rest.
        brow_slope: Inner end above the outer end; negative is a frown.
        brow_arch: Middle above the line between the ends.
        eye_open: Height of the eyes, 1 at rest.
        mouth_curve: Corners above the middle; negative is a frown.
        mouth_open: Height of the opening.
        mouth_width: Width, 1 at rest.
        lip_raise: One-sided lift of the upper lip.
        nose_wrinkle: Strength of the lines beside the nose, 0..1.
        teeth: Whether an open mouth shows teeth.
    """

    brow_raise: float = 0.0
    brow_slope: float = 0.0
    brow_arch: float = 0.03
    eye_open: float = 1.0
    mouth_curve: float = 0.0
    mouth_open: float = 0.0
    mouth_width: float = 1.0
    lip_raise: float = 0.0
    nose_wrinkle: float = 0.0
    teeth: bool = False


# After the prototypes of Ekman & Friesen's Facial Action Coding System (1978).
EXPRESSIONS: dict[str, Expression] = {
    "angry": Expression(brow_raise=-0.07, brow_slope=-0.17, brow_arch=0.0, eye_open=0.72, mouth_curve=-0.05, mouth_open=0.1, mouth_width=0.85, teeth=True),
    "disgust": Expression(brow_raise=-0.05, brow_slope=-0.05, eye_open=0.45, mouth_curve=-0.11, mouth_open=0.04, mouth_width=0.9, lip_raise=0.13, nose_wrinkle=1.0),
    "fear": Expression(brow_raise=0.1, brow_slope=0.1, brow_arch=-0.01, eye_open=1.5, mouth_curve=-0.04, mouth_open=0.13, mouth_width=1.15),
    "happy": Expression(brow_raise=0.02, brow_arch=0.05, eye_open=0.75, mouth_curve=0.17, mouth_open=0.13, mouth_width=1.3, teeth=True),
    "neutral": Expression(),
    "sad": Expression(brow_raise=0.02, brow_slope=0.16, brow_arch=0.0, eye_open=0.62, mouth_curve=-0.12, mouth_width=0.8),
    "surprise": Expression(brow_raise=0.17, brow_arch=0.09, eye_open=1.6, mouth_open=0.3, mouth_width=0.62),
}  # fmt: skip


class Cartoon:
    """One person's face; coordinates are half face heights, x right, y down, the centre at 0, 0."""

    def __init__(self, size: int, rng: np.random.Generator, clean: bool) -> None:
        self.rng, self.clean, self.size = rng, clean, size
        self.skin = int(rng.integers(95, 215))
        self.dark = int(self.skin * rng.uniform(0.15, 0.35))
        background = int(rng.integers(20, 235))
        if abs(background - self.skin) < 30:
            background = (background + 70) % 236
        self.image = np.full((size, size), background, np.uint8)
        tilt = 0.0 if clean else rng.normal(0, 6)
        scale = size * (0.5 if clean else rng.uniform(0.45, 0.56))
        shift = np.zeros(2) if clean else rng.normal(0, 0.025 * size, 2)
        cos, sin = math.cos(math.radians(tilt)) * scale, math.sin(math.radians(tilt)) * scale
        self.matrix = np.array([[cos, -sin], [sin, cos]])
        self.offset = np.array([size / 2, size / 2]) + shift
        self.turn = 0.0 if clean else rng.normal(0, 0.05)  # looking aside moves the features
        self.unit = scale

    def draw(self, expression: Expression) -> None:
        """Draw the person with an expression into ``image``."""
        rng = self.rng
        width = rng.uniform(0.7, 0.84)
        hair = int(rng.integers(10, 120))
        if rng.random() < 0.85:
            self._blob(0, -0.22, width * 1.13, 0.86, hair)
        self._blob(0, 0, width, 0.98, self.skin)
        if rng.random() < 0.7:
            self._fringe(width, hair, rng.uniform(-0.72, -0.5))
        self._nose(expression)
        for side in (-1, 1):
            self._eye(side, expression)
            self._brow(side, expression)
        self._mouth(expression)
        if rng.random() < 0.25:
            self._glasses()
        if not self.clean and rng.random() < 0.12:
            self._occlude()

    def _eye(self, side: int, expression: Expression) -> None:
        x, y = side * 0.32 + self.turn, -0.14
        height = 0.085 * expression.eye_open
        self._blob(x, y, 0.155, height, min(255, self.skin + 70))
        iris = 0.075
        gaze = self.turn * 0.4
        self._blob(x + gaze, y, iris, min(iris, height), self.dark)
        self._stroke(self._arc(x, y, 0.165, -height), self.dark, 0.022)
        if expression.mouth_curve > 0.1:  # a smile lifts the cheeks
            self._stroke(self._arc(x, y + 0.17, 0.13, -0.04), self._shade(0.75), 0.02)

    def _brow(self, side: int, expression: Expression) -> None:
        rest = -0.33 - expression.brow_raise
        inner = (side * 0.15 + self.turn, rest - expression.brow_slope)
        outer = (side * 0.5 + self.turn, rest + expression.brow_slope * 0.35)
        middle = (side * 0.34 + self.turn, (inner[1] + outer[1]) / 2 - expression.brow_arch)
        self._stroke(self._curve(inner, middle, outer), self.dark, 0.06)
        if expression.brow_slope < -0.1:
            x = side * 0.06 + self.turn
            self._stroke(np.array([[x, -0.42], [x, -0.26]]), self._shade(0.65), 0.022)

    def _nose(self, expression: Expression) -> None:
        x = self.turn * 1.6
        shade = self._shade(0.7)
        self._stroke(np.array([[x - 0.02, -0.05], [x - 0.07, 0.19], [x + 0.07, 0.2]]), shade, 0.024)
        if expression.nose_wrinkle:
            for side in (-1, 1):
                for step in range(2):
                    y = -0.06 + 0.08 * step
                    line = np.array([[x + side * 0.03, y - 0.05], [x + side * 0.14, y + 0.03]])
                    self._stroke(line, self._shade(0.5), 0.022)
                fold = np.array([[x + side * 0.13, 0.14], [x + side * 0.3, 0.4]])
                self._stroke(fold, self._shade(0.6), 0.022)

    def _mouth(self, expression: Expression) -> None:
        x, y = self.turn * 1.2, 0.47
        half = 0.3 * expression.mouth_width
        corner_left = (x - half, y - expression.mouth_curve)
        corner_right = (x + half, y - expression.mouth_curve - expression.lip_raise * 0.3)
        lift = expression.mouth_open / 2
        # A smile keeps its upper lip low between raised corners and opens downwards.
        top = (
            x + 0.06 * bool(expression.lip_raise),
            y - lift * 0.7 - expression.lip_raise + max(0.0, expression.mouth_curve) * 0.5,
        )
        bottom = (x, y + lift * 1.3 + max(0.0, expression.mouth_curve) * 0.9)
        if expression.mouth_curve < 0:
            top = (top[0], top[1] + expression.mouth_curve * 0.5)
            bottom = (bottom[0], bottom[1] + expression.mouth_curve * 0.4)
        upper = self._curve(corner_left, top, corner_right)
        lower = self._curve(corner_right, bottom, corner_left)
        if expression.mouth_open > 0.02:
            self._fill(np.concatenate([upper, lower]), self._shade(0.2))
            if expression.teeth:
                middle = (x, (top[1] + bottom[1]) / 2)
                teeth = self._curve(corner_right, middle, corner_left)
                self._fill(np.concatenate([upper, teeth]), 240)
        self._stroke(upper, self._shade(0.42), 0.045)
        self._stroke(lower, self._shade(0.5), 0.04)

    def _fringe(self, width: float, hair: int, line: float) -> None:
        top = self._arc(0, -0.35, width * 1.05, -0.75)
        edge = self._curve(
            (width, line + 0.1), (self.rng.uniform(-0.2, 0.2), line), (-width, line + 0.1)
        )
        self._fill(np.concatenate([top, edge]), hair)

    def _glasses(self) -> None:
        tone = int(self.rng.integers(0, 90))
        for side in (-1, 1):
            x = side * 0.32 + self.turn
            ring = self._oval(x, -0.13, 0.235, 0.2)
            self._stroke(np.concatenate([ring, ring[:1]]), tone, 0.03)
        self._stroke(np.array([[-0.09 + self.turn, -0.15], [0.09 + self.turn, -0.15]]), tone, 0.03)

    def _occlude(self) -> None:
        """A hand or scarf in front of one edge."""
        angle = self.rng.uniform(0, 2 * math.pi)
        self._blob(
            math.cos(angle) * 1.0,
            math.sin(angle) * 1.05,
            0.42,
            0.42,
            int(self.rng.integers(30, 220)),
        )

    def _shade(self, share: float) -> int:
        return int(self.skin * share)

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        # Four fractional bits keep slow movements smooth.
        found: np.ndarray = np.rint((points @ self.matrix.T + self.offset) * 16).astype(np.int32)
        return found

    def _stroke(self, points: np.ndarray, tone: int, width: float) -> None:
        thickness = max(1, round(width * self.unit))
        pixels = [self._pixels(points)]
        cv2.polylines(self.image, pixels, False, tone, thickness, cv2.LINE_AA, shift=4)

    def _fill(self, points: np.ndarray, tone: int) -> None:
        cv2.fillPoly(self.image, [self._pixels(points)], tone, cv2.LINE_AA, shift=4)

    def _blob(self, x: float, y: float, half_width: float, half_height: float, tone: int) -> None:
        self._fill(self._oval(x, y, half_width, half_height), tone)

    @staticmethod
    def _oval(x: float, y: float, half_width: float, half_height: float) -> np.ndarray:
        return _CIRCLE * (half_width, half_height) + (x, y)

    @staticmethod
    def _arc(x: float, y: float, half_width: float, height: float) -> np.ndarray:
        return np.stack([x + half_width * _ACROSS, y + height * _RISE], 1)

    @staticmethod
    def _curve(
        start: tuple[float, float], through: tuple[float, float], end: tuple[float, float]
    ) -> np.ndarray:
        """Quadratic curve through three points."""
        a, b, c = np.array(start), np.array(through), np.array(end)
        control = 2 * b - (a + c) / 2
        curve: np.ndarray = _START * a + _CONTROL * control + _END * c
        return curve
