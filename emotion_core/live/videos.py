"""Video files: sampled frames through the live pipeline, a row per face, an annotated copy.

The pipeline is the live page's own, so tracks and smoothing are what the camera would give.
"""

import contextlib
import io
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import av
import numpy as np

from emotion_core.errors import EmotionError, ImageError
from emotion_core.live.detect import create_detector
from emotion_core.live.draw import draw_faces
from emotion_core.live.pipeline import LivePipeline, calibrated_threshold
from emotion_core.live.results import Face, FrameResult
from emotion_core.live.rows import FaceRow, face_row, second_row
from emotion_core.live.settings import LiveConfig
from emotion_core.live.video_file import Source, VideoInfo, open_video
from emotion_core.live.video_frames import AnalysisCancelledError, check_length, sampled
from emotion_core.live.video_writer import VideoWriter
from emotion_core.runs.run import Run

if TYPE_CHECKING:  # it loads torch
    from emotion_core.models.checkpoint import Classifier

MAX_FACES = 64  # followed at once
# A file waits for nobody: search every frame.
_OPTIONS = {"budget_ms": 1_000.0, "max_faces": MAX_FACES}


Pipeline = Callable[[np.ndarray, float], FrameResult]


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
class VideoResult:
    """What was found in a video.

    Attributes:
        info: Of the file.
        frames: How many frames were looked at.
        seconds: Time of the last one, from the first.
        rows: One a face and frame, in order of time: ``time`` (seconds), ``face`` (number of its
            track), ``emotion`` (or ``uncertain``), ``confidence``, one probability an emotion,
            all smoothed over time, and the box ``x1 y1 x2 y2`` in pixels of the picture as it is
            shown: turned, and as wide as its pixels are meant; with two models also what the second
            says, see ``second_row``.
        annotated: The copy with boxes, WebM with the looked-at frames; None if not asked for or not
            to be written.
        problem: Why the rest of the file is missing; empty if it was read to its end.
        notices: What else the user should know, one sentence each.
    """

    info: VideoInfo
    frames: int
    seconds: float
    rows: list[FaceRow]
    annotated: bytes | None = field(default=None, repr=False)
    problem: str = ""
    notices: tuple[str, ...] = ()


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
        fps: Frames per second to look at; a slower video is looked at whole.
        annotate: Make the copy with boxes (WebM), in memory.
        name: What error messages call the video.
        progress: Told the seconds done and their share (0..1; 0 where the length is unknown).
        is_cancelled: Asked at every frame.

    Raises:
        ImageError: as ``probe_video``, it is too long, or not one frame can be decoded.
        AnalysisCancelledError: ``is_cancelled`` said so.
    """
    rows: list[FaceRow] = []
    frames, seconds, problem, left_out = 0, 0.0, "", 0
    with contextlib.ExitStack() as stack:
        video = stack.enter_context(open_video(source, name))
        info = video.info
        check_length(video, fps)
        writer = stack.enter_context(VideoWriter.open(fps)) if annotate else None
        try:
            for time, frame, scale in sampled(video, fps, is_cancelled):
                result = pipeline(frame, time)
                rows += [
                    {"time": round(time, 3), "face": face.track_id, **_row(face, 1 / scale)}
                    for face in result.faces
                ]
                left_out = max(left_out, result.left_out)
                if writer:
                    writer.write(draw_faces(frame, result.faces), time)
                frames, seconds = frames + 1, time
                if progress:
                    progress(time, min(1.0, time / info.seconds) if info.seconds else 0.0)
        except av.error.FFmpegError as error:
            # A phone that ran out of battery leaves a file that is good up to a point.
            problem = f"{name} is damaged after {seconds:.1f} s ({error.strerror})."
        except ImageError as error:
            problem = str(error)
    if not frames:
        raise ImageError(problem or f"{name} has no frame that can be decoded.")
    notices = [writer.problem] if writer and writer.problem else []
    if left_out:
        notices.append(
            f"A frame has up to {MAX_FACES + left_out} faces: the {MAX_FACES} largest are followed."
        )
    copy = writer.data if writer else None
    return VideoResult(info, frames, seconds, rows, copy, problem, tuple(notices))


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
        fps: Frames per second to look at.
        annotate: Make the copy with boxes.
    """

    data: bytes = field(repr=False)
    name: str
    create_pipeline: Callable[[], Pipeline]
    fps: float = 5.0
    annotate: bool = True

    def __post_init__(self) -> None:
        self._states = deque([JobState()], maxlen=1)
        self._stop = threading.Event()
        # The thread does not know the job, so that one whose browser tab was closed ends.
        weakref.finalize(self, self._stop.set)
        analyse = partial(
            analyse_video,
            io.BytesIO(self.data),
            fps=self.fps,
            annotate=self.annotate,
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


def _row(face: Face, scale: float) -> FaceRow:
    row = face_row(face.emotion, face.confidence, face.probs, face.box_xyxy, scale)
    if (other := face.second) is not None:
        row |= second_row(other.emotion, other.confidence, other.probs)
    return row
