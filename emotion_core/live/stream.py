"""Frames of a stream in, pictures with named faces out: what runs on a live page's media threads.

Neither Streamlit nor streamlit-webrtc is imported: the page hands ``LiveStream.process`` and
``LiveStream.end`` over as plain callbacks and reads ``LiveStream.state`` when it likes.
"""

import logging
import math
import threading
import time
from collections.abc import Callable

import av
import cv2
import numpy as np

from emotion_core.errors import LiveError
from emotion_core.live.draw import draw_result
from emotion_core.live.pace import Pace
from emotion_core.live.pipeline import LivePipeline
from emotion_core.live.playback import VideoPlayback
from emotion_core.live.results import FrameResult
from emotion_core.live.session import LARGEST, SessionRecorder
from emotion_core.live.state import LiveState, Tap
from emotion_core.live.summary import Moment, Second, Session
from emotion_core.live.track import LOST_SECONDS

MAX_FAILURES = 10  # failed frames in a row that stop a stream
_log = logging.getLogger(__name__)

Source = Callable[[float], np.ndarray]
Watcher = Callable[[FrameResult | None], None]


class LiveStream:
    """One viewer's stream: works on each frame and keeps the newest result for the page.

    ``process`` runs on a media thread, everything else on any thread. An exception that left
    ``process`` would freeze the picture for good without a word, so it never raises: a failing
    frame is counted and answered with the last good picture, and after ``MAX_FAILURES`` in a row
    ``state().problem`` has the reason.

    Args:
        pipeline: This stream's own.

    Attributes:
        source: Makes the frames where there is no camera: ``(seconds) -> BGR uint8 (H, W, 3)``,
            None where it has none ready; it runs on the media thread. None: the stream's frames.
        mirror: Swap left and right, as people know themselves from a mirror.
        paused: Show the last picture and look at no frame.
        names: What to call the two models in the picture.
        watcher: Given each frame's result, on the media thread, and None when the stream ends.
        keeper: As ``watcher``; keeps faces for a collection (``live.keeper``).
        taps: Given each frame's picture too, before anything is drawn into it.
        began: When this session's first frame came, on the clock of ``taps``; None before it.
    """

    def __init__(self, pipeline: LivePipeline) -> None:
        self.pipeline = pipeline
        self.source: Source | None = None
        self.mirror = False
        self.paused = False
        self.names: tuple[str, ...] = ()
        self.watcher: Watcher | None = None
        self.keeper: Watcher | None = None
        self.taps: tuple[Tap, ...] = ()
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._recorder = SessionRecorder()
        self.began: float | None = None
        self._ended = False
        self._frames = self._failed = self._failures = 0
        self._problem = ""
        self._result: FrameResult | None = None
        self._picture: np.ndarray | None = None
        self._pace = Pace()
        self._looked = -math.inf

    def process(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Work on one frame; the answer is as large, or as ``source``'s pictures. Never raises."""
        arrived = time.monotonic()
        with self._lock:
            if self._ended:
                self._begin()
            waited = self._pace.waited(frame.time, arrived)
            if self._problem:
                return frame
        try:
            picture = self._picture_of(frame, arrived, waited)
            return av.VideoFrame.from_ndarray(picture, format="bgr24")
        except Exception as error:
            return self._skip(frame, error)

    def end(self) -> None:
        """The stream ended; the next frame begins a new session."""
        with self._lock:
            self._ended = True
        source = self.source
        if isinstance(source, VideoPlayback):
            source.close()
        self._tell(None)
        for tap in self.taps:
            tap.end()

    def state(self) -> LiveState:
        """The stream as it is now."""
        now = time.monotonic()
        with self._lock:
            return LiveState(
                running=self._pace.is_running(now) and not self._ended,
                frames=self._frames,
                failed=self._failed,
                fps=self._pace.fps(now),
                latency_ms=self._pace.latency_ms(),
                longest_gap=self._pace.longest_gap(),
                result=self._result,
                hint="" if self.paused else self._recorder.hint(),
                problem=self._problem,
                ended=self._ended,
            )

    def picture(self) -> np.ndarray | None:
        """The newest picture with its faces drawn, BGR uint8 ``(H, W, 3)``; None before it."""
        with self._lock:
            return self._picture

    def minute(self, face: int = LARGEST) -> list[Second | None]:
        """See ``SessionRecorder.minute``."""
        with self._lock:
            return self._recorder.minute(face)

    def session(self) -> Session:
        """The session since START; after STOP it stays until the next START."""
        with self._lock:
            return self._recorder.session()

    def so_far(self, face: int = LARGEST) -> tuple[list[Second], tuple[Moment, ...], float]:
        """One face in each second since START, the marks, and the seconds until now."""
        with self._lock:
            return self._recorder.so_far(face)

    def mark(self) -> int:
        """Mark this moment; gives a number for ``note``."""
        with self._lock:
            number, time = self._recorder.mark()
        for tap in self.taps:
            tap.marked(number, time, "")
        return number

    def note(self, number: int, text: str) -> None:
        """Write a note to a mark of this session; nothing happens where it has no such mark."""
        with self._lock:
            time = self._recorder.note(number, text)
        for tap in self.taps if time is not None else ():
            tap.marked(number, time or 0.0, text)

    def snapshot(self) -> bytes:
        """The newest picture as PNG.

        Raises:
            LiveError: there is no picture yet.
        """
        picture = self.picture()
        if picture is None:
            raise LiveError("There is no picture yet. Press Start first.")
        _, data = cv2.imencode(".png", picture)
        return bytes(data)

    def _picture_of(self, frame: av.VideoFrame, arrived: float, waited: float) -> np.ndarray:
        last = self.picture()
        if self.paused and last is not None:
            with self._lock:
                self._pace.shown(time.monotonic())
            return last
        image = frame.to_ndarray(format="bgr24") if self.source is None else self.source(arrived)
        if self.mirror:
            image = cv2.flip(image, 1)
        if arrived - self._looked > LOST_SECONDS:  # START, a pause, a stall
            self.pipeline.forget()
        self._looked = arrived
        result = self.pipeline(image, arrived)
        self.began = arrived if self.began is None else self.began
        for tap in self.taps:
            tap.take(image, result, arrived)
        picture = draw_result(image, result, lines=self._overlay(), names=self.names)
        done = time.monotonic()
        with self._lock:
            self._failures = 0
            self._frames += 1
            self._result, self._picture = result, picture
            self._pace.shown(done, done - arrived + waited)
            self._recorder.add(result, arrived)
        self._tell(result)
        return picture

    def _tell(self, result: FrameResult | None) -> None:
        for watcher in (self.watcher, self.keeper):  # the page may take them away meanwhile
            if watcher is not None:
                watcher(result)

    def _skip(self, frame: av.VideoFrame, error: Exception) -> av.VideoFrame:
        with self._lock:
            self._failed += 1
            self._failures += 1
            first = self._failures == 1
            if self._failures >= MAX_FAILURES:
                self._problem = (
                    f"{MAX_FAILURES} frames in a row could not be worked on "
                    f"({type(error).__name__}: {error})."
                )
            last = self._picture
        if first:
            _log.error("A frame was skipped.", exc_info=error)
        if last is None:
            return frame
        return av.VideoFrame.from_ndarray(last, format="bgr24")

    def _overlay(self) -> list[str]:
        if not self.pipeline.config.overlay:
            return []
        with self._lock:
            return [f"{self._pace.fps(time.monotonic()):.0f} fps  {self._pace.latency_ms():.0f} ms"]
