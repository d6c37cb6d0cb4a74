"""What is told of a session: seconds, stretches, figures and marked moments."""

from dataclasses import dataclass

import numpy as np

from emotion_core.live.rows import FaceRow


@dataclass(frozen=True)
class Second:
    """One face in one second.

    Attributes:
        second: Counted from the session's first frame.
        face: Track id.
        emotion: What it was called most often, or ``uncertain``.
        probs: float32 ``(7,)``, mean.
        frames: In how many frames it was seen.
        other: What the second model called it most often; empty without one.
    """

    second: int
    face: int
    emotion: str
    probs: np.ndarray
    frames: int
    other: str = ""


@dataclass(frozen=True)
class Stretch:
    """A face that was called the same without a break, in whole seconds."""

    face: int
    emotion: str
    start: int
    seconds: int


@dataclass(frozen=True)
class Summary:
    """A session in numbers.

    Attributes:
        seconds: From the first to the last frame.
        frames: Frames worked on.
        faces: Faces that were told apart.
        emotion_seconds: Seconds that each emotion, and ``uncertain``, was shown; all faces summed.
        longest: Seconds of the longest unbroken stretch of each that occurred.
        changes: How often a face went from one emotion to another.
    """

    seconds: float
    frames: int
    faces: int
    emotion_seconds: dict[str, float]
    longest: dict[str, float]
    changes: int


@dataclass(frozen=True)
class Moment:
    """A moment that a person marked, in seconds from the first frame, with what they wrote."""

    time: float
    note: str = ""


@dataclass(frozen=True)
class Session:
    """What a session leaves behind; see ``SessionRecorder``.

    Attributes:
        summary: In numbers.
        stretches: Of each face.
        rows: Of each face and second, for CSV.
        largest: Whichever face was the largest, in each second with one.
        marks: In order of time.
    """

    summary: Summary
    stretches: list[Stretch]
    rows: list[FaceRow]
    largest: list[Second]
    marks: tuple[Moment, ...] = ()
