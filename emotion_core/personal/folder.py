"""Takes from folders of pictures: ``neutral_1``, ``neutral_2``, ``happy_1`` and so on."""

import re
from pathlib import Path

import cv2
import numpy as np

from emotion_core.data.faces import FACE_SIZE
from emotion_core.errors import ProfileError
from emotion_core.files import read_regular
from emotion_core.labels import parse_emotion
from emotion_core.live.crop import crop_face
from emotion_core.live.photo_file import read_image
from emotion_core.live.photos import PhotoDetector
from emotion_core.personal.diagnose import View
from emotion_core.personal.recorder import pose_of
from emotion_core.personal.takes import Takes

_TAKE = re.compile(r"(.+)[_-]([12])")
_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_MOST_BYTES = 60 * 1024**2


def read_takes(folder: Path, *, whole: bool = False) -> tuple[Takes, View]:
    """Faces of each take, and how the camera saw them.

    Of each picture the largest face is taken; one without a face is left out.

    Args:
        folder: Its folders are named by an expression in any known spelling and 1 or 2.
        whole: The pictures are faces already, so none is searched.

    Raises:
        ProfileError: there is no such folder, or no take in it.
        ImageError: a picture cannot be read.
    """
    if not folder.is_dir():
        raise ProfileError(f"There is no folder {folder}.")
    detector = None if whole else PhotoDetector()
    takes: dict[tuple[int, int], np.ndarray] = {}
    seen: list[tuple[float, float, float]] = []
    for inside in sorted(item for item in folder.iterdir() if item.is_dir()):
        match = _TAKE.fullmatch(inside.name)
        label = parse_emotion(match[1]) if match else None
        if match is None or label is None:
            continue
        faces = []
        for path in sorted(inside.iterdir()):
            if path.suffix.lower() in _PICTURES:
                face = _face(read_image(read_regular(path, _MOST_BYTES), path.name), detector, seen)
                faces += [face] if face is not None else []
        if faces:
            takes[label, int(match[2])] = np.stack(faces)
    if not takes:
        raise ProfileError(
            f"{folder} has no takes. Name its folders by expression and take, such as neutral_1 "
            "and neutral_2, with pictures of one face in them."
        )
    return takes, View(*np.median(seen, axis=0)) if seen else View()


def _face(
    image: np.ndarray, detector: PhotoDetector | None, seen: list[tuple[float, float, float]]
) -> np.ndarray | None:
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if detector is None:
        return cv2.resize(gray, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_AREA)
    detections = detector.detect(image)
    if not detections:
        return None
    largest = max(detections, key=lambda item: _side(item.box_xyxy))
    seen.append((_side(largest.box_xyxy), *pose_of(largest.landmarks)))
    return crop_face(gray, largest, detector.kind)


def _side(box: np.ndarray) -> float:
    return float(np.sqrt(max(box[2] - box[0], 0) * max(box[3] - box[1], 0)))
