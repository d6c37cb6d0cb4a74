"""Draw what the pipeline found into a frame."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np

from emotion_core.labels import COLORS
from emotion_core.live.results import Face, FrameResult, Reading
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.units import percent

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_UNCERTAIN_BGR = (150, 150, 150)
_Area = tuple[int, int, int, int]  # left, top, right, bottom


def draw_result(
    frame: np.ndarray, result: FrameResult, *, lines: Sequence[str] = (), names: Sequence[str] = ()
) -> np.ndarray:
    """Draw all faces and, top left, lines of text.

    Args:
        frame: BGR uint8 ``(H, W, 3)``; drawn into and returned.
        result: The pipeline's answer for this frame.
        lines: Overlay such as frame rate and latency.
        names: Names of the two models, when two are compared.
    """
    draw_faces(frame, result.faces, names=names)
    scale = _scale(frame)
    y = 0
    for text in lines:
        y += _label(frame, text, (0, y), (30, 30, 30), scale * 0.8)
    return frame


def draw_faces(
    frame: np.ndarray, faces: Sequence[Face], *, names: Sequence[str] = ()
) -> np.ndarray:
    """Draw box, emotion and confidence bar of each face.

    The box has the colour of the track, which stays; label and bar have that of the emotion. Where
    there are several faces, their labels begin with their numbers. No label covers another's while
    the frame has room.

    Args:
        frame: BGR uint8 ``(H, W, 3)``; drawn into and returned.
        faces: Of this frame.
        names: Names of the two models, when two are compared.
    """
    scale, height = _scale(frame), _text_height(_scale(frame))
    taken: list[_Area] = []
    for face in faces:  # all boxes first: none runs through a label
        left, top, right, bottom = (round(float(value)) for value in face.box_xyxy)
        # A dark line outside keeps the box visible on a background of its own colour.
        thick = max(2, round(2 * scale))
        cv2.rectangle(frame, (left - 1, top - 1), (right + 1, bottom + 1), (20, 20, 20), thick + 2)
        cv2.rectangle(frame, (left, top), (right, bottom), track_bgr(face.track_id), thick)
        color = emotion_bgr(face.emotion)
        _bar(frame, (left, bottom, right), face.confidence, color, scale)
    for face in faces:
        number = f"{face.track_id} " if len(faces) > 1 else ""
        readings = [face.reading, face.second] if face.second else [face.reading]
        shown = [*names, "", ""] if face.second else [""]
        texts = [number + _text(*pair) for pair in zip(readings, shown, strict=False)]
        size = max(_label_width(text, scale) for text in texts), height * len(texts)
        area = _free_area(frame, face, size, taken)
        taken.append(area)
        for index, (text, found) in enumerate(zip(texts, readings, strict=True)):
            place = area[0], area[1] + index * height
            _label(frame, text, place, emotion_bgr(found.emotion), scale)
    return frame


def _free_area(
    frame: np.ndarray, face: Face, size: tuple[int, int], taken: Sequence[_Area]
) -> _Area:
    """Where a face's label of this width and height hits no earlier one: above the box, below it,
    or else the free place nearest to its top."""
    scale, (width, height) = _scale(frame), size
    left, top, _, bottom = (round(float(value)) for value in face.box_xyxy)
    left = max(min(left, frame.shape[1] - width), 0)
    lowest = max(frame.shape[0] - height, 0)
    above, below = min(top - height, lowest), min(max(bottom + round(8 * scale), 0), lowest)
    others = range(0, lowest + 1, _text_height(scale))
    nearest = sorted(others, key=lambda y: abs(y - above))
    for y in (above, below, *nearest):
        area = left, y, left + width, y + height
        if y >= 0 and not any(_overlap(area, other) for other in taken):
            return area
    return left, below, left + width, below + height


def _overlap(a: _Area, b: _Area) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def emotion_bgr(emotion: str) -> tuple[int, int, int]:
    """An emotion's colour as OpenCV wants it; gray for uncertain."""
    if emotion == UNCERTAIN:
        return _UNCERTAIN_BGR
    code = COLORS[emotion]
    return int(code[5:7], 16), int(code[3:5], 16), int(code[1:3], 16)


def track_bgr(track_id: int) -> tuple[int, int, int]:
    """A track's colour: neighbouring numbers differ most, all are bright."""
    red, green, blue = colorsys.hsv_to_rgb(track_id * 0.618034 % 1, 0.5, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


def _text(reading: Reading, name: str) -> str:
    found = f"{reading.emotion} {percent(reading.confidence, 0)}"
    return f"{name}: {found}" if name else found


def _scale(frame: np.ndarray) -> float:
    return max(0.6, float(frame.shape[0]) / 480)


def _text_height(scale: float) -> int:
    return round(22 * scale)


def _font(scale: float) -> tuple[float, int]:
    return 0.55 * scale, max(1, round(1.4 * scale))


def _label_width(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, _FONT, *_font(scale))[0][0]) + round(10 * scale)


def _label(
    frame: np.ndarray, text: str, place: tuple[int, int], color: tuple[int, int, int], scale: float
) -> int:
    """Text on a filled ground, black or white, whichever reads better; returns its height."""
    height, width = _text_height(scale), _label_width(text, scale)
    size, thick = _font(scale)
    left = min(max(place[0], 0), max(frame.shape[1] - width, 0))
    top = min(max(place[1], 0), max(frame.shape[0] - height, 0))
    cv2.rectangle(frame, (left, top), (left + width, top + height), color, -1)
    # Relative luminance after WCAG, without the gamma: enough to pick between two.
    light = 0.114 * color[0] + 0.587 * color[1] + 0.299 * color[2]
    ink = (0, 0, 0) if light > 110 else (255, 255, 255)
    base = (left + round(5 * scale), top + round(height * 0.72))
    cv2.putText(frame, text, base, _FONT, size, ink, thick, cv2.LINE_AA)
    return height


def _bar(
    frame: np.ndarray,
    place: tuple[int, int, int],
    share: float,
    color: tuple[int, int, int],
    scale: float,
) -> None:
    left, bottom, right = place
    height = max(3, round(5 * scale))
    cv2.rectangle(frame, (left, bottom + 2), (right, bottom + 2 + height), (30, 30, 30), -1)
    end = left + round((right - left) * min(max(share, 0.0), 1.0))
    cv2.rectangle(frame, (left, bottom + 2), (end, bottom + 2 + height), color, -1)
