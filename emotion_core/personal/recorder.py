"""From frames to minutes: adds up one face's probabilities and hands over each finished minute."""

import logging
import threading
import time as clock
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emotion_core.errors import EmotionError
from emotion_core.labels import NUM_CLASSES
from emotion_core.personal.clock import offset_at
from emotion_core.personal.diary import write_minutes
from emotion_core.personal.entries import Minute

if TYPE_CHECKING:
    from emotion_core.live.results import FrameResult

_LONGEST_STEP = 1.0  # seconds between frames that still count as seen
_LEAST_SEEN = 1.0  # seconds of a minute that are worth a row
_log = logging.getLogger(__name__)


class MinuteRecorder:
    """Averages one face over wall-clock minutes. Call it from one thread.

    Time between two frames counts for the face of the earlier one, up to one second. A clock that
    is set back counts no time; the minute that comes again is joined with the first by the diary.

    Args:
        model: Name of the run that classifies.
        profile: Name of the personal profile in use; empty for none.
        keep: Takes the finished minutes.
        offset: Minutes that the wall clock is east of UTC, of UTC seconds.
    """

    def __init__(
        self,
        model: str,
        profile: str = "",
        *,
        keep: Callable[[Sequence[Minute]], object] = write_minutes,
        offset: Callable[[float], int] = offset_at,
    ) -> None:
        self.model, self.profile = model, profile
        self._keep, self._offset = keep, offset
        self._minute = -1
        self._before: tuple[float, np.ndarray] | None = None
        self._named = ""
        self._clear()

    def take(
        self,
        time: float,
        probs: np.ndarray,
        *,
        emotion: str = "",
        light: float = 0.0,
        size: float = 0.0,
        landmarks: np.ndarray | None = None,
    ) -> None:
        """Take one frame in which the followed face was seen.

        Args:
            time: UTC seconds since 1970.
            probs: ``(7,)``, calibrated.
            emotion: What the face is called; a change of it counts. Empty: no name.
            light: Mean gray level of the picture, 0..255.
            size: Side of the face's box in pixels.
            landmarks: ``(5, 2)`` eyes, nose and corners of the mouth; None if nobody knows.
        """
        self._advance(time)
        tilt, turn = pose_of(landmarks)
        self._before = (time, np.array([*probs, light, size, tilt, turn], np.float64))
        if emotion and emotion != self._named:
            self._changes += self._named != ""
            self._named = emotion

    def miss(self, time: float) -> None:
        """Take one frame without the face."""
        self._advance(time)
        self._before = None

    def close(self) -> None:
        """Hand over the minute that has begun."""
        self._flush()
        self._before = None

    def _advance(self, time: float) -> None:
        """Count the time since the last frame, cut where a minute ends."""
        if self._before is not None:
            start, values = self._before
            end = start + min(max(time - start, 0.0), _LONGEST_STEP)
            while start < end:
                self._enter(start)
                until = min(end, 60.0 * (self._minute + 1))
                self._sum += values * (until - start)
                self._seen += until - start
                start = until
        self._enter(time)

    def _enter(self, time: float) -> None:
        minute = int(time // 60)
        if minute != self._minute:
            self._flush()
            self._minute = minute

    def _flush(self) -> None:
        if self._seen >= _LEAST_SEEN:
            mean = self._sum / self._seen
            light, size, tilt, turn = mean[NUM_CLASSES:].tolist()
            finished = Minute(
                self._minute,
                self._offset(60.0 * self._minute),
                min(60.0, self._seen),
                tuple(mean[:NUM_CLASSES]),
                self._changes,
                light=light,
                size=size,
                tilt=tilt,
                turn=turn,
                model=self.model,
                profile=self.profile,
            )
            self._keep([finished])
        self._clear()

    def _clear(self) -> None:
        self._sum = np.zeros(NUM_CLASSES + 4)
        self._seen, self._changes = 0.0, 0


class LiveDiary:
    """Lets a live stream write the diary: a watcher of its frames.

    Frames with several faces are left out: the largest may be somebody else, and the diary is of
    one person. Minutes are written by a thread of their own, so that a busy disk holds up no frame.

    Args:
        model: Name of the run that classifies.
        profile: Name of the personal profile in use; empty for none.
    """

    def __init__(self, model: str, profile: str = "") -> None:
        self._recorder = MinuteRecorder(model, profile, keep=self._write_later)

    def __call__(self, result: "FrameResult | None") -> None:
        """Take the result of a frame; None when the stream ends."""
        if result is None:
            self._recorder.close()
            return
        now = clock.time()
        if len(result.faces) != 1 or result.left_out:
            self._recorder.miss(now)
            return
        face = result.faces[0]
        x1, y1, x2, y2 = face.box_xyxy
        self._recorder.take(
            now,
            face.raw_probs,
            emotion=face.emotion if face.emotion != "uncertain" else "",
            light=result.brightness,
            size=float(np.sqrt(max(x2 - x1, 0) * max(y2 - y1, 0))),
            landmarks=face.landmarks,
        )

    def rename(self, model: str, profile: str = "") -> None:
        """Another model classifies; the minute that has begun is counted as its own."""
        self._recorder.model, self._recorder.profile = model, profile

    def _write_later(self, minutes: Sequence[Minute]) -> None:
        threading.Thread(target=_write, args=(minutes,), name="diary").start()


def pose_of(landmarks: np.ndarray | None) -> tuple[float, float]:
    """How a face is held, from five points: tilt in degrees and turn, as in ``Minute``."""
    if landmarks is None:
        return 0.0, 0.0
    eyes = np.asarray(landmarks[:2], np.float64)
    along = eyes[np.argmax(eyes[:, 0])] - eyes[np.argmin(eyes[:, 0])]
    distance = float(np.hypot(*along))
    if distance < 1e-6:
        return 0.0, 1.0
    tilt = abs(float(np.degrees(np.arctan2(along[1], along[0]))))
    beside = float((landmarks[2] - eyes.mean(axis=0)) @ along) / distance**2
    return tilt, abs(beside)


def _write(minutes: Sequence[Minute]) -> None:
    try:
        write_minutes(minutes)
    except EmotionError as error:
        _log.error("A minute of the diary was not written: %s", error)
