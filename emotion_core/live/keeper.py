"""Keeps faces of a running stream in a collection: corrected ones, chosen ones, recorded ones.

The crops are those of the running pipeline. Faces stay in memory until ``collect.capture`` takes
them, which refuses everything before consent.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from emotion_core.collect.capture import Capture, with_label
from emotion_core.collect.faces import NewFace
from emotion_core.collect.rules import Chooser
from emotion_core.errors import EmotionError
from emotion_core.labels import EMOTIONS
from emotion_core.live.detect import Detection
from emotion_core.live.gather import faces_in
from emotion_core.live.results import Face, FrameResult

HELD_SECONDS = 1.5  # a held button that says nothing for so long counts as released
RECORD_SECONDS = 0.5  # between two faces of a recording
NO_FACE = "no face in view"
CORRECTED = "corrected on Live"  # origin of a face
RECORDED = "recorded by hand"
_log = logging.getLogger(__name__)


def as_new_faces(
    result: FrameResult, faces: Sequence[Face], *, source: str, origin: str
) -> list[NewFace]:
    """Faces of a frame as they would be kept: both crops, and the model's answer as suggestion.

    Args:
        result: Of the pipeline, with its gray frame.
        faces: Of this result.
        source: One of ``collect.faces.SOURCES``.
        origin: What they were kept by.

    Returns:
        One per face; ``face`` has the pixels that the model was given, and ``probs`` its calibrated
        answer to them alone, without smoothing.
    """
    if result.gray is None:
        return []
    found = [Detection(face.box_xyxy, face.score, face.landmarks) for face in faces]
    return [
        replace(
            new,
            label=EMOTIONS[int(face.raw_probs.argmax())],
            by="model",
            who=result.model,
            probs=face.raw_probs,
            answered_by=result.model,
        )
        for face, new in zip(
            faces,
            faces_in(result.gray, found, result.detector, source=source, origin=origin),
            strict=True,
        )
    ]


@dataclass(frozen=True)
class Kept:
    """What became of the faces so far.

    Attributes:
        kept: How many are kept.
        refused: How many were not, by reason, the commonest first.
        gone: How many the bin would bring back.
        last: What became of the last face: a reason, or the label under which it is kept.
        used: Faces that rules kept in the last minute and the last 24 hours; None without rules.
        problem: Why keeping has stopped; empty if it has not.
    """

    kept: int
    refused: dict[str, int]
    gone: int
    last: str
    used: tuple[int, int] | None
    problem: str


class LiveKeeper:
    """A stream's ``keeper``: one session of one collection.

    Called with each frame's result on the media thread, it never raises and never waits for the
    disk: a face is written by a thread of its own, and while one is written no further one is taken.
    All else may be called from any thread.

    Args:
        capture: Used by this object alone from now on.
        source: Of the faces, one of ``collect.faces.SOURCES``.
        clock: Seconds that never run backwards.

    Attributes:
        capture: The session.
        chooser: Applies rules; None: no face is kept without a click.
    """

    def __init__(
        self,
        capture: Capture,
        *,
        source: str = "live",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capture = capture
        self.chooser: Chooser | None = None
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = False
        self._held, self._until, self._next = "", 0.0, 0.0
        self._last = self._problem = ""

    def __call__(self, result: FrameResult | None) -> None:
        """Take the result of a frame; None when the stream ends."""
        if result is None:
            self.release()
        elif self.capture.consent and not self._writing and not self._problem:
            try:
                self._look(result)
            except Exception as error:  # an exception here would count as a frame that failed
                _log.error("No face was kept.", exc_info=error)
                self._problem = f"{type(error).__name__}: {error}"

    def hold(self, label: str) -> None:
        """Record faces under a label until ``release``, or until nobody has said so for a while."""
        self._held, self._until = label, self._clock() + HELD_SECONDS

    def release(self) -> None:
        """End the recording."""
        self._held = ""

    def keep(self, face: NewFace, label: str) -> int | None:
        """Keep a face under the label that a person gives it; see ``Capture.take``.

        Raises:
            CollectionError: there was no consent, or it cannot be written.
        """
        return self._take(with_label(face, label))

    def discard(self, last: int = 0) -> int:
        """See ``Capture.discard``."""
        with self._lock:
            return self.capture.discard(last)

    def bring_back(self) -> int:
        """See ``Capture.bring_back``."""
        with self._lock:
            return self.capture.bring_back()

    def go_on(self) -> None:
        """Try again after a problem."""
        self._problem = ""

    def state(self) -> Kept:
        """What became of the faces so far."""
        with self._lock:
            return Kept(
                kept=len(self.capture.kept),
                refused=dict(self.capture.refused.most_common()),
                gone=self.capture.gone,
                last=self._last,
                used=self.chooser.used() if self.chooser else None,
                problem=self._problem,
            )

    def _look(self, result: FrameResult) -> None:
        now, held = self._clock(), self._held
        if held and now < self._until:
            if now < self._next:
                return
            self._next = now + RECORD_SECONDS
            found = as_new_faces(result, result.faces[:1], source=self._source, origin=RECORDED)
            if found:
                self._write(with_label(found[0], held))
                return
            with self._lock:
                self.capture.refused[NO_FACE] += 1
                self._last = NO_FACE
        elif self.chooser is not None:
            self._choose(result, self.chooser)

    def _choose(self, result: FrameResult, chooser: Chooser) -> None:
        for face in result.faces:
            with self._lock:
                second = face.second.probs if face.second else None
                reason = chooser.reason(face.track_id, face.probs, second)
            if reason:
                for new in as_new_faces(result, [face], source=self._source, origin=reason):
                    self._write(new, chooser)
                return

    def _write(self, face: NewFace, chooser: Chooser | None = None) -> None:
        self._writing = True

        def write() -> None:
            try:
                kept = self._take(face)
                if kept and chooser:
                    with self._lock:
                        chooser.count()
            except EmotionError as error:
                self._problem = str(error)
            finally:
                self._writing = False

        threading.Thread(target=write, name="keeper").start()

    def _take(self, face: NewFace) -> int | None:
        with self._lock:
            before = self.capture.refused.copy()
            found = self.capture.take(face)
            reasons = self.capture.refused - before
            self._last = next(iter(reasons), "") or face.label
        return found
