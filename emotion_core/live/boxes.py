"""Boxes ``(4,)`` in pixels: left, top, right, bottom."""

import numpy as np


def area(box: np.ndarray) -> float:
    """Square pixels; 0 of a box whose ends are swapped."""
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def centre(box: np.ndarray) -> np.ndarray:
    """Its middle ``(2,)``."""
    middle: np.ndarray = (box[:2] + box[2:]) / 2
    return middle


def intersection(one: np.ndarray, other: np.ndarray) -> float:
    """Square pixels that two boxes share."""
    left_top, right_bottom = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    return area(np.concatenate([left_top, right_bottom]))


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes, 0..1."""
    both = intersection(one, other)
    return both / max(area(one) + area(other) - both, 1e-6)


def overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersections of a box with others ``(N, 4)`` as shares of the smaller one, so that a part of
    a face counts as the face."""
    corners = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    smaller = np.maximum(np.minimum(area(box), areas), 1e-6)
    shared: np.ndarray = np.prod(np.maximum(corners, 0.0), axis=1) / smaller
    return shared
