"""Degraded faces: nine corruptions at five strengths (after Hendrycks & Dietterich 2019)."""

from collections.abc import Callable

import cv2
import numpy as np

from emotion_core.data.faces import FACE_SIZE

STRENGTHS = (1, 2, 3, 4, 5)


def blur(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian, deviation 0.6 to 2.4 pixels."""
    sigma = (0.6, 0.9, 1.3, 1.8, 2.4)[strength - 1]
    return _each(faces, lambda face: cv2.GaussianBlur(face, (0, 0), sigma))


def noise(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian, deviation 4 to 24 % of white."""
    deviation = 255 * (0.04, 0.08, 0.12, 0.18, 0.24)[strength - 1]
    return _to_bytes(faces + rng.normal(0, deviation, faces.shape))


def brightness(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Lighter or darker by 10 to 50 % of white, either with probability one half."""
    shift = 255 * 0.1 * strength * rng.choice([-1.0, 1.0], size=(len(faces), 1, 1))
    return _to_bytes(faces + shift)


def contrast(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Differences from the mean shrunk to 70 to 10 %."""
    factor = (0.7, 0.5, 0.35, 0.2, 0.1)[strength - 1]
    mean = faces.mean(axis=(1, 2), keepdims=True)
    return _to_bytes(mean + factor * (faces - mean))


def jpeg(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """JPEG of quality 40 to 5."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, (40, 25, 15, 10, 5)[strength - 1]]

    def recode(face: np.ndarray) -> np.ndarray:
        _, data = cv2.imencode(".jpg", face, quality)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)

    return _each(faces, recode)


def low_resolution(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Shrunk to 36 to 12 pixels and back."""
    size = (36, 28, 22, 16, 12)[strength - 1]

    def shrink(face: np.ndarray) -> np.ndarray:
        small = cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_LINEAR)

    return _each(faces, shrink)


def rotation(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Turned by 8 to 40 degrees to either side."""
    degrees = 8.0 * strength * rng.choice([-1.0, 1.0], size=len(faces))
    middle = ((FACE_SIZE - 1) / 2, (FACE_SIZE - 1) / 2)
    return np.stack(
        [
            _warp(face, cv2.getRotationMatrix2D(middle, angle, 1.0))
            for face, angle in zip(faces, degrees, strict=True)
        ]
    )


def occlusion(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """One gray square of 10 to 26 pixels at a random place."""
    size = 6 + 4 * strength
    degraded = faces.copy()
    corners = rng.integers(0, FACE_SIZE - size + 1, size=(len(faces), 2))
    for face, (top, left) in zip(degraded, corners, strict=True):
        face[top : top + size, left : left + size] = 128
    return degraded


def crop_shift(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Shifted by 2 to 10 pixels in a random direction, as a face detector's box may be."""
    angles = rng.uniform(0, 2 * np.pi, size=len(faces))
    shifts = 2.0 * strength * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.stack(
        [
            _warp(face, np.array([[1, 0, dx], [0, 1, dy]], np.float64))
            for face, (dx, dy) in zip(faces, shifts, strict=True)
        ]
    )


Corruption = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


CORRUPTIONS: dict[str, Corruption] = {
    "blur": blur,
    "noise": noise,
    "brightness": brightness,
    "contrast": contrast,
    "JPEG": jpeg,
    "low resolution": low_resolution,
    "rotation": rotation,
    "occlusion": occlusion,
    "crop shift": crop_shift,
}


def corrupt(faces: np.ndarray, corruption: str, strength: int, *, seed: int = 0) -> np.ndarray:
    """Degrade faces.

    Args:
        faces: ``(N, 48, 48)`` uint8.
        corruption: A key of ``CORRUPTIONS``.
        strength: 1 (slight) to 5 (severe).
        seed: Of what is random in it.

    Returns:
        New uint8 faces of the same shape.
    """
    if len(faces) == 0:
        return faces.copy()
    return CORRUPTIONS[corruption](faces, strength, np.random.default_rng(seed))


def _each(faces: np.ndarray, act: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([act(face) for face in faces]).astype(np.uint8)


def _warp(face: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    warped = cv2.warpAffine(
        face,
        matrix,
        (FACE_SIZE, FACE_SIZE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    degraded: np.ndarray = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return degraded
