"""Pictures that lie on a side or on their head: search them turned, answer in their own frame."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from emotion_core.live.detect import Detection

Search = Callable[[np.ndarray], list[Detection]]


def search_turned(
    frame: np.ndarray, upright: Sequence[Detection], search: Search, *, floor: float
) -> list[Detection]:
    """The faces of the quarter turn in which faces are found most surely.

    The sum of ``(score - floor) ** 2`` decides. A plain sum of scores does not do: a face on its
    head often gives two boxes of low scores, which outweigh one of a high score (docs/live.md).

    Args:
        frame: BGR uint8 ``(H, W, 3)``.
        upright: What ``search`` found in the frame as it is; it wins a tie.
        search: Finds the faces of a picture.
        floor: Least score of a face.

    Returns:
        Faces in pixels of the frame, with their ``turn``.
    """

    def sureness(found: Sequence[Detection]) -> float:
        return float(sum((item.score - floor) ** 2 for item in found))

    best, most = list(upright), sureness(upright)
    for turn in (1, 3, 2):  # a camera held upright is commoner than one on its head
        found = search(np.ascontiguousarray(np.rot90(frame, turn)))
        if sureness(found) > most:
            most = sureness(found)
            best = [turned_back(item, turn, frame.shape[:2]) for item in found]
    return best


def turned_back(item: Detection, turn: int, shape: tuple[int, int]) -> Detection:
    """A face of a turned picture, in pixels of the picture itself.

    Args:
        item: A face of ``np.rot90(picture, turn)``.
        turn: Quarter turns against the clock.
        shape: Height and width of the picture.
    """
    height, width = shape

    def back(points: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        turned = {0: (x, y), 1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}
        return np.stack(turned[turn % 4], axis=1).astype(np.float32)

    corners = back(item.box_xyxy.reshape(2, 2))
    points = None if item.landmarks is None else back(item.landmarks)
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return replace(item, box_xyxy=box, landmarks=points, turn=(item.turn + turn) % 4)
