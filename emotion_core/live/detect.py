"""Find faces and cut them out as FER-2013 cuts its faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import cv2.data
import numpy as np

from emotion_core.data.faces import FACE_SIZE
from emotion_core.errors import LiveError
from emotion_core.live.yunet_file import yunet_path

# Sides at which each detector is searched: YuNet finds small faces only in a large picture, Haar
# finds more in a small one, where a face has fewer details (docs/live.md).
YUNET_SIDE = 640
HAAR_SIDE = 288
_LEAST_FACE = 20  # pixels of the picture that is searched
# Hits that must agree besides the first; fewer let false boxes through, more lose faces.
_HAAR_NEIGHBOURS = 2
_MOST_TILT = 60.0  # degrees; beyond it the eyes are more likely wrong than the face lying


@dataclass(frozen=True)
class Detection:
    """One found face.

    Attributes:
        box_xyxy: float32 ``(4,)`` left, top, right, bottom in pixels of the frame.
        score: The detector's certainty, 0..1.
        landmarks: float32 ``(5, 2)`` right eye, left eye, nose, right and left mouth corner (of
            the person) in pixels, or None.
        turn: Quarter turns against the clock (0 to 3) after which the face stands upright.
    """

    box_xyxy: np.ndarray
    score: float = 1.0
    landmarks: np.ndarray | None = None
    turn: int = 0

    @property
    def upright_degrees(self) -> float:
        """Degrees against the clock that bring the face upright: its turn, and its tilt by the
        eyes where that can be believed."""
        tilt = (self.roll_degrees - 90 * self.turn + 180) % 360 - 180
        return 90 * self.turn + (tilt if abs(tilt) <= _MOST_TILT else 0.0)

    @property
    def roll_degrees(self) -> float:
        """Tilt of the line between the eyes, 0 if unknown; positive is clockwise."""
        if self.landmarks is None:
            return 0.0
        dx, dy = self.landmarks[1] - self.landmarks[0]
        return float(np.degrees(np.arctan2(dy, dx)))


class FaceDetector(Protocol):
    """Finds faces.

    An instance keeps OpenCV's buffers, so it is not thread-safe: each pipeline makes its own
    (``create_detector``) and calls it from the one thread that works on its frames.
    """

    kind: str

    def detect(self, frame: np.ndarray) -> list[Detection]:
        """Faces in a BGR uint8 frame ``(H, W, 3)``, in no particular order."""
        ...


class HaarDetector:
    """OpenCV's frontal-face cascade (Viola & Jones 2001), on a smaller gray picture.

    It is inside the OpenCV package, so it always works; YuNet finds more faces in less time. Of
    OpenCV's cascades ``alt2`` finds most and errs least; a larger picture or an equalised one
    makes it worse (docs/live.md).

    Args:
        side: Longer side in pixels of the picture that is searched; 0 takes the best one.
        min_face: Smallest face in pixels of the frame.
    """

    kind = "haar"

    def __init__(self, side: int = 0, min_face: int = 32) -> None:
        path = Path(cv2.data.haarcascades) / "haarcascade_frontalface_alt2.xml"
        self._cascade = cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            raise LiveError(f"OpenCV's face cascade is missing at {path}. Reinstall OpenCV 4.x.")
        self.side, self.min_face = side or HAAR_SIDE, min_face

    def detect(self, frame: np.ndarray) -> list[Detection]:
        """Faces in a BGR uint8 frame ``(H, W, 3)``."""
        gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        small, scale = _shrink(gray, self.side)
        least = max(_LEAST_FACE, round(self.min_face * scale))
        boxes, hits = self._cascade.detectMultiScale2(
            small, 1.15, _HAAR_NEIGHBOURS, minSize=(least, least)
        )
        found = []
        for (x, y, w, h), count in zip(boxes, np.ravel(hits), strict=True):
            # A cascade has no probability; a sure face is hit from many places around it.
            score = float(count / (count + _HAAR_NEIGHBOURS))
            found.append(Detection(np.array([x, y, x + w, y + h], np.float32) / scale, score))
        return without_nested(found)


class YuNetDetector:
    """OpenCV's ``FaceDetectorYN`` with the YuNet network (Wu et al. 2023).

    Args:
        path: The ONNX file.
        side: Longer side in pixels of the picture that is searched; 0 takes the best one.
        min_face: Smallest face in pixels of the frame.
        score: Least certainty of a face.

    Raises:
        LiveError: OpenCV cannot read the file.
    """

    kind = "yunet"

    def __init__(self, path: Path, side: int = 0, min_face: int = 32, score: float = 0.7) -> None:
        try:
            # 0: all candidates are looked at. OpenCV's limit would count them before those of one
            # face are joined, so that 200 lose half of a crowd (docs/live.md).
            self._net = cv2.FaceDetectorYN.create(str(path), "", (320, 320), score, 0.3, 0)
        except cv2.error as error:
            raise LiveError(
                f"{path} is no YuNet model that OpenCV reads. Remove it and run "
                "'python -m emotion_core fetch yunet'."
            ) from error
        self.side, self.min_face = side or YUNET_SIDE, min_face

    def detect(self, frame: np.ndarray) -> list[Detection]:
        """Faces in a BGR uint8 frame ``(H, W, 3)``."""
        small, scale = _shrink(frame, self.side)
        # Of a strip of pixels the network sees nothing, and answers with whatever it read.
        if min(small.shape[:2]) < _LEAST_FACE:
            return []
        self._net.setInputSize((small.shape[1], small.shape[0]))
        _, rows = self._net.detect(small)
        found = []
        for row in rows if rows is not None else ():
            x, y, w, h = row[:4]
            if min(w, h) >= self.min_face * scale:
                box = np.array([x, y, x + w, y + h], np.float32) / scale
                points = row[4:14].reshape(5, 2).astype(np.float32) / scale
                found.append(Detection(box, float(row[14]), points))
        return found


def without_nested(detections: list[Detection]) -> list[Detection]:
    """Largest first, without boxes that lie mostly inside a larger one: parts of its face."""
    kept: list[Detection] = []
    for item in sorted(detections, key=lambda item: -_area(item.box_xyxy)):
        inside = (
            _area(
                np.concatenate(
                    [
                        np.maximum(item.box_xyxy[:2], other.box_xyxy[:2]),
                        np.minimum(item.box_xyxy[2:], other.box_xyxy[2:]),
                    ]
                )
            )
            for other in kept
        )
        if all(area < 0.5 * _area(item.box_xyxy) for area in inside):
            kept.append(item)
    return kept


def _area(box: np.ndarray) -> float:
    return float(np.prod(np.maximum(box[2:] - box[:2], 0)))


def create_detector(kind: str = "auto", *, side: int = 0, min_face: int = 32) -> FaceDetector:
    """Make a detector.

    Args:
        kind: ``yunet``, ``haar``, or ``auto``: YuNet where its file is present, else Haar.
        side: Longer side in pixels of the picture that is searched; 0 takes the detector's best.
        min_face: Smallest face in pixels of the frame.

    Raises:
        LiveError: the kind is unknown, YuNet is asked for and its file is not there, or
            ``EMOTION_YUNET`` names no file.
    """
    if kind not in ("auto", "yunet", "haar"):
        raise LiveError(f"Unknown detector '{kind}'. Choose one of: auto, haar, yunet.")
    path = yunet_path() if kind != "haar" else None
    if kind == "yunet" and path is None:
        raise LiveError(
            "The YuNet file is not on this machine. Run 'python -m emotion_core fetch yunet', or "
            "use the Haar detector."
        )
    if path is not None:
        return YuNetDetector(path, side, min_face)
    return HaarDetector(side, min_face)


@dataclass(frozen=True)
class Framing:
    """How FER-2013's crop lies to a detector's box.

    Attributes:
        margin: Side of the square crop as a share of ``sqrt(width * height)`` of the box.
        lower: How far its centre lies below the box's centre, as a share of the side.
        level_from: Degrees of tilt beyond which the face is turned upright by its eyes.
    """

    margin: float
    lower: float
    level_from: float = 0.0


def crop_face(
    frame: np.ndarray, detection: Detection, kind: str, *, framing: Framing | None = None
) -> np.ndarray:
    """Cut a face out as FER-2013's faces are cut, upright.

    Args:
        frame: BGR uint8 ``(H, W, 3)`` or gray uint8 ``(H, W)``.
        detection: The face; its box may reach beyond the frame, whose edge is then repeated.
        kind: The detector's ``kind``, because each draws its boxes differently.
        framing: Instead of the detector's own in ``FRAMING``.

    Returns:
        Gray uint8 ``(48, 48)``.
    """
    left, top, right, bottom = (float(value) for value in detection.box_xyxy)
    framing = framing or FRAMING[kind]
    side = framing.margin * float(np.sqrt(max(right - left, 1.0) * max(bottom - top, 1.0)))
    down = np.radians(90 * detection.turn)  # where the chin is
    centre = (
        (left + right) / 2 - framing.lower * side * float(np.sin(down)),
        (top + bottom) / 2 + framing.lower * side * float(np.cos(down)),
    )
    angle = detection.upright_degrees
    if abs(angle - 90 * detection.turn) <= framing.level_from:
        patch = np.rot90(_square(frame, centre, side), detection.turn)
    else:
        pixels = max(FACE_SIZE, round(side))
        matrix = cv2.getRotationMatrix2D(centre, angle, pixels / side)
        matrix = matrix + np.array([[0, 0, pixels / 2 - centre[0]], [0, 0, pixels / 2 - centre[1]]])
        patch = cv2.warpAffine(frame, matrix, (pixels, pixels), borderMode=cv2.BORDER_REPLICATE)
    if patch.ndim == 3:
        patch = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY)
    method = cv2.INTER_AREA if patch.shape[0] > FACE_SIZE else cv2.INTER_LINEAR
    face: np.ndarray = cv2.resize(patch, (FACE_SIZE, FACE_SIZE), interpolation=method)
    return face


# Fitted by ``bench detection``; docs/live.md has the curves, also of turning faces upright.
FRAMING = {"yunet": Framing(1.0, 0.0), "haar": Framing(1.0, 0.0)}


def _square(frame: np.ndarray, centre: tuple[float, float], side: float) -> np.ndarray:
    pixels = max(2, round(side))
    left, top = round(centre[0] - side / 2), round(centre[1] - side / 2)
    height, width = frame.shape[:2]
    inside = frame[
        min(max(top, 0), height - 1) : max(min(top + pixels, height), 1),
        min(max(left, 0), width - 1) : max(min(left + pixels, width), 1),
    ]
    if inside.shape[0] == pixels and inside.shape[1] == pixels:
        return inside
    padded: np.ndarray = cv2.copyMakeBorder(
        inside,
        max(0, min(-top, pixels - 1)),
        max(0, min(top + pixels - height, pixels - 1)),
        max(0, min(-left, pixels - 1)),
        max(0, min(left + pixels - width, pixels - 1)),
        cv2.BORDER_REPLICATE,
    )
    return padded


def _shrink(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """The picture with its longer side at most ``side``, and the scale (at most 1)."""
    scale = min(1.0, side / max(image.shape[:2]))
    if scale == 1.0:
        return image, 1.0
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale
