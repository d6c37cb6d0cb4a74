"""Degraded faces: nine corruptions at five strengths (after Hendrycks & Dietterich 2019), and views
of the same face as another camera or another face detector gives them."""

from collections.abc import Callable, Mapping

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
    shift = 255 * 0.1 * strength * _signs(faces, rng)[:, None, None]
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
    return _each(faces, lambda face: _shrunk(face, size))


def rotation(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Turned by 8 to 40 degrees to either side."""
    return _turned(faces, 8.0 * strength * _signs(faces, rng), np.ones(len(faces)))


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
    return _shifted(faces, 2.0 * strength, angles)


def offset(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Shifted by 5 to 25 % of the side in a random direction."""
    return _shifted(faces, 0.05 * strength * FACE_SIZE, rng.uniform(0, 2 * np.pi, size=len(faces)))


def scale(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Larger or smaller by 5 to 25 %, either with probability one half."""
    return _turned(faces, np.zeros(len(faces)), 1 + 0.05 * strength * _signs(faces, rng))


def tilt(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Turned by 6 to 30 degrees to either side."""
    return _turned(faces, 6.0 * strength * _signs(faces, rng), np.ones(len(faces)))


def at_24_pixels(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Shrunk to 24 pixels and back, at any strength."""
    return _each(faces, lambda face: _shrunk(face, 24))


def contrast_either(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Differences from the mean multiplied or divided by 1.3 to 2.5."""
    factor = (1 + 0.3 * strength) ** _signs(faces, rng)[:, None, None]
    mean = faces.mean(axis=(1, 2), keepdims=True)
    return _to_bytes(mean + factor * (faces - mean))


def gamma(faces: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Gray values 0..1 to the power of 1.3 to 2.5 or of its inverse."""
    power = (1 + 0.3 * strength) ** _signs(faces, rng)[:, None, None]
    return _to_bytes(255 * (faces / 255) ** power)


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

# Views by the part of the transfer measure that they belong to, with their strengths.
FRAMING: dict[str, Corruption] = {"offset": offset, "scale": scale, "tilt": tilt}
LIGHT: dict[str, Corruption] = {"contrast": contrast_either, "gamma": gamma}
LOW_RESOLUTION: dict[str, Corruption] = {"24 pixels": at_24_pixels}


def corrupt(
    faces: np.ndarray,
    corruption: str,
    strength: int,
    *,
    seed: int = 0,
    kinds: Mapping[str, Corruption] = CORRUPTIONS,
) -> np.ndarray:
    """Degrade faces.

    Args:
        faces: ``(N, 48, 48)`` uint8.
        corruption: A key of ``kinds``.
        strength: 1 (slight) to 5 (severe).
        seed: Of what is random in it.
        kinds: Corruptions by name.

    Returns:
        New uint8 faces of the same shape.
    """
    if len(faces) == 0:
        return faces.copy()
    return kinds[corruption](faces, strength, np.random.default_rng(seed))


def _each(faces: np.ndarray, act: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([act(face) for face in faces]).astype(np.uint8)


def _signs(faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.choice([-1.0, 1.0], size=len(faces))


def _shrunk(face: np.ndarray, size: int) -> np.ndarray:
    small = cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(
        cv2.resize(small, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_LINEAR), np.uint8
    )


def _shifted(faces: np.ndarray, pixels: float, angles: np.ndarray) -> np.ndarray:
    shifts = pixels * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.stack(
        [
            _warp(face, np.array([[1, 0, dx], [0, 1, dy]], np.float64))
            for face, (dx, dy) in zip(faces, shifts, strict=True)
        ]
    )


def _turned(faces: np.ndarray, degrees: np.ndarray, zooms: np.ndarray) -> np.ndarray:
    middle = ((FACE_SIZE - 1) / 2, (FACE_SIZE - 1) / 2)
    return np.stack(
        [
            _warp(face, cv2.getRotationMatrix2D(middle, angle, zoom))
            for face, angle, zoom in zip(faces, degrees, zooms, strict=True)
        ]
    )


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
