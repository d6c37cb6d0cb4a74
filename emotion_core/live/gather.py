"""Faces of photos, videos and camera frames for a collection, cut as the live page cuts them."""

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import numpy as np

from emotion_core.collect.capture import Capture
from emotion_core.collect.faces import LARGE_SIZE, NewFace
from emotion_core.collect.quality import quality_of
from emotion_core.errors import EmotionError, ImageError
from emotion_core.files import read_regular
from emotion_core.labels import EMOTIONS
from emotion_core.live import photo_file, video_file
from emotion_core.live.crop import crop_face
from emotion_core.live.detect import Detection
from emotion_core.live.photo_file import read_image
from emotion_core.live.photos import PhotoDetector
from emotion_core.live.video_file import open_video
from emotion_core.live.video_frames import check_length, sampled
from emotion_core.models.checkpoint import Classifier
from emotion_core.runs.status import now
from emotion_core.units import faces as face_count

VIDEO_FPS = 2.0  # frames of a video that are looked at per second
_MOST_BYTES = 1 << 30
Progress = Callable[[str, float], object]


@dataclass
class Gathered:
    """What came of some files.

    Attributes:
        kept: Faces that were kept.
        refused: Faces that were not, by reason.
        problems: A sentence for each file that could not be used, or had no face.
    """

    kept: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def words(self) -> list[str]:
        """It in sentences."""
        lines = [f"{face_count(self.kept)} kept."]
        if self.refused:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.refused.items())
            lines.append(f"Not kept: {reasons}.")
        return lines + self.problems


def gather_files(
    collection: str,
    files: Sequence[Path],
    *,
    classifier: Classifier | None = None,
    progress: Progress | None = None,
) -> Gathered:
    """Keep the faces of files on this machine; asking for it is the owner's consent.

    Args:
        collection: Its name.
        files: Pictures and videos.
        classifier: Suggests the labels; None suggests none.
        progress: Told the file and the share done (0..1).

    Raises:
        CollectionError: there is no such collection, or the disk is full.
    """
    capture = Capture(collection, f"files, {now()[:16].replace('T', ' ')}", consent=True)
    loads = [(path.name, lambda path=path: read_regular(path, _MOST_BYTES)) for path in files]
    return gather(capture, loads, classifier=classifier, progress=progress)


def gather(
    capture: Capture,
    files: Sequence[tuple[str, Callable[[], bytes]]],
    *,
    classifier: Classifier | None = None,
    detector: PhotoDetector | None = None,
    progress: Progress | None = None,
) -> Gathered:
    """Find the faces of pictures and videos and keep the good ones, each once.

    Args:
        capture: The session, with consent.
        files: Name and how to get the bytes of each; a file that cannot be used is told.
        classifier: Suggests the labels; None suggests none.
        detector: Finds the faces.
        progress: Told the file and the share done (0..1).

    Raises:
        CollectionError: there was no consent, or the disk is full.
    """
    found, detector = Gathered(), detector or PhotoDetector()
    for at, (name, load) in enumerate(files):
        if progress:
            progress(name, at / len(files))
        try:
            new = _faces_of(name, load(), detector)
        except (EmotionError, OSError) as error:
            found.problems.append(f"{name}: {error}")
            continue
        if not new:
            found.problems.append(f"{name}: no face was found.")
        found.kept += len(capture.take_all(_with_answers(new, classifier)))
    found.refused = dict(capture.refused)
    return found


def faces_in(
    frame: np.ndarray,
    detections: Sequence[Detection],
    kind: str,
    *,
    source: str,
    origin: str,
    second: float = 0.0,
) -> list[NewFace]:
    """The faces of a frame as they are kept.

    Args:
        frame: BGR uint8 ``(H, W, 3)``.
        detections: Found in it.
        kind: The detector's.
        source: One of ``collect.faces.SOURCES``.
        origin: File or session.
        second: Time of the frame.
    """
    if not detections:
        return []
    small = np.stack([crop_face(frame, item, kind) for item in detections])
    sizes = [float((item.box_xyxy[2:] - item.box_xyxy[:2]).min()) for item in detections]
    return [
        NewFace(
            face=face,
            large=crop_face(frame, item, kind, size=LARGE_SIZE),
            source=source,
            origin=origin,
            quality=quality,
            second=second,
        )
        for face, item, quality in zip(small, detections, quality_of(small, sizes), strict=True)
    ]


def _faces_of(name: str, data: bytes, detector: PhotoDetector) -> list[NewFace]:
    """Faces of one file.

    Raises:
        ImageError: it is neither a picture nor a video that can be read.
    """
    if name.lower().rpartition(".")[2] in video_file.SUFFIXES:
        return _faces_of_video(name, data, detector)
    if name.lower().rpartition(".")[2] not in photo_file.SUFFIXES:
        raise ImageError(
            f"neither a picture ({', '.join(photo_file.SUFFIXES)}) nor a video "
            f"({', '.join(video_file.SUFFIXES)})."
        )
    image = read_image(data, name)
    return faces_in(image, detector.detect(image), detector.kind, source="photo", origin=name)


def _faces_of_video(name: str, data: bytes, detector: PhotoDetector) -> list[NewFace]:
    found: list[NewFace] = []
    with open_video(io.BytesIO(data), name) as video:
        check_length(video, VIDEO_FPS)
        # A file that is damaged from some point on gives the faces before it.
        with contextlib.suppress(av.error.FFmpegError):
            for second, image, _ in sampled(video, VIDEO_FPS, lambda: False):
                found += faces_in(
                    image,
                    detector.detect(image),
                    detector.kind,
                    source="video",
                    origin=name,
                    second=second,
                )
    return found


def _with_answers(new: list[NewFace], classifier: Classifier | None) -> list[NewFace]:
    """The faces with what a run says to them, as suggestions."""
    if classifier is None or not new:
        return new
    probs = classifier.probs(np.stack([face.face for face in new]))
    return [
        replace(
            face,
            label=EMOTIONS[int(row.argmax())],
            by="model",
            who=classifier.name,
            probs=row,
            answered_by=classifier.name,
        )
        for face, row in zip(new, probs, strict=True)
    ]
