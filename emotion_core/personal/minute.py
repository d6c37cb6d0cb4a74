"""The guided minute: what to show at what second, and which faces belong to which take.

A resting face comes first for five seconds, then each expression for three; after that the same again
for three seconds each. The whole second round is held out, so that a profile is judged by takes that
lie half a minute from those that it has learned. Nothing here knows a camera, a page or a disk.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from emotion_core.labels import EMOTIONS
from emotion_core.personal.diagnose import View
from emotion_core.personal.takes import LEAST_FRAMES, Takes

MOST_FRAMES = 15  # of a take: neighbouring frames show the same
PACE = "EMOTION_MINUTE_PACE"  # for tests: a factor of all its seconds, 0.05 to 1
NOBODY, SEVERAL = "No face is in view.", "Only your own face may be in view."
_ORDER = ("neutral", "happy", "surprise", "sad", "angry", "fear", "disgust")
_FIRST, _OTHERS = 5.0, 3.0  # seconds
_READY = {1: 2.0, 2: 1.5}  # before a take; the second time one knows what comes
_SETTLE = 0.5  # of a take, until the face has taken its expression
_LONGEST_STEP = 0.5  # a longer pause between frames is no time that somebody has shown something

# What to do with the face: the main action units of each expression in Ekman & Friesen's Facial
# Action Coding System (1978), in plain words.
HOW = {
    "neutral": "Relax your face and look into the camera.",
    "happy": "Smile so that your cheeks rise.",
    "surprise": "Raise your brows, open eyes and mouth wide.",
    "sad": "Raise the inner ends of your brows, pull down the corners of your mouth.",
    "angry": "Pull your brows down and together, press or bare your teeth.",
    "fear": "Raise your brows and pull them together, widen eyes and mouth.",
    "disgust": "Wrinkle your nose and raise your upper lip.",
}


class Kind(StrEnum):
    """What the person does at a moment."""

    READY = "get ready"
    SHOW = "show"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Part:
    """One take of one expression.

    Attributes:
        label: Index of the expression.
        take: 1 to learn from, 2 held out.
        seconds: How long it is shown.
    """

    label: int
    take: int
    seconds: float


@dataclass(frozen=True)
class Stage:
    """The minute at one moment.

    Attributes:
        kind: What to do now.
        emotion: Which expression; empty once it is over.
        take: 1 or 2.
        left: Seconds until the next stage, while a face is in view.
        number: Of this part, from 1.
        count: Of all parts.
        waiting: Why the clock stands still; empty while it runs.
    """

    kind: Kind
    emotion: str = ""
    take: int = 0
    left: float = 0.0
    number: int = 0
    count: int = 0
    waiting: str = ""

    @property
    def can_skip(self) -> bool:
        """Whether this expression may be left out; a profile needs the resting face."""
        return self.emotion not in ("", "neutral")


class GuidedMinute:
    """The sequence of takes with a clock that runs while one face alone is in view.

    ``see`` is called for each frame, all else from any thread. Faces stay in memory and are let go
    when it is stopped.

    Args:
        clock: Seconds that never run backwards.
        pace: Factor of all its seconds; below 1 it is faster.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, pace: float | None = None
    ) -> None:
        self._clock, self._pace = clock, pace_of_environment() if pace is None else pace
        self._lock = threading.Lock()
        self._parts = [
            Part(EMOTIONS.index(name), take, _FIRST if (at, take) == (0, 1) else _OTHERS)
            for take in (1, 2)
            for at, name in enumerate(_ORDER)
        ]
        self._at, self._kind = 0, Kind.READY
        self._passed = 0.0  # of the present stage
        self._before: float | None = None
        self._waiting = ""
        self._faces: dict[tuple[int, int], list[np.ndarray]] = {}
        self._views: list[View] = []

    @property
    def seconds(self) -> float:
        """How long all of it takes, at the least."""
        return self._pace * sum(part.seconds + _READY[part.take] for part in self._parts)

    def see(self, face: np.ndarray | None, view: View | None = None, why: str = NOBODY) -> None:
        """Take what a frame shows.

        Args:
            face: uint8 ``(48, 48)`` of the only face in view; None if there is none or several.
            view: How it was seen.
            why: What to say where ``face`` is None.
        """
        now = self._clock()
        with self._lock:
            step = 0.0 if self._before is None else now - self._before
            self._before = now
            if self._kind in (Kind.DONE, Kind.STOPPED):
                return
            self._waiting = "" if face is not None else why
            if face is None:
                return
            self._passed += min(step, _LONGEST_STEP)
            if self._kind is Kind.SHOW:
                self._keep(face, view)
            self._advance()

    def skip(self) -> bool:
        """Leave the present expression out, both of its takes; whether that was possible."""
        with self._lock:
            if not self._stage().can_skip:
                return False
            label = self._parts[self._at].label
            self._at = sum(part.label != label for part in self._parts[: self._at])
            self._parts = [part for part in self._parts if part.label != label]
            self._faces = {key: faces for key, faces in self._faces.items() if key[0] != label}
            self._begin()
            return True

    def stop(self) -> None:
        """End it before its time; what it has seen is let go. Nothing happens once it is done."""
        with self._lock:
            if self._kind is not Kind.DONE:
                self._kind = Kind.STOPPED
                self._faces, self._views = {}, []

    def stage(self) -> Stage:
        """The present moment."""
        with self._lock:
            return self._stage()

    def takes(self) -> Takes:
        """The faces of each take so far, ``(n, 48, 48)`` uint8 with n at most ``MOST_FRAMES``."""
        with self._lock:
            return {key: np.stack(faces) for key, faces in self._faces.items() if faces}

    def view(self) -> View:
        """How the faces were seen, as medians."""
        with self._lock:
            seen = [(item.size, item.tilt, item.turn) for item in self._views]
        return View(*np.median(seen, axis=0).tolist()) if seen else View()

    def _stage(self) -> Stage:
        if self._kind in (Kind.DONE, Kind.STOPPED):
            return Stage(self._kind, count=len(self._parts))
        part = self._parts[self._at]
        left = max(0.0, self._length() - self._passed)
        return Stage(
            *(self._kind, EMOTIONS[part.label], part.take, left),
            *(self._at + 1, len(self._parts), self._waiting),
        )

    def _length(self) -> float:
        part = self._parts[self._at]
        return self._pace * (part.seconds if self._kind is Kind.SHOW else _READY[part.take])

    def _keep(self, face: np.ndarray, view: View | None) -> None:
        part = self._parts[self._at]
        kept = self._faces.setdefault((part.label, part.take), [])
        settle = self._pace * _SETTLE
        due = settle + len(kept) * (self._length() - settle) / MOST_FRAMES
        if self._passed >= due and len(kept) < MOST_FRAMES:
            kept.append(face)
            if view is not None:
                self._views.append(view)

    def _advance(self) -> None:
        part = self._parts[self._at]
        if self._passed < self._length():
            return
        if self._kind is Kind.READY:
            self._kind, self._passed = Kind.SHOW, 0.0
        elif len(self._faces.get((part.label, part.take), [])) >= LEAST_FRAMES:
            self._at += 1
            self._begin()

    def _begin(self) -> None:
        self._passed = 0.0
        self._kind = Kind.READY if self._at < len(self._parts) else Kind.DONE


def pace_of_environment() -> float:
    """Factor of all seconds that ``EMOTION_MINUTE_PACE`` sets for tests; 1 without it."""
    try:
        return min(1.0, max(0.05, float(os.environ.get(PACE, "") or 1.0)))
    except ValueError:
        return 1.0
