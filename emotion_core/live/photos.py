"""Pictures that people bring: all faces found, each classified."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from emotion_core.data.faces import FACE_SIZE
from emotion_core.labels import EMOTIONS
from emotion_core.live.boxes import area, overlaps
from emotion_core.live.crop import crop_face
from emotion_core.live.detect import Detection, FaceDetector, create_detector
from emotion_core.live.draw import draw_faces
from emotion_core.live.results import Face, Reading
from emotion_core.live.rows import FaceRow, face_row
from emotion_core.live.smooth import LabelHolder
from emotion_core.live.turns import levelled, search_turned
from emotion_core.live.yunet_file import HAAR_NOTICE

if TYPE_CHECKING:  # it loads torch
    from emotion_core.models.checkpoint import Classifier

MAX_FACES = 1_000  # of one picture, the surest first
# Longer sides at which a picture is searched, in pixels. Haar errs more the larger the picture.
_SIDES = {"yunet": (320, 1_280), "haar": (288, 640)}
_SAME_FACE = 0.5  # overlap from which two boxes are one face
# Least score of a face, and score of the surest face below which a picture is also searched turned.
# YuNet finds faces that lie, too, with low scores and crooked boxes; Haar does not (docs/live.md).
_FLOOR = {"yunet": 0.7, "haar": 0.5}
_UPRIGHT = {"yunet": 0.88, "haar": 0.5}
# YuNet's score of a face below which it may be tilted, and is looked at again upright; in pictures of
# at most so many faces, because each takes up to six looks.
_LEVEL, _MOST_LEVELLED = 0.935, 8
_TOLD = 25.0  # degrees of turn from which the user is told


@dataclass(frozen=True)
class FaceResult:
    """One face of a picture.

    Attributes:
        box_xyxy: ``(4,)`` float32, in pixels of the picture.
        score: The detector's certainty that this is a face, 0..1.
        face: ``(48, 48)`` uint8, what the classifier saw.
        probs: ``(7,)`` float32, calibrated.
        degrees: Against the clock, -180..180: what brought the face upright.
    """

    box_xyxy: np.ndarray
    score: float
    face: np.ndarray
    probs: np.ndarray
    degrees: float = 0.0

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return EMOTIONS[int(self.probs.argmax())]

    @property
    def confidence(self) -> float:
        """Its probability, 0..1."""
        return float(self.probs.max())


class PhotoDetector:
    """Finds the small faces of a group and the one that fills a portrait, also in turned pictures.

    A detector knows faces of some tens of pixels, so the picture is searched at several sizes.
    Where that finds no face that surely stands upright, it is searched turned by quarters, too.
    A face that may be tilted is looked at again upright.

    Args:
        kind: As for ``create_detector``.

    Attributes:
        notice: What the user should know about the detector; empty if it is the good one, or the
            one that was asked for.
    """

    def __init__(self, kind: str = "auto") -> None:
        self.kind = create_detector(kind).kind
        self.notice = HAAR_NOTICE if kind == "auto" and self.kind == "haar" else ""
        self._sides = _SIDES[self.kind]
        self._detectors = [
            create_detector(self.kind, side=side, min_face=16) for side in self._sides
        ]

    def detect(self, frame: np.ndarray) -> list[Detection]:
        """At most ``MAX_FACES`` faces in a BGR uint8 frame ``(H, W, 3)``, the surest first."""
        found = self._search(frame)
        if max((item.score for item in found), default=0.0) < _UPRIGHT[self.kind]:
            found = search_turned(frame, found, self._search, floor=_FLOOR[self.kind])
        if self.kind == "yunet" and len(found) <= _MOST_LEVELLED:
            look = self._detectors[0].detect
            found = [levelled(frame, i, look) if i.score < _LEVEL else i for i in found]
        return found[:MAX_FACES]

    def _search(self, frame: np.ndarray) -> list[Detection]:
        """Faces of a frame as it stands; of two that overlap the more certain one."""
        longest = max(frame.shape[:2])
        useful = 1 + sum(side < longest for side in self._sides[:-1])  # the rest would be the same
        found = [item for d in self._detectors[:useful] for item in d.detect(frame)]
        found.sort(key=lambda item: -item.score)
        boxes, kept = np.stack([item.box_xyxy for item in found] or [np.zeros(4)]), list[int]()
        for index in range(len(found)):
            if (overlaps(boxes[index], boxes[kept]) < _SAME_FACE).all():
                kept.append(index)
        return [found[index] for index in kept]


def classify_photo(
    image: np.ndarray, detector: FaceDetector, classifier: "Classifier"
) -> list[FaceResult]:
    """Find and classify every face of a picture.

    Args:
        image: BGR uint8 ``(H, W, 3)``.
        detector: Finds the faces, best a ``PhotoDetector``.
        classifier: Names their emotions.

    Returns:
        One result per face, the largest first.
    """
    found, faces = cut_faces(image, detector)
    return name_faces(found, faces, classifier.probs(faces))


def cut_faces(image: np.ndarray, detector: FaceDetector) -> tuple[list[Detection], np.ndarray]:
    """Find every face of a picture, the largest first, and cut it out.

    Args:
        image: BGR uint8 ``(H, W, 3)``.
        detector: Finds the faces, best a ``PhotoDetector``.

    Returns:
        The detections, and their faces uint8 ``(N, 48, 48)``.
    """
    found = sorted(detector.detect(image), key=lambda item: -area(item.box_xyxy))
    faces = [crop_face(image, item, detector.kind) for item in found]
    return found, np.stack(faces) if faces else np.zeros((0, FACE_SIZE, FACE_SIZE), np.uint8)


def name_faces(
    found: Sequence[Detection], faces: np.ndarray, probs: np.ndarray
) -> list[FaceResult]:
    """Detections with their faces uint8 ``(N, 48, 48)`` and probabilities float32 ``(N, 7)``."""
    return [
        FaceResult(
            item.box_xyxy, float(item.score), face, row, (item.upright_degrees + 180) % 360 - 180
        )
        for item, face, row in zip(found, faces, probs, strict=True)
    ]


def photo_notices(results: Sequence[FaceResult]) -> list[str]:
    """What the user should know about how a picture's faces were found, one sentence each."""
    notices = []
    turned = max((result.degrees for result in results), key=abs, default=0.0)
    if abs(turned) >= _TOLD:
        way = "clockwise" if turned > 0 else "counterclockwise"
        notices.append(
            f"A face is turned {way} by {abs(turned):.0f} degrees: it was turned upright before it "
            "was classified."
        )
    if len(results) >= MAX_FACES:
        notices.append(
            f"A picture gives at most {MAX_FACES:,} faces: more may be in it. Cut it into parts."
        )
    return notices


def classify_whole(image: np.ndarray, classifier: "Classifier") -> FaceResult:
    """Classify a picture that is a cut-out face already, as those of FER-2013 are.

    Args:
        image: BGR uint8 ``(H, W, 3)``; its middle square is used.
        classifier: Names the emotion.
    """
    found, faces = cut_whole(image)
    return name_faces(found, faces, classifier.probs(faces))[0]


def cut_whole(image: np.ndarray) -> tuple[list[Detection], np.ndarray]:
    """The middle square of a BGR uint8 picture ``(H, W, 3)`` as its one face, as ``cut_faces``."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    gray = cv2.cvtColor(image[top : top + side, left : left + side], cv2.COLOR_BGR2GRAY)
    how = cv2.INTER_AREA if side > FACE_SIZE else cv2.INTER_LINEAR
    face = np.asarray(cv2.resize(gray, (FACE_SIZE, FACE_SIZE), interpolation=how), np.uint8)
    box = np.array([left, top, left + side, top + side], np.float32)
    return [Detection(box)], face[None]


def as_faces(
    results: Sequence[FaceResult],
    *,
    threshold: float = 0.0,
    second: "Classifier | None" = None,
) -> list[Face]:
    """A picture's faces as the live page's, numbered from 1.

    Args:
        results: Of one picture.
        threshold: Probability below which a face is called uncertain.
        second: Names the same faces once more.
    """

    def read(probs: np.ndarray) -> Reading:
        name = LabelHolder().update(probs, threshold=threshold, margin=0.0)
        return Reading(probs, probs, name)

    others: list[Reading] | list[None] = [None] * len(results)
    if second is not None and results:
        others = [read(probs) for probs in second.probs(np.stack([r.face for r in results]))]
    return [
        Face(number, result.box_xyxy, read(result.probs), 0.0, result.score, other)
        for number, (result, other) in enumerate(zip(results, others, strict=True), start=1)
    ]


def draw_photo(
    image: np.ndarray, faces: Sequence[Face], *, names: Sequence[str] = (), side: int = 1_600
) -> np.ndarray:
    """A copy of a picture with its faces framed and named, as the live page draws them.

    Args:
        image: BGR uint8 ``(H, W, 3)``.
        faces: Of ``as_faces``.
        names: Names of the two models, when two are compared.
        side: The copy's longer side has at most so many pixels.

    Returns:
        BGR uint8.
    """
    scale = min(1.0, side / max(image.shape[:2]))
    size_wh = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    placed = [replace(face, box_xyxy=face.box_xyxy * scale) for face in faces]
    return draw_faces(small, placed, names=names)


def result_row(number: int, result: FaceResult, scale: float) -> FaceRow:
    """One face as a row of a table: ``face``, what ``face_row`` gives, with the box in pixels of
    the file by its ``shrinkage``, and the detector's ``score``."""
    row = face_row(result.emotion, result.confidence, result.probs, result.box_xyxy, scale)
    return {"face": number, **row, "score": round(result.score, 3)}
