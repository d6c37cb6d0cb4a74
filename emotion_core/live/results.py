"""What the live path finds: a frame's faces, and what each classifier says about one of them."""

from dataclasses import dataclass, field

import numpy as np

from emotion_core.labels import EMOTIONS
from emotion_core.live.smooth import UNCERTAIN


@dataclass(frozen=True)
class Reading:
    """What one classifier says about one face.

    Attributes:
        raw_probs: float32 ``(7,)``, calibrated, of this frame.
        probs: float32 ``(7,)``, smoothed over time.
        emotion: An emotion, or ``uncertain``.
    """

    raw_probs: np.ndarray
    probs: np.ndarray
    emotion: str

    @property
    def confidence(self) -> float:
        """Smoothed probability of ``emotion``; the highest one where it is ``uncertain``."""
        if self.emotion == UNCERTAIN:
            return float(self.probs.max())
        return float(self.probs[EMOTIONS.index(self.emotion)])


@dataclass(frozen=True)
class Face:
    """One followed face in one frame.

    Attributes:
        track_id: The same number as long as the face is followed.
        box_xyxy: float32 ``(4,)`` in pixels of the frame.
        reading: Of the chosen classifier.
        age: Seconds since the face appeared.
        score: The detector's certainty, 0..1.
        second: Of the second classifier, if there is one.
        landmarks: As ``Detection.landmarks``; None if the detector gives none.
    """

    track_id: int
    box_xyxy: np.ndarray
    reading: Reading
    age: float
    score: float
    second: Reading | None = None
    landmarks: np.ndarray | None = None

    @property
    def raw_probs(self) -> np.ndarray:
        """float32 ``(7,)`` of this frame alone."""
        return self.reading.raw_probs

    @property
    def probs(self) -> np.ndarray:
        """float32 ``(7,)``, smoothed."""
        return self.reading.probs

    @property
    def emotion(self) -> str:
        """An emotion, or ``uncertain``."""
        return self.reading.emotion

    @property
    def confidence(self) -> float:
        """Smoothed probability of ``emotion``; the highest one where it is ``uncertain``."""
        return self.reading.confidence


@dataclass(frozen=True)
class FrameResult:
    """Everything found in one frame.

    Attributes:
        faces: Largest first.
        timings_ms: Milliseconds of ``detect`` (0 where faces were only followed), ``track``,
            ``crop``, ``classify`` and ``total``.
        detected: Whether faces were searched in this frame.
        size_wh: Of the frame in pixels.
        brightness: Mean gray of the frame, 0..255.
        left_out: Faces of the last search beyond ``max_faces``, which are not followed.
        gray: The frame that the faces were cut from, uint8 ``(H, W)``; None where nobody has it.
        detector: Its ``kind``, which says how the faces were cut.
        model: Name of the run that classified them.
    """

    faces: list[Face]
    timings_ms: dict[str, float]
    detected: bool
    size_wh: tuple[int, int]
    brightness: float
    left_out: int = 0
    gray: np.ndarray | None = field(default=None, repr=False)
    detector: str = ""
    model: str = ""
