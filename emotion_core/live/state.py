"""What a page may know of a stream at one moment."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emotion_core.live.results import FrameResult


@dataclass(frozen=True)
class LiveState:
    """A stream at one moment.

    Attributes:
        running: Frames are arriving.
        frames: Frames worked on since START.
        failed: Frames that raised an error and were skipped.
        fps: Frames worked on a second.
        latency_ms: From a frame's arrival to its picture, waiting included; median of late.
        longest_gap: Most seconds between two pictures, of the last 200.
        result: Of the newest frame.
        hint: What the person before the camera could do better; empty if nothing.
        problem: Why the stream was stopped; empty if it was not.
        ended: All this is of a session that is over; the next one has no frame yet.
    """

    running: bool = False
    frames: int = 0
    failed: int = 0
    fps: float = 0.0
    latency_ms: float = 0.0
    longest_gap: float = 0.0
    result: FrameResult | None = None
    hint: str = ""
    problem: str = ""
    ended: bool = False


class Tap(Protocol):
    """Follows a stream on its media thread; no method may wait or raise."""

    def take(self, image: np.ndarray, result: FrameResult, time: float) -> None:
        """One frame: BGR uint8 ``(H, W, 3)``, only to be read during the call, and its result."""

    def marked(self, number: int, time: float, note: str) -> None:
        """A person marked a moment, on the clock of ``take``, or wrote its note; on any thread."""

    def end(self) -> None:
        """The stream ended; the next frame begins a new session."""
