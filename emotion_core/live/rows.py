"""One face as a row of a table or CSV file."""

import numpy as np

from emotion_core.labels import EMOTIONS

FaceRow = dict[str, float | str]
SECOND = "second_"  # before the columns of a second model


def face_row(
    emotion: str, confidence: float, probs: np.ndarray, box_xyxy: np.ndarray, scale: float = 1.0
) -> FaceRow:
    """``emotion``, ``confidence``, a probability per emotion and the box ``x1 y1 x2 y2``.

    Args:
        emotion: An emotion, or ``uncertain``.
        confidence: Its probability, 0..1.
        probs: ``(7,)``.
        box_xyxy: ``(4,)`` in pixels.
        scale: What the box is multiplied by.
    """
    corners = (round(scale * float(value), 1) for value in box_xyxy)
    return {
        "emotion": emotion,
        "confidence": round(confidence, 4),
        **named_probs(probs),
        **dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True)),
    }


def second_row(emotion: str, confidence: float, probs: np.ndarray) -> FaceRow:
    """What a second model says of the face, as ``face_row`` without box, after ``SECOND``."""
    row: FaceRow = {"emotion": emotion, "confidence": round(confidence, 4), **named_probs(probs)}
    return {SECOND + name: value for name, value in row.items()}


def named_probs(probs: np.ndarray) -> dict[str, float]:
    """A column per emotion, rounded to four digits."""
    return {name: round(float(p), 4) for name, p in zip(EMOTIONS, probs, strict=True)}
