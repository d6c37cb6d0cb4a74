"""Video files: sampled frames through the live pipeline, a row a face, an annotated copy.

The pipeline is the live page's own, so tracks and smoothing are what the camera would give.
"""

import contextlib
import io
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from emotion_core.errors import EmotionError, ImageError
from emotion_core.labels import EMOTIONS
from emotion_core.live.detect import create_detector
from emotion_core.live.draw import draw_faces
from emotion_core.live.pipeline import Face, FrameResult, LivePipeline, calibrated_threshold
from emotion_core.live.settings import LiveConfig
from emotion_core.runs.run import Run

if TYPE_CHECKING:  # it loads torch
    from emotion_core.models.checkpoint import Classifier

MAX_SIDE = 1_280  # frames are shrunk to this before faces are sought
MAX_PIXELS = 40_000_000  # of one frame; 8K video has 33 million
SUFFIXES = ("mp4", "mov", "m4v", "avi", "mkv", "webm", "mpg", "mpeg")
# By name, because FFmpeg would open other files that some of the formats it knows only list.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo,mpegts"
_OPTIONS = {"budget_ms": 1_000.0}  # a file waits for nobody: search every frame
_CLOCK = 1_000  # ticks a second of the annotated copy: it keeps each frame's own time


Pipeline = Callable[[np.ndarray, float], FrameResult]
Source = Path | io.BytesIO


def create_video_pipeline(run: Run, classifier: "Classifier") -> LivePipeline:
    """A fresh live pipeline that searches every frame; ``analyse_video`` takes one a video.

    Args:
        run: Whose calibrated threshold decides what is uncertain.
        classifier: The run's; may be shared.

    Raises:
        LiveError: the face detector is not on this machine.
    """
    config = LiveConfig.from_dict({"threshold": calibrated_threshold(run), **_OPTIONS})
    detector = create_detector(config.detector, side=config.detect_side, min_face=config.min_face)
    return LivePipeline(detector, classifier, config)


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself.

    Attributes:
        width, height: Pixels of a stored frame, before it is turned or widened.
        fps: Frames a second, 0 if it does not say.
        seconds: Length, 0 if it does not say.
        aspect: Width of a stored pixel as a share of its height.
    """

    width: int
    height: int
    fps: float
    seconds: float
    aspect: float = 1.0


@dataclass(frozen=True)
class VideoResult:
    """What was found in a video.

    Attributes:
        info: Of the file.
        frames: How many frames were looked at.
        seconds: Time of the last one, from the first.
        rows: One a face and frame, in order of time: ``time`` (seconds), ``face`` (number of its
            track), ``emotion`` (or ``uncertain``), ``confidence``, one probability an emotion,
            all smoothed over time, and the box ``x1 y1 x2 y2`` in pixels of the picture as it is
            shown: turned, and as wide as its pixels are meant.
        annotated: The copy with boxes, MP4 with the looked-at frames; None if not asked for.
        problem: Why the rest of a damaged file is missing; empty if it was read to its end.
    """

    info: VideoInfo
    frames: int
    seconds: float
    rows: list[dict[str, Any]]
    annotated: bytes | None = field(default=None, repr=False)
    problem: str = ""


class AnalysisCancelledError(EmotionError):
    """The analysis was cancelled."""


def probe_video(source: Source, name: str = "The video") -> VideoInfo:
    """Read the header of a file, on disk or in memory.

    Raises:
        ImageError: it is no video, has no picture, or its frames are too large.
    """
    with open_video(source, name) as (_, info):
        return info


def analyse_video(
    source: Source,
    pipeline: Pipeline,
    *,
    fps: float = 5.0,
    annotate: bool = False,
    name: str = "The video",
    progress: Callable[[float, float], object] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> VideoResult:
    """Find, follow and classify the faces of a video file.

    Args:
        source: The file, on disk or in memory.
        pipeline: A fresh one: it remembers faces.
        fps: Frames a second to look at; a slower video is looked at whole.
        annotate: Make the copy with boxes (MP4), in memory.
        name: What error messages call the video.
        progress: Told the seconds done and their share (0..1; 0 where the length is unknown).
        is_cancelled: Asked at every frame.

    Raises:
        ImageError: as ``probe_video``, or not one frame can be decoded.
        AnalysisCancelledError: ``is_cancelled`` said so.
    """
    rows: list[dict[str, Any]] = []
    frames, seconds, problem = 0, 0.0, ""
    with contextlib.ExitStack() as stack:
        container, info = stack.enter_context(open_video(source, name))
        writer = stack.enter_context(_Writer.open(fps)) if annotate else None
        try:
            for time, frame, scale in _sampled(container, info, fps, is_cancelled):
                result = pipeline(frame, time)
                rows += [_row(time, face, scale) for face in result.faces]
                if writer:
                    writer.write(draw_faces(frame, result.faces), time)
                frames, seconds = frames + 1, time
                if progress:
                    progress(time, min(1.0, time / info.seconds) if info.seconds else 0.0)
        except av.error.FFmpegError as error:
            # A phone that ran out of battery leaves a file that is good up to a point.
            problem = f"{name} is damaged after {seconds:.1f} s ({error.strerror})."
    if not frames:
        raise ImageError(problem or f"{name} has no frame that can be decoded.")
    annotated = writer.file.getvalue() if writer else None
    return VideoResult(info, frames, seconds, rows, annotated, problem)


@dataclass(frozen=True)
class JobState:
    """How far a ``VideoJob`` is.

    Attributes:
        kind: ``running``, ``done``, ``failed`` or ``cancelled``.
        share: 0..1; 0 where the video's length is unknown.
        seconds: Of the video, done.
        result: When done.
        error: When failed.
    """

    kind: str = "running"
    share: float = 0.0
    seconds: float = 0.0
    result: VideoResult | None = None
    error: str = ""


@dataclass
class VideoJob:
    """One video analysed in a thread of this process, in memory; it ends with the job at latest.

    Attributes:
        data: The uploaded file; it is let go once the analysis has ended.
        name: Its name.
        create_pipeline: Makes a fresh pipeline, inside the thread.
        fps: Frames a second to look at.
    """

    data: bytes = field(repr=False)
    name: str
    create_pipeline: Callable[[], Pipeline]
    fps: float = 5.0

    def __post_init__(self) -> None:
        self._states = deque([JobState()], maxlen=1)
        self._stop = threading.Event()
        # The thread does not know the job, so that one whose browser tab was closed ends.
        weakref.finalize(self, self._stop.set)
        analyse = partial(
            analyse_video,
            io.BytesIO(self.data),
            fps=self.fps,
            annotate=True,
            name=self.name,
            is_cancelled=self._stop.is_set,
        )
        self.data = b""
        self._thread = threading.Thread(
            target=_work,
            args=(analyse, self.create_pipeline, self._states.append),
            daemon=True,
            name=f"video {self.name}",
        )
        self._thread.start()

    @property
    def state(self) -> JobState:
        """The newest state."""
        return self._states[-1]

    def cancel(self) -> None:
        """Ask it to stop; it does at its next frame."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> JobState:
        """Wait for the end, at most some seconds."""
        self._thread.join(seconds)
        return self.state


def _work(
    analyse: Callable[..., VideoResult],
    create_pipeline: Callable[[], Pipeline],
    tell: Callable[[JobState], None],
) -> None:
    try:
        result = analyse(
            create_pipeline(),
            progress=lambda seconds, share: tell(JobState(share=share, seconds=seconds)),
        )
        tell(JobState("done", 1.0, result.seconds, result))
    except AnalysisCancelledError:
        tell(JobState("cancelled"))
    except EmotionError as error:
        tell(JobState("failed", error=str(error)))
    except Exception as error:  # a thread's exception would end in nobody's hands
        tell(JobState("failed", error=f"{type(error).__name__}: {error}"))


class _Writer:
    """H.264 in MP4, playable by browsers; its size is that of the first frame."""

    def __init__(self, fps: float) -> None:
        self.file = io.BytesIO()
        self._container = av.open(self.file, "w", format="mp4")
        self._rate = Fraction(fps).limit_denominator(1_000)
        self._stream: Any = None

    @classmethod
    @contextlib.contextmanager
    def open(cls, fps: float) -> "Iterator[_Writer]":
        """``file`` is whole afterwards."""
        writer = cls(fps)
        try:
            yield writer
            writer._finish()
        finally:
            writer._container.close()

    def write(self, frame: np.ndarray, time: float) -> None:
        """Add a frame, BGR uint8 ``(H, W, 3)`` of even sides, all of one size."""
        height, width = frame.shape[:2]
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate)
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"preset": "veryfast", "crf": "23"}
            self._stream.codec_context.time_base = Fraction(1, _CLOCK)
        picture = av.VideoFrame.from_ndarray(frame, format="bgr24")
        if (width, height) != (self._stream.width, self._stream.height):  # changed midway
            picture = picture.reformat(self._stream.width, self._stream.height)
        picture.pts, picture.time_base = round(time * _CLOCK), Fraction(1, _CLOCK)
        self._container.mux(self._stream.encode(picture))

    def _finish(self) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))


@contextlib.contextmanager
def open_video(source: Source, name: str) -> Iterator[tuple[Any, VideoInfo]]:
    """An opened container with a picture of a bearable size.

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
        if not container.streams.video:
            raise ImageError(f"{name} has no picture, only {len(container.streams)} other streams.")
        stream = container.streams.video[0]
        pixels = stream.codec_context.width * stream.codec_context.height
        if not pixels:
            raise ImageError(f"{name} does not say how large its frames are; it is damaged.")
        if pixels > MAX_PIXELS:
            raise ImageError(
                f"{name} has frames of {pixels / 1e6:,.0f} megapixels; the most this reads is "
                f"{MAX_PIXELS // 1_000_000}."
            )
        stream.thread_type = "AUTO"
        seconds = 0.0
        if stream.duration and stream.time_base:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration:
            seconds = container.duration / av.time_base
        yield (
            container,
            VideoInfo(
                stream.codec_context.width,
                stream.codec_context.height,
                float(stream.average_rate or 0),
                seconds,
                float(stream.sample_aspect_ratio or 1),
            ),
        )


def timed_frames(container: Any) -> Iterator[tuple[float, Any]]:
    """The frames of an opened video, each with its seconds from the first one."""
    stream = container.streams.video[0]
    rate = float(stream.average_rate or 25)
    start: float | None = None
    for index, frame in enumerate(container.decode(stream)):
        moment = frame.time if frame.time is not None else index / rate
        start = moment if start is None else start
        yield moment - start, frame


def shown_picture(frame: Any, info: VideoInfo) -> tuple[np.ndarray, float]:
    """A frame as a player shows it: with square pixels, and turned.

    Returns:
        BGR uint8 ``(H, W, 3)``, at most ``MAX_SIDE`` long, its sides even as H.264 wants them; and
        its scale to the picture's own size, at most 1.
    """
    width = frame.width * info.aspect
    scale = min(1.0, MAX_SIDE / max(width, frame.height))
    size = {"width": max(2, round(width * scale)), "height": max(2, round(frame.height * scale))}
    image = np.rot90(frame.to_ndarray(format="bgr24", **size), round(frame.rotation / 90) % 4)
    rows, columns = (side // 2 * 2 for side in image.shape[:2])
    return np.ascontiguousarray(image[:rows, :columns]), scale


def _sampled(
    container: Any, info: VideoInfo, fps: float, is_cancelled: Callable[[], bool]
) -> Iterator[tuple[float, np.ndarray, float]]:
    """Time from the start, picture and its scale, about ``fps`` times a second."""
    step, due = 1 / fps, 0.0
    # Half a source frame early is nearer than a whole one late.
    early = 0.5 * min(1 / (info.fps or 25), step)
    for time, frame in timed_frames(container):
        if is_cancelled():
            raise AnalysisCancelledError("The analysis was cancelled.")
        if time >= due - early:
            due = (due if time - due < step else time) + step
            yield time, *shown_picture(frame, info)


def _row(time: float, face: Face, scale: float) -> dict[str, Any]:
    x1, y1, x2, y2 = (round(float(value) / scale, 1) for value in face.box_xyxy)
    probs = {name: round(float(p), 4) for name, p in zip(EMOTIONS, face.probs, strict=True)}
    return {
        "time": round(time, 3),
        "face": face.track_id,
        "emotion": face.emotion,
        "confidence": round(face.confidence, 4),
        **probs,
        **{"x1": x1, "y1": y1, "x2": x2, "y2": y2},
    }
