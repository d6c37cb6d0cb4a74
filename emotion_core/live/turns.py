"""Pictures that are turned, and tilted faces: search them upright, answer in the picture's own frame."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from emotion_core.live.detect import Detection

Search = Callable[[np.ndarray], list[Detection]]

_PATCH = 320  # pixels per side of the picture around a tilted face that is searched again
_AROUND = 2.8  # its side, in sides of the face's box
_MOST_LOOKS = 6
_LEVEL = 1.5  # degrees of tilt that are left as they are
_LEAST_GAIN = 6.0  # degrees by which the first look must have been wrong


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


def levelled(frame: np.ndarray, item: Detection, search: Search) -> Detection:
    """A tilted face as it is found when it stands upright.

    YuNet knows upright faces, so it sees the eyes of a face that is tilted by 45 degrees at about 5
    (docs/live.md). Here the picture is turned by what it sees, and searched again, until the eyes
    are level: the remaining tilt falls by half or more at each look.

    Args:
        frame: BGR uint8 ``(H, W, 3)``.
        item: A face with landmarks.
        search: Finds the faces of a small picture.

    Returns:
        The face with its box, landmarks and turn, in pixels of the frame; ``item`` itself where
        no look finds a face that is at least as sure, or where it was level as it was.
    """
    best, look = item, item
    for _ in range(_MOST_LOOKS):
        middle = (look.box_xyxy[:2] + look.box_xyxy[2:]) / 2
        side = float(np.sqrt(np.prod(np.maximum(look.box_xyxy[2:] - look.box_xyxy[:2], 1.0))))
        degrees = look.upright_degrees
        centre = (float(middle[0]), float(middle[1]))
        matrix = cv2.getRotationMatrix2D(centre, degrees, _PATCH / (_AROUND * side))
        matrix[:, 2] += _PATCH / 2 - middle
        size = (_PATCH, _PATCH)
        patch = cv2.warpAffine(frame, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        found = search(np.asarray(patch))
        if not found:
            break
        nearest = min(found, key=lambda other: _from_middle(other.box_xyxy))
        look = _in_frame(nearest, cv2.invertAffineTransform(matrix), degrees)
        if look.score >= best.score:
            best = look
        if abs(nearest.roll_degrees) < _LEVEL:
            break
    wrong = abs((best.upright_degrees - item.upright_degrees + 180) % 360 - 180)
    return best if wrong >= _LEAST_GAIN else item


def _from_middle(box_xyxy: np.ndarray) -> float:
    """Distance of a box's centre from the middle of the patch, in pixels."""
    return float(np.hypot(*((box_xyxy[:2] + box_xyxy[2:] - _PATCH) / 2)))


def _in_frame(item: Detection, back: np.ndarray, degrees: float) -> Detection:
    """A face of a patch that was turned by some degrees, in pixels of the frame.

    Its box keeps its size: it lies square in the frame, around the same middle.
    """
    x1, y1, x2, y2 = item.box_xyxy.tolist()
    points = np.array(
        [[(x1 + x2) / 2, (y1 + y2) / 2], *(() if item.landmarks is None else item.landmarks)],
        np.float64,
    )
    middle, *landmarks = (points @ back[:, :2].T + back[:, 2]).astype(np.float32)
    half = np.array([x2 - x1, y2 - y1]) / 2 * float(np.hypot(back[0, 0], back[1, 0]))
    turn = round((degrees + item.roll_degrees) / 90) % 4
    half = half[::-1] if turn % 2 else half
    return replace(
        item,
        box_xyxy=np.concatenate([middle - half, middle + half]).astype(np.float32),
        landmarks=np.stack(landmarks) if landmarks else None,
        turn=turn,
    )
