"""A video file played as if it were a camera: in real time, over and over, late frames dropped."""

import io
import time
from collections.abc import Iterator

import av
import numpy as np

from emotion_core.errors import ImageError
from emotion_core.live.videos import MAX_SIDE, probe_video

_CLOCK_NOISE = 1e-3  # seconds
_LONGEST_DECODE = 0.1  # seconds that one call may spend on frames that are late


class VideoPlayback:
    """Frames of a video file by the clock. Call it from one thread.

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
        self._frames: Iterator[tuple[float, np.ndarray | None]] = iter(())
        self._frame: np.ndarray | None = None
        self._position = 0.0
        self._started: float | None = None
        self._due = 0.0

    def __call__(self, seconds: float) -> np.ndarray:
        """BGR uint8 ``(H, W, 3)`` at a time on any clock; a new array each time.

        Raises:
            ImageError: no frame can be decoded.
        """
        if self._started is None:
            self._restart(seconds)
        assert self._started is not None
        self._due, before = seconds - self._started, time.monotonic()
        while self._frame is None or self._position < self._due - _CLOCK_NOISE:
            following = next(self._frames, None)
            if following is None:
                if self._frame is None:
                    raise ImageError(f"{self.name} has no frame that can be decoded.")
                self._restart(seconds)
                return self._frame.copy()
            self._position, frame = following
            if frame is not None:
                self._frame = frame
                if time.monotonic() - before > _LONGEST_DECODE:
                    # Slower than the clock: play slowly, as catching up would take ever longer.
                    self._started = seconds - self._position
                    break
        return self._frame.copy()

    def _restart(self, seconds: float) -> None:
        self._started, self._position, self._due = seconds, -1.0, 0.0
        self._frames = self._decode()

    def _decode(self) -> Iterator[tuple[float, np.ndarray | None]]:
        """Time from the start and picture; None instead of pictures that are late already."""
        first: float | None = None
        with av.open(io.BytesIO(self._data), "r", metadata_errors="replace") as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or 25)
            try:
                for index, frame in enumerate(container.decode(stream)):
                    moment = frame.time if frame.time is not None else index / rate
                    first = moment if first is None else first
                    position = moment - first
                    late = first != moment and position < self._due - 1 / rate
                    # Every tenth is shown even so, lest a slow decoder shows none at all.
                    yield position, None if late and index % 10 else _upright(frame)
            except av.error.FFmpegError:
                return  # damaged from here on: play what is good


def _upright(frame: av.VideoFrame) -> np.ndarray:
    scale = min(1.0, MAX_SIDE / max(frame.width, frame.height))
    width, height = round(frame.width * scale), round(frame.height * scale)
    image = frame.to_ndarray(format="bgr24", width=width, height=height)
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90) % 4))
