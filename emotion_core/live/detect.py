"""Find faces and cut them out as FER-2013 cuts its faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import cv2.data
import numpy as np

from emotion_core.errors import LiveError
from emotion_core.live.boxes import area, intersection
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
                f"{path} is not a YuNet model that OpenCV reads. Remove it and run "
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
    for item in sorted(detections, key=lambda item: -area(item.box_xyxy)):
        inside = [intersection(item.box_xyxy, other.box_xyxy) for other in kept]
        if all(shared < 0.5 * area(item.box_xyxy) for shared in inside):
            kept.append(item)
    return kept


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


def _shrink(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """The picture with its longer side at most ``side``, and the scale (at most 1)."""
    scale = min(1.0, side / max(image.shape[:2]))
    if scale == 1.0:
        return image, 1.0
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale
