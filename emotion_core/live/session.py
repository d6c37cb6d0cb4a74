"""What happened since START: the last minute, time an emotion, changes, CSV, and hints."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.live.rows import FaceRow, named_probs
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.live.summary import Moment, Second, Session, Stretch, Summary

if TYPE_CHECKING:
    from emotion_core.live.results import Face, FrameResult

LARGEST = 0  # stands for whichever face is the largest; real track ids start at 1
MINUTE = 60
KEPT_SECONDS = 2 * 60 * 60  # of the timeline; totals count the whole session
NO_FACE_SECONDS = 5.0
_POOR_SECONDS = 2.0  # a poor view must last this long before it is told
_DARK = 45.0  # mean gray, 0..255
_SMALL = 48.0  # side in pixels of a face; below it the classifier sees an enlarged one
_LONGEST_STEP = 1.0  # seconds between frames that still count as watched


@dataclass
class _Tally:
    """Frames of one face in one second."""

    probs: np.ndarray = field(default_factory=lambda: np.zeros(NUM_CLASSES, np.float64))
    emotions: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)

    def add(self, face: "Face") -> None:
        self.probs += face.probs
        self.emotions[face.emotion] += 1
        if face.second is not None:
            self.others[face.second.emotion] += 1

    def read(self, second: int, face: int) -> Second:
        frames = self.emotions.total()
        mean = (self.probs / frames).astype(np.float32)
        other = self.others.most_common(1)[0][0] if self.others else ""
        return Second(second, face, self.emotions.most_common(1)[0][0], mean, frames, other)


@dataclass
class _Followed:
    """A face's present stretch."""

    time: float
    emotion: str
    since: float
    named: str = ""  # the last emotion that was no doubt


class SessionRecorder:
    """Adds up the results of one session. Not locked: its owner calls it under a lock."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._time = 0.0
        self._frames = 0
        self._faces: dict[int, _Followed] = {}
        self._count = 0
        self._seconds: dict[int, dict[int, _Tally]] = {}
        self._emotion_seconds = dict.fromkeys((*EMOTIONS, UNCERTAIN), 0.0)
        self._longest: dict[str, float] = {}
        self._changes = 0
        self._seen = self._lit = self._near = 0.0
        self._side = 0.0
        self._marks: list[Moment] = []

    def add(self, result: "FrameResult", time: float) -> None:
        """Take the result of one frame.

        Args:
            result: The pipeline's answer.
            time: Seconds on any clock that does not run backwards.
        """
        if self._start is None:
            self._start = self._seen = self._lit = self._near = time
        self._time = time
        self._frames += 1
        self._forget(time)  # first: a pause belongs to no emotion
        tallies = self._tallies(int(time - self._start))
        for index, face in enumerate(result.faces):
            self._follow(face.track_id, face.emotion, time)
            for key in (LARGEST, face.track_id) if index == 0 else (face.track_id,):
                tallies.setdefault(key, _Tally()).add(face)
        self._look(result, time)

    def minute(self, face: int = LARGEST) -> list[Second | None]:
        """One face in each of the last sixty seconds, the present one last; None where unseen."""
        if self._start is None:
            return [None] * MINUTE
        now = int(self._time - self._start)
        found: list[Second | None] = []
        for second in range(now - MINUTE + 1, now + 1):
            tally = self._seconds.get(second, {}).get(face)
            found.append(tally.read(second, face) if tally else None)
        return found

    def seconds(self) -> list[Second]:
        """Every face in every second, in order of time; the last ``KEPT_SECONDS``."""
        return [
            tally.read(second, face)
            for second, tallies in self._seconds.items()
            for face, tally in sorted(tallies.items())
            if face != LARGEST
        ]

    def so_far(self, face: int = LARGEST) -> tuple[list[Second], tuple[Moment, ...], float]:
        """One face in each second in which it was seen (the last ``KEPT_SECONDS``), the marks, and
        the session's length in seconds."""
        seconds = [
            tallies[face].read(second, face)
            for second, tallies in self._seconds.items()
            if face in tallies
        ]
        length = self._time - self._start if self._start is not None else 0.0
        return seconds, tuple(self._marks), length

    def mark(self) -> tuple[int, float]:
        """Mark the present moment; gives the mark's number and its time on the clock of ``add``."""
        start = self._time if self._start is None else self._start
        self._marks.append(Moment(self._time - start))
        return len(self._marks) - 1, self._time

    def note(self, number: int, text: str) -> float | None:
        """Write a note to a mark; gives its time, or None where this session has no such mark."""
        if self._start is None or number >= len(self._marks):
            return None
        self._marks[number] = Moment(self._marks[number].time, text)
        return self._start + self._marks[number].time

    def session(self) -> Session:
        """All of it."""
        largest, marks, _ = self.so_far()
        return Session(self.summary(), self.stretches(), self.rows(), largest, marks)

    def stretches(self) -> list[Stretch]:
        """The seconds joined where a face's emotion stays the same, in order of start."""
        found: list[Stretch] = []
        last: dict[int, int] = {}  # face to its last stretch's position in ``found``
        for item in self.seconds():
            position = last.get(item.face)
            if position is not None:
                old = found[position]
                if old.emotion == item.emotion and old.start + old.seconds == item.second:
                    found[position] = Stretch(old.face, old.emotion, old.start, old.seconds + 1)
                    continue
            last[item.face] = len(found)
            found.append(Stretch(item.face, item.emotion, item.second, 1))
        return found

    def summary(self) -> Summary:
        """The whole session so far."""
        longest = dict(self._longest)
        for item in self._faces.values():
            longest[item.emotion] = max(longest.get(item.emotion, 0.0), item.time - item.since)
        return Summary(
            seconds=self._time - self._start if self._start is not None else 0.0,
            frames=self._frames,
            faces=self._count,
            emotion_seconds=dict(self._emotion_seconds),
            longest=longest,
            changes=self._changes,
        )

    def rows(self) -> list[FaceRow]:
        """``seconds()`` for CSV: second, face, emotion, frames, a mean probability an emotion, and what
        a second model said."""
        return [
            {
                "second": item.second,
                "face": item.face,
                "emotion": item.emotion,
                "frames": item.frames,
                **named_probs(item.probs),
                **({"second_emotion": item.other} if item.other else {}),
            }
            for item in self.seconds()
        ]

    def hint(self) -> str:
        """What would give a better view, for a person before the camera; empty if it is good."""
        if self._time - self._lit >= _POOR_SECONDS:
            return "It is dark. More light from the front helps."
        if self._time - self._seen >= NO_FACE_SECONDS:
            return (
                f"No face for {NO_FACE_SECONDS:.0f} seconds. Look into the camera, and keep the "
                "whole face in the picture."
            )
        if self._time - self._near >= _POOR_SECONDS:
            return f"The face is small ({self._side:.0f} pixels). Come closer for a better result."
        return ""

    def _tallies(self, second: int) -> dict[int, _Tally]:
        while len(self._seconds) >= KEPT_SECONDS and second not in self._seconds:
            del self._seconds[next(iter(self._seconds))]
        return self._seconds.setdefault(second, {})

    def _follow(self, face: int, emotion: str, time: float) -> None:
        old = self._faces.get(face)
        if old is None:
            self._count += 1
            old = self._faces[face] = _Followed(time, emotion, time)
        # The time since the last frame belongs to what was shown then.
        self._emotion_seconds[old.emotion] += time - old.time
        if old.emotion != emotion:
            self._end_stretch(old, time)
            old.emotion, old.since = emotion, time
        if emotion != UNCERTAIN:
            # Doubt in between does not make a change.
            self._changes += old.named not in ("", emotion)
            old.named = emotion
        old.time = time

    def _forget(self, time: float) -> None:
        for face in [key for key, item in self._faces.items() if time - item.time > _LONGEST_STEP]:
            item = self._faces.pop(face)
            self._end_stretch(item, item.time)

    def _end_stretch(self, item: _Followed, time: float) -> None:
        self._longest[item.emotion] = max(self._longest.get(item.emotion, 0.0), time - item.since)

    def _look(self, result: "FrameResult", time: float) -> None:
        """Remember when the view was last good."""
        if result.brightness >= _DARK:
            self._lit = time
        if result.faces:
            self._seen = time
            x1, y1, x2, y2 = result.faces[0].box_xyxy
            self._side = float(np.sqrt(max(x2 - x1, 0) * max(y2 - y1, 0)))
        if not result.faces or self._side >= _SMALL:
            self._near = time
