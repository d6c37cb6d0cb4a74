"""Pictures of single predictions: heat on a face, and the feature map."""

import cv2
import numpy as np
from scipy.spatial import cKDTree

from emotion_core import units
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.plots.pictures import data_uri

FACE_PIXELS = 288  # a face of 48 pixels, enlarged six times
_FOR, _AGAINST = np.array([230, 97, 0]), np.array([26, 133, 255])  # apart for colour-blind people
_SHAPES = ("circle", "square", "cross", "diamond", "triangle-up", "triangle-down", "triangle-right")


def enlarge_face(face: np.ndarray, size: int = FACE_PIXELS) -> np.ndarray:
    """A face large enough to look at.

    Args:
        face: ``(48, 48)`` uint8.
        size: Side of the result in pixels.

    Returns:
        RGB uint8 ``(size, size, 3)``.
    """
    large = cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.repeat(np.asarray(large, np.uint8)[..., None], 3, axis=2)


def heat_on_face(face: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay a heat map over a face: dark violet is cold, yellow hot (readable without colour too).

    Args:
        face: ``(48, 48)`` uint8.
        heat: ``(48, 48)`` in 0..1.

    Returns:
        RGB uint8 ``(288, 288, 3)``.
    """
    base = enlarge_face(face).astype(np.float32)
    smooth = cv2.resize(heat, base.shape[:2], interpolation=cv2.INTER_LINEAR).clip(0, 1)
    colors = cv2.applyColorMap((smooth * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    mixed = 0.45 * base + 0.55 * colors
    return np.asarray(mixed.clip(0, 255), np.uint8)


def drop_on_face(face: np.ndarray, drop: np.ndarray, largest: float) -> np.ndarray:
    """Lay an occlusion map over a face: orange speaks for the emotion, blue against it.

    Args:
        face: ``(48, 48)`` uint8.
        drop: ``(48, 48)``, fall of the probability when a pixel is covered.
        largest: The change that is drawn in full colour.

    Returns:
        RGB uint8 ``(288, 288, 3)``.
    """
    base = enlarge_face(face).astype(np.float32)
    smooth = cv2.resize(drop, base.shape[:2], interpolation=cv2.INTER_LINEAR)
    share = (np.abs(smooth) / max(largest, 1e-6)).clip(0, 1)[..., None] * 0.75
    color = np.where(smooth[..., None] >= 0, _FOR, _AGAINST)
    return np.asarray(((1 - share) * base + share * color).clip(0, 255), np.uint8)


def agreement_reading(heat: np.ndarray, drop: np.ndarray) -> str:
    """One sentence on whether Grad-CAM and occlusion point at the same parts of the face.

    Args:
        heat: ``(48, 48)``, Grad-CAM of an emotion.
        drop: ``(48, 48)``, occlusion of the same emotion.
    """
    helpful = np.maximum(drop, 0)
    if heat.std() < 1e-6 or helpful.std() < 1e-6:
        return "One of the two maps is even, so they cannot be compared."
    found = float(np.corrcoef(heat.ravel(), helpful.ravel())[0, 1])
    said = f"(correlation {units.number(found, 2)})"
    if found >= 0.5:
        return f"Grad-CAM and occlusion point to the same regions {said}."
    regions = "partly different" if found >= 0.2 else "different"
    return f"Grad-CAM and occlusion point to {regions} regions {said}, so treat both with caution."


def feature_map(
    positions: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    rows: np.ndarray,
    faces: np.ndarray | None,
    *,
    by: str = "actual",
    axes: tuple[str, str] = ("", ""),
    height: int = 520,
) -> dict[str, object]:
    """A Vega-Lite chart of a 2-D map whose tooltip shows the face; a click picks its ``row``.

    Vega-Lite, because Plotly's hover cannot show a picture.

    Args:
        positions: ``(n, 2)``.
        labels: ``(n,)`` actual emotions, as indices.
        predicted: ``(n,)`` predicted ones.
        rows: ``(n,)`` positions in the test order.
        faces: ``(n, 48, 48)`` uint8; None where the data set is not there.
        by: ``actual`` or ``predicted``: what colour and shape stand for.
        axes: Titles.
        height: Pixels.
    """
    values = []
    for index, (x, y) in enumerate(positions.tolist()):
        value = {
            "x": round(x, 3),
            "y": round(y, 3),
            "row": int(rows[index]),
            "actual": EMOTIONS[labels[index]],
            "predicted": EMOTIONS[predicted[index]],
        }
        if faces is not None:
            value["image"] = data_uri(faces[index], jpeg=85)
        values.append(value)
    scale = {"domain": list(EMOTIONS), "range": list(COLORS.values())}
    shapes = {"domain": list(EMOTIONS), "range": list(_SHAPES)}
    tooltip = [{"field": "actual"}, {"field": "predicted"}]
    if faces is not None:
        tooltip.append({"field": "image"})
    return {
        "data": {"values": values},
        "height": height,
        "params": [
            {"name": "picked", "select": {"type": "point", "fields": ["row"], "toggle": False}},
        ],
        "mark": {"type": "point", "filled": True, "size": 55},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "title": axes[0], "scale": {"zero": False}},
            "y": {"field": "y", "type": "quantitative", "title": axes[1], "scale": {"zero": False}},
            "color": {
                "field": by,
                "type": "nominal",
                "scale": scale,
                "legend": {"orient": "bottom", "columns": 4, "title": by},
            },
            "shape": {"field": by, "type": "nominal", "scale": shapes},
            "opacity": {"condition": {"param": "picked", "value": 0.85}, "value": 0.25},
            "tooltip": tooltip,
        },
    }


def map_reading(positions: np.ndarray, labels: np.ndarray) -> str:
    """One sentence: how often the nearest neighbour on the map has the same emotion."""
    _, two = cKDTree(positions).query(positions, k=2)
    # A point at the same place may come before the point itself.
    other = np.where(two[:, 0] == np.arange(len(two)), two[:, 1], two[:, 0])
    same = float((labels[other] == labels).mean())
    shares = np.bincount(labels, minlength=len(EMOTIONS)) / len(labels)
    return (
        f"The nearest neighbor on the map has the same actual emotion for "
        f"{units.percent(same, 0)} of {units.faces(len(labels))}; in random order it would be "
        f"{units.percent(float((shares**2).sum()), 0)}."
    )
