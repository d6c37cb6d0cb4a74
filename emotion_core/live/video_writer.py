"""Video for browsers: an annotated copy in memory, or a recording on disk that survives a crash."""

import contextlib
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

SUFFIX, MIME = "webm", "video/webm"
_CLOCK = 1_000  # ticks per second: the copy keeps each frame's own time
# VP9 by libvpx (BSD licence) in WebM: all current browsers play it. FFmpeg's H.264 encoder is under
# the GPL, takes half as long again, and makes files of more than twice the size (docs/live.md).
_CODEC = "libvpx-vp9"
_OPTIONS = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "32", "b": "0"}
_KEY_SECONDS = 2  # between the frames that a player can jump to
# A file on disk gets a part (cluster) every quarter of a second, and the encoder keeps no frame
# back: what a killed process leaves plays up to its last second.
_AT_ONCE = {"lag-in-frames": "0", "auto-alt-ref": "0"}
_IN_PARTS = {"cluster_time_limit": "250", "flush_packets": "1"}


class VideoWriter:
    """VP9 in WebM; its size is that of the first frame.

    Args:
        fps: Frames per second that will be written, about.
        path: Where to; None keeps it in memory.

    Attributes:
        problem: Why there is no copy; empty if there is one.
    """

    def __init__(self, fps: float, path: Path | None = None) -> None:
        self.problem = ""
        self._file = io.BytesIO()
        self._options = _OPTIONS if path is None else _OPTIONS | _AT_ONCE
        self._container = av.open(
            self._file if path is None else str(path),
            "w",
            format=SUFFIX,
            options={} if path is None else _IN_PARTS,
        )
        self._rate = Fraction(fps).limit_denominator(1_000)
        self._stream: Any = None

    @classmethod
    @contextlib.contextmanager
    def open(cls, fps: float, path: Path | None = None) -> "Iterator[VideoWriter]":
        """``data``, or the file, is whole afterwards."""
        writer = cls(fps, path)
        try:
            yield writer
            with writer._noting():
                if writer._stream is not None:
                    writer._container.mux(writer._stream.encode(None))
        finally:
            with writer._noting():
                writer._container.close()

    @property
    def data(self) -> bytes | None:
        """The file in memory; None if it could not be written."""
        return None if self.problem else self._file.getvalue()

    def write(self, frame: np.ndarray, time: float) -> None:
        """Add a frame; what the encoder refuses is told in ``problem``, and ends the copy.

        Args:
            frame: BGR uint8 ``(H, W, 3)`` of even sides.
            time: Seconds from the start, larger than before.
        """
        if self.problem:
            return
        height, width = frame.shape[:2]
        picture = av.VideoFrame.from_ndarray(frame, format="bgr24")
        with self._noting():
            if self._stream is None:
                self._stream = self._add_stream(width, height)
            if (width, height) != (self._stream.width, self._stream.height):  # changed midway
                picture = picture.reformat(self._stream.width, self._stream.height)
            picture.pts, picture.time_base = round(time * _CLOCK), Fraction(1, _CLOCK)
            self._container.mux(self._stream.encode(picture))

    def _add_stream(self, width: int, height: int) -> Any:
        stream: Any = self._container.add_stream(_CODEC, rate=self._rate)
        stream.width, stream.height = width, height
        stream.pix_fmt, stream.options = "yuv420p", self._options
        stream.codec_context.time_base = Fraction(1, _CLOCK)
        stream.codec_context.gop_size = max(1, round(_KEY_SECONDS * self._rate))
        return stream

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self.problem = self.problem or f"The video cannot be written ({reason})."
