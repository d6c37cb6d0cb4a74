"""Highlights of a session: a small picture per second in memory, and the three moments they show.

Nothing is kept unless a ``SecondPictures`` follows the stream, and nothing is written to disk.
"""

import threading
from collections.abc import Callable, Container
from dataclasses import dataclass
from itertools import groupby, pairwise

import cv2
import numpy as np

from emotion_core.labels import EMOTIONS
from emotion_core.live.results import FrameResult
from emotion_core.live.session import KEPT_SECONDS
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.live.summary import Second

SIDE = 160  # pixels of a picture
_MARGIN = 0.25  # of the box on each side
_LEAST_STRETCH = 2  # seconds
_LEAST_CHANGE = 0.3  # of the probability


@dataclass(frozen=True)
class Highlight:
    """A moment of the largest face.

    Attributes:
        title: What it stands out by.
        words: What was seen.
        second: Counted from the session's first frame; that of the picture.
    """

    title: str
    words: str
    second: int


class SecondPictures:
    """A stream's tap that keeps one picture of the largest face per second, the clearest.

    Args:
        began: When the stream's present session began, on the clock of ``take``; None before it.
    """

    def __init__(self, began: Callable[[], float | None]) -> None:
        self._began = began
        self._lock = threading.Lock()
        self._pictures: dict[int, tuple[float, bytes]] = {}
        self._session: float | None = None

    def take(self, image: np.ndarray, result: FrameResult, time: float) -> None:
        """One frame: BGR uint8 ``(H, W, 3)`` and its result."""
        began = self._began()
        if began is None or not result.faces:
            return
        second, confidence = int(time - began), result.faces[0].confidence
        with self._lock:
            if began != self._session:
                self._session = began
                self._pictures.clear()
            before = self._pictures.get(second)
        if before is not None and before[0] >= confidence:
            return
        picture = _picture(image, result.faces[0].box_xyxy)
        with self._lock:
            self._pictures[second] = (confidence, picture)
            while len(self._pictures) > KEPT_SECONDS:
                del self._pictures[next(iter(self._pictures))]

    def marked(self, number: int, time: float, note: str) -> None:
        """Marks need no picture of their own."""

    def end(self) -> None:
        """The pictures stay until the next session, or ``forget``."""

    def seconds(self) -> frozenset[int]:
        """Seconds that have a picture."""
        with self._lock:
            return frozenset(self._pictures)

    def jpeg(self, second: int) -> bytes:
        """The picture of a second.

        Raises:
            KeyError: it has none.
        """
        with self._lock:
            return self._pictures[second][1]

    def forget(self) -> None:
        """Drop all pictures now."""
        with self._lock:
            self._pictures.clear()


def highlights(seconds: list[Second], pictured: Container[int]) -> list[Highlight]:
    """The strongest expression, the longest stretch and the greatest change, where there are such.

    Args:
        seconds: Of one face, in order of time, as ``Session.largest``.
        pictured: Seconds that have a picture; others are left out.
    """
    shown = [item for item in seconds if item.second in pictured]
    found = (_strongest(shown), _longest(shown), _greatest_change(shown))
    return [item for item in found if item is not None]


def _strength(item: Second) -> float:
    return float(item.probs[EMOTIONS.index(item.emotion)])


def _strongest(seconds: list[Second]) -> Highlight | None:
    named = [item for item in seconds if item.emotion not in (UNCERTAIN, "neutral")]
    if not named:
        return None
    best = max(named, key=_strength)
    words = f"{best.emotion}, {100 * _strength(best):.0f} %"
    return Highlight("Strongest expression", words, best.second)


def _longest(seconds: list[Second]) -> Highlight | None:
    """A stretch ends where the expression changes and where the face is out of sight."""
    named = [item for item in seconds if item.emotion != UNCERTAIN]
    numbered = enumerate(named)
    stretches = [
        [item for _, item in group]
        for _, group in groupby(numbered, lambda pair: (pair[1].emotion, pair[1].second - pair[0]))
    ]
    longest = max(stretches, key=len, default=[])
    if len(longest) < _LEAST_STRETCH:
        return None
    best = max(longest, key=_strength)
    return Highlight("Longest stretch", f"{best.emotion}, {len(longest)} s", best.second)


def _greatest_change(seconds: list[Second]) -> Highlight | None:
    """Total variation distance between the probabilities of two seconds that follow each other."""
    pairs = [(a, b) for a, b in pairwise(seconds) if b.second == a.second + 1]
    moved = [float(np.abs(b.probs - a.probs).sum() / 2) for a, b in pairs]
    if not moved or max(moved) < _LEAST_CHANGE:
        return None
    a, b = pairs[int(np.argmax(moved))]
    return Highlight("Greatest change", f"{a.emotion} to {b.emotion}", b.second)


def _picture(image: np.ndarray, box_xyxy: np.ndarray) -> bytes:
    """The face with some of its surroundings as JPEG, square."""
    x1, y1, x2, y2 = (float(value) for value in box_xyxy)
    side = max(x2 - x1, y2 - y1) * (1 + 2 * _MARGIN)
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    scale = SIDE / max(side, 1.0)
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    square = cv2.warpAffine(
        image, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    _, data = cv2.imencode(".jpg", square, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return bytes(data)
