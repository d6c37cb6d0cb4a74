"""Features that no label has taught: what small patches of faces look like (Coates and Ng 2011).

Patches are whitened, sorted into kinds by spherical k-means, and counted by region of the face.
"""

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_SIDE = 7  # pixels of a patch
_STRIDE = 2  # pixels at whole size; 1 at half size
_REGIONS = 4  # along each side of the face
_KINDS = 300
_LEARNED = 40_000  # patches that the kinds are found from
_ROUNDS = 8
_STEADY = 0.05  # keeps noise from being blown up where a patch is even
_FLOOR = 1.0  # how alike a patch must be to count
_BLOCK = 100  # faces


class Patches:
    """Kinds of patches, learned from faces without their labels."""

    def __init__(self, faces: np.ndarray, shrink: int = 1) -> None:
        """Find the kinds.

        Args:
            faces: ``(n, 48, 48)`` uint8.
            shrink: 1, or 2 for faces of half the side, whose patches show twice as much.
        """
        rng = np.random.default_rng(0)
        self._shrink = shrink
        some = faces[:: max(1, len(faces) // 1_000)]
        found = _cut(_even(self._sized(some)), stride=5 // shrink)[0]
        found = found[rng.permutation(len(found))[:_LEARNED]]
        self._mean = found.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov((found - self._mean).T))
        self._white = ((vectors / np.sqrt(values + _STEADY)) @ vectors.T).astype(np.float32)
        self._kinds = _kinds((found - self._mean) @ self._white, rng)

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """How much of each kind, and of its negative, is in each region: float32 ``(n, 9600)``."""
        parts = []
        for start in range(0, len(faces), _BLOCK):
            part = _even(self._sized(faces[start : start + _BLOCK]))
            cut, (count, rows, columns) = _cut(part, _STRIDE // self._shrink)
            like = ((cut - self._mean) @ self._white) @ self._kinds.T
            both = np.concatenate([np.maximum(like - _FLOOR, 0), np.maximum(-like - _FLOOR, 0)], 1)
            maps = both.reshape(count, rows, columns, -1)
            regions = [
                maps[:, low : low + rows // _REGIONS + 1, left : left + columns // _REGIONS + 1]
                for low in range(0, rows - 2, rows // _REGIONS)
                for left in range(0, columns - 2, columns // _REGIONS)
            ]
            parts.append(np.concatenate([region.mean(axis=(1, 2)) for region in regions], axis=1))
        found: np.ndarray = np.sqrt(np.concatenate(parts))
        return found

    def _sized(self, faces: np.ndarray) -> np.ndarray:
        if self._shrink == 1:
            return faces
        side = faces.shape[1] // self._shrink
        small = [
            cv2.resize(np.ascontiguousarray(face), (side, side), interpolation=cv2.INTER_AREA)
            for face in faces
        ]
        return np.stack(small)


def _even(faces: np.ndarray) -> np.ndarray:
    """Faces of mean 0 and deviation 1."""
    values = faces.astype(np.float32)
    values -= values.mean(axis=(1, 2), keepdims=True)
    found: np.ndarray = values / (values.std(axis=(1, 2), keepdims=True) + 1)
    return found


def _cut(faces: np.ndarray, stride: int) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Patches ``(k, 49)`` of mean 0 and deviation 1; faces, and patches down and across a face."""
    windows = sliding_window_view(faces, (_SIDE, _SIDE), axis=(1, 2))[:, ::stride, ::stride]
    count, rows, columns = windows.shape[:3]
    found = windows.reshape(count * rows * columns, _SIDE * _SIDE)
    found = found - found.mean(axis=1, keepdims=True)
    found /= np.sqrt(found.var(axis=1, keepdims=True) + _STEADY)
    return found, (count, rows, columns)


def _kinds(patches: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Directions ``(kinds, 49)`` of length 1 that patches lie along, by spherical k-means."""
    unit = patches / (np.linalg.norm(patches, axis=1, keepdims=True) + 1e-6)
    kinds = unit[: min(_KINDS, len(unit))].copy()
    for _ in range(_ROUNDS):
        like = unit @ kinds.T
        best = np.abs(like).argmax(axis=1)
        kinds = 1e-3 * rng.standard_normal(kinds.shape, np.float32)
        np.add.at(kinds, best, unit * like[np.arange(len(unit)), best][:, None])
        kinds /= np.linalg.norm(kinds, axis=1, keepdims=True)
    found: np.ndarray = kinds
    return found
