"""A video file opened safely: which stream is the film, its frames in time, as a player shows them."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np

from emotion_core.errors import ImageError

MAX_SIDE = 1_280  # frames are shrunk to this before faces are sought
MAX_PIXELS = 40_000_000  # of one frame; 8K video has 33 million
MAX_GAP = 3_600.0  # seconds between two frames
SUFFIXES = ("mp4", "mov", "m4v", "avi", "mkv", "webm", "mpg", "mpeg")
# By name, because FFmpeg would open other files that some of the formats it knows only list.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo,mpegts"

Source = Path | io.BytesIO


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself.

    Attributes:
        width, height: Pixels of a stored frame, before it is turned or widened.
        fps: Frames per second, 0 if it does not say.
        seconds: Length, 0 if it does not say.
        aspect: Width of a stored pixel as a share of its height.
    """

    width: int
    height: int
    fps: float
    seconds: float
    aspect: float = 1.0


@dataclass(frozen=True)
class VideoFile:
    """A video that is open.

    Attributes:
        name: What error messages call it.
        info: What it says about itself.
    """

    name: str
    info: VideoInfo
    _container: Any = field(repr=False)
    _stream: Any = field(repr=False)

    def frames(self) -> Iterator[tuple[float, Any]]:
        """The frames, each with its seconds from the first one.

        Raises:
            ImageError: a frame is too large, or comes hours after the one before.
            av.error.FFmpegError: the file is damaged from here on.
        """
        rate = float(self._stream.average_rate or 25)
        start = last = None
        for index, frame in enumerate(self._decoded()):
            moment = frame.time if frame.time is not None else index / rate
            start = moment if start is None else start
            if last is not None and moment - last > MAX_GAP:
                raise ImageError(
                    f"{self.name} has a gap of {(moment - last) / 3600:,.1f} hours between two "
                    f"frames; the most this reads is {MAX_GAP / 3600:.0f}. Cut it there."
                )
            last = moment
            yield moment - start, frame

    def _decoded(self) -> Iterator[Any]:
        try:
            for frame in self._container.decode(self._stream):
                _check_size(self.name, frame.width, frame.height)
                yield frame
        except av.error.ArgumentError as error:
            # The decoder itself refuses larger frames than we allow, and forgets its size then.
            if self._stream.codec_context.width:
                raise
            raise ImageError(
                f"{self.name} has a frame of more than {MAX_PIXELS // 1_000_000} megapixels, the "
                "most this reads. Make it smaller, or cut it before that frame."
            ) from error


def probe_video(source: Source, name: str = "The video") -> VideoInfo:
    """Read the header of a file, on disk or in memory.

    Raises:
        ImageError: it is no video, has no film, is of an unknown codec, or its frames are too large.
    """
    with open_video(source, name) as video:
        return video.info


@contextlib.contextmanager
def open_video(source: Source, name: str) -> Iterator[VideoFile]:
    """A video with a film of a bearable size.

    Raises:
        ImageError: as ``probe_video``.
    """
    options = {"format_whitelist": _FORMATS}
    try:
        container = av.open(source, "r", metadata_errors="replace", options=options)
    except (av.error.FFmpegError, OSError) as error:
        raise ImageError(
            f"{name} is not a video that can be read ({error.strerror}). Take one of: "
            f"{', '.join(SUFFIXES)}."
        ) from error
    with container:
        stream = _film(container, name)
        context = stream.codec_context
        if context is None:
            raise ImageError(
                f"{name} is in a format of video that this version does not know. Save it as H.264, "
                "VP9 or AV1."
            )
        if not context.width or not context.height:
            raise ImageError(f"{name} does not say how large its frames are; it is damaged.")
        _check_size(name, context.width, context.height)
        context.options = {"max_pixels": str(MAX_PIXELS)}  # later frames may be larger
        stream.thread_type = "AUTO"
        seconds = 0.0
        if stream.duration and stream.time_base:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration:
            seconds = container.duration / av.time_base
        info = VideoInfo(
            context.width,
            context.height,
            float(stream.average_rate or 0),
            seconds,
            float(stream.sample_aspect_ratio or 1),
        )
        yield VideoFile(name, info, container, stream)


def shown_picture(frame: Any, info: VideoInfo) -> tuple[np.ndarray, float]:
    """A frame as a player shows it: with square pixels, turned, and mirrored where it says so.

    Returns:
        BGR uint8 ``(H, W, 3)``, at most ``MAX_SIDE`` long, its sides even as video codecs want
        them; and its scale to the picture's own size, at most 1.
    """
    width = frame.width * info.aspect
    scale = min(1.0, MAX_SIDE / max(width, frame.height))
    size = {"width": max(2, round(width * scale)), "height": max(2, round(frame.height * scale))}
    image = _as_displayed(frame.to_ndarray(format="bgr24", **size), frame)
    rows, columns = (side // 2 * 2 for side in image.shape[:2])
    return np.ascontiguousarray(image[:rows, :columns]), scale


def _film(container: Any, name: str) -> Any:
    """The stream that plays: a cover picture is a stream of video, too, and often the first."""
    covers = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    films = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not films:
        kinds = "a cover picture" if container.streams.video else "other streams"
        raise ImageError(f"{name} has no film, only {kinds}. Take a file with moving pictures.")
    best = container.streams.best("video")
    return best if best in films else films[0]


def _as_displayed(image: np.ndarray, frame: Any) -> np.ndarray:
    """The image after the frame's display matrix, to the nearest quarter turn and mirror image.

    The matrix takes a point ``(x, y)`` to ``(a x + c y, b x + d y)`` (ISO/IEC 14496-12, 8.3.2).
    """
    found = frame.side_data.get("DISPLAYMATRIX")
    if found is None:
        return image
    (a, b), (c, d) = np.frombuffer(bytes(found), np.int32)[:9].reshape(3, 3)[:2, :2].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, x, y = np.swapaxes(image, 0, 1), c, b
    else:
        x, y = a, d
    return image[:: -1 if y < 0 else 1, :: -1 if x < 0 else 1]


def _check_size(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has frames of {width * height / 1e6:,.0f} megapixels; the most this reads is "
            f"{MAX_PIXELS // 1_000_000}. Make it smaller."
        )
