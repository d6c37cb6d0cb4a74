"""A video file played as if it were a camera: in real time, over and over, late frames dropped."""

import contextlib
import io
import math
import threading
import time
from collections.abc import Generator
from typing import Any

import av
import numpy as np

from emotion_core.errors import ImageError
from emotion_core.live.video_file import open_video, probe_video, shown_picture

_CLOCK_NOISE = 1e-3  # seconds
_LONGEST_DECODE = 0.1  # seconds that one call may spend on frames that are late


class VideoPlayback:
    """Frames of a video file by the clock. Call it from one thread; ``close`` from any.

    Args:
        data: The file; it stays in memory and is not written anywhere.
        name: What error messages call it.

    Raises:
        ImageError: it is no video that can be read.
    """

    def __init__(self, data: bytes, name: str = "The video") -> None:
        self.name = name
        self._data = data
        self.info = probe_video(io.BytesIO(data), name)
        self._lock = threading.Lock()
        self._frames = self._decode()
        self._next: tuple[float, Any] | None = None  # time and frame that are not due yet
        self._picture: np.ndarray | None = None
        self._started = self._end = -math.inf

    def __call__(self, seconds: float) -> np.ndarray:
        """BGR uint8 ``(H, W, 3)`` at a time on any clock; a new array each time.

        Raises:
            ImageError: no frame can be decoded.
        """
        with self._lock:
            return self._at(seconds)

    def close(self) -> None:
        """End the decoder with its threads; the next call plays from the beginning."""
        with self._lock:
            self._frames.close()
            self._next, self._end = None, -math.inf

    def _at(self, seconds: float) -> np.ndarray:
        if self._next is None and seconds - self._started >= self._end - _CLOCK_NOISE:
            self._started, self._frames = seconds, self._decode()
            self._next = next(self._frames, None)
        before, newest = time.monotonic(), None
        while self._next is not None and self._next[0] <= seconds - self._started + _CLOCK_NOISE:
            position, newest = self._next
            self._next = next(self._frames, None)
            self._end = position + 1 / (self.info.fps or 25)
            if time.monotonic() - before > _LONGEST_DECODE:
                # Slower than the clock: play slowly, as catching up would take ever longer.
                self._started = seconds - position
        if newest is not None:
            self._picture, _ = shown_picture(newest, self.info)
        if self._picture is None:
            raise ImageError(f"{self.name} has no frame that can be decoded.")
        return self._picture.copy()

    def _decode(self) -> Generator[tuple[float, Any], None, None]:
        # What is good up to a fault is played.
        ignore = contextlib.suppress(av.error.FFmpegError, ImageError)
        with open_video(io.BytesIO(self._data), self.name) as video, ignore:
            yield from video.frames()
