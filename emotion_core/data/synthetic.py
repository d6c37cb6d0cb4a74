"""Faces drawn by code, so that everything can be tried without a download.

They are cartoons: a person tells the seven expressions apart, and so does a small network within
minutes. A model trained on them knows nothing about photographs.
"""

from dataclasses import replace

import cv2
import numpy as np

from emotion_core.data.cartoon import EXPRESSIONS, Cartoon, Expression
from emotion_core.data.faces import (
    FACE_SIZE,
    SPLITS,
    SYNTHETIC_SPEC,
    FaceData,
    Note,
    fingerprint,
)
from emotion_core.data.parsed import Progress
from emotion_core.labels import EMOTIONS

DEFAULT_COUNT = 2800
_SUPERSAMPLE = 2  # drawn larger and shrunk, for soft edges
_CHUNK = 100


def synthetic_faces(
    count: int = DEFAULT_COUNT, seed: int = 0, *, progress: Progress | None = None
) -> FaceData:
    """Draw a balanced data set, cut 80/10/10.

    Args:
        count: Number of faces.
        seed: Same seed, same faces.
        progress: Told the share done.
    """
    labels = np.arange(count) % len(EMOTIONS)
    images = np.empty((count, FACE_SIZE, FACE_SIZE), np.uint8)

    # In one thread: the strokes are so small that two threads mostly wait for each other.
    for position, label in enumerate(labels):
        images[position] = draw_face(EMOTIONS[label], (seed, position))
        if progress and (position + 1) % _CHUNK == 0:
            progress("Drawing faces", (position + 1) / count)
    splits = _cut(labels, seed)
    test = splits == SPLITS.index("test")
    return FaceData(
        images=images,
        labels=labels.astype(np.int64),
        splits=splits,
        usage=np.full(count, ""),
        ids=np.array([f"synthetic_{seed}_{position}" for position in range(count)]),
        name="synthetic",
        source=SYNTHETIC_SPEC if count == DEFAULT_COUNT else f"{SYNTHETIC_SPEC}:{count}",
        fingerprint=fingerprint(images, labels, splits),
        test_fingerprint=fingerprint(images[test], labels[test], splits[test]),
        synthetic=True,
        notes=(Note("warning", "synthetic", "faces drawn by code, not photographs", count),),
    )


def draw_face(
    emotion: str,
    seed: int | tuple[int, ...],
    size: int = FACE_SIZE,
    *,
    clean: bool = False,
    intensity: float | None = None,
) -> np.ndarray:
    """Draw one face that fills its square.

    Args:
        emotion: One of ``labels.EMOTIONS``.
        seed: Decides person, pose, light and disturbances.
        size: Side in pixels.
        clean: Leave out noise, blur, tilt and occlusion, as for a person that moves smoothly.
        intensity: Strength of the expression, 1 is typical; drawn from the seed if None.

    Returns:
        uint8 ``(size, size)``.
    """
    rng = np.random.default_rng(seed)
    strength = rng.uniform(0.75, 1.2) if intensity is None else intensity
    # The person has a generator of its own, so that another expression leaves it the same.
    person = np.random.default_rng((1, *np.atleast_1d(seed)))
    face = Cartoon(size * _SUPERSAMPLE, person, clean)
    face.draw(_scaled(EXPRESSIONS[emotion], strength, rng))
    image = cv2.resize(face.image, (size, size), interpolation=cv2.INTER_AREA)
    if clean:
        return image
    light = rng.uniform(-0.35, 0.35, 2)
    line = np.linspace(-1, 1, size)
    values = image * (rng.uniform(0.75, 1.15) + light[0] * line + light[1] * line[:, None])
    if rng.random() < 0.3:
        values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.4, 0.9) * size / FACE_SIZE)
    values += rng.normal(0, rng.uniform(1, 9), values.shape)
    noisy: np.ndarray = np.clip(values, 0, 255).astype(np.uint8)
    return noisy


def _scaled(expression: Expression, strength: float, rng: np.random.Generator) -> Expression:
    def vary(value: float, spread: float, rest: float = 0.0) -> float:
        return rest + (value - rest) * strength + rng.normal(0, spread)

    return replace(
        expression,
        brow_raise=vary(expression.brow_raise, 0.012),
        brow_slope=vary(expression.brow_slope, 0.015),
        brow_arch=vary(expression.brow_arch, 0.01),
        eye_open=max(0.25, vary(expression.eye_open, 0.06, 1.0)),
        mouth_curve=vary(expression.mouth_curve, 0.012),
        mouth_open=max(0.0, vary(expression.mouth_open, 0.012)) if expression.mouth_open else 0.0,
        mouth_width=vary(expression.mouth_width, 0.05, 1.0),
        lip_raise=expression.lip_raise * strength,
    )


def _cut(labels: np.ndarray, seed: int) -> np.ndarray:
    """Split codes: 80/10/10 of each emotion, by seed."""
    rng = np.random.default_rng(seed)
    codes = np.zeros(len(labels), np.uint8)
    for label in range(len(EMOTIONS)):
        members = rng.permutation(np.flatnonzero(labels == label))
        tenth = max(1, round(len(members) / 10)) if len(members) >= 3 else 0
        codes[members[:tenth]] = SPLITS.index("test")
        codes[members[tenth : 2 * tenth]] = SPLITS.index("val")
    return codes
