"""Follow faces from frame to frame, with and without a new detection."""

import itertools
from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from emotion_core.live.boxes import area, centre, iou
from emotion_core.live.detect import Detection

LOST_SECONDS = 1.0
_HIDDEN_SECONDS = 0.2  # without a sight of it a face is not shown any more, but still remembered
_UNFOLLOWED_SECONDS = 0.3  # the same for one without a patch: longer than two searches are apart
_TEMPLATE = 24  # side in pixels of the patch that is followed between detections
_SEARCH = 0.35  # how far it is searched, as a share of the box
_SURE = 0.7  # a face found with a lower score is shown when it is found a second time
_MIN_LIKENESS = 0.55
_MIN_CONTRAST = 4.0  # standard deviation in gray levels; a flat patch is like any other flat one
_BLEND = 0.7  # share of a new detection in the box; the rest steadies it
_NO_MATCH = 1e3


@dataclass(eq=False)
class Track:
    """One followed face.

    Attributes:
        track_id: Counts up from 1, never used twice.
        box_xyxy: float32 ``(4,)``, present place.
        velocity: float32 ``(2,)``, of the centre in pixels per second.
        born: Time of the first detection.
        seen: Time of the last detection.
        sighted: Time of the last detection or of the last match of its patch.
        score: Of the last detection.
        sure: Found with a good score, or twice.
        landmarks: Of the last detection, moved along; None if the detector gives none.
    """

    track_id: int
    box_xyxy: np.ndarray
    born: float
    seen: float
    sighted: float
    time: float
    score: float = 1.0
    sure: bool = True
    landmarks: np.ndarray | None = None
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2, np.float32))
    template: np.ndarray | None = None

    @property
    def detection(self) -> Detection:
        """The present place, as a detection to crop."""
        return Detection(self.box_xyxy, self.score, self.landmarks)

    def in_sight(self, time: float) -> bool:
        """Whether it was seen just now; between searches only a patch can be."""
        hidden = _UNFOLLOWED_SECONDS if self.template is None else _HIDDEN_SECONDS
        return time - self.sighted <= hidden

    def predicted(self, time: float) -> np.ndarray:
        """Box at a later time, by its speed; a long gap is not extrapolated."""
        step = self.velocity * min(max(time - self.time, 0.0), 0.3)
        return self.box_xyxy + np.tile(step, 2).astype(np.float32)

    def move(self, shift: np.ndarray) -> None:
        """Shift box and landmarks by ``(2,)`` pixels."""
        self.box_xyxy = self.box_xyxy + np.tile(shift, 2).astype(np.float32)
        if self.landmarks is not None:
            self.landmarks = self.landmarks + shift.astype(np.float32)


class Tracker:
    """Keeps the identity of faces.

    With a detection, faces are assigned to tracks by overlap with the predicted boxes (the
    Hungarian method; Bewley et al. 2016). Without one, each track's gray patch is looked for
    around its predicted place (normalised cross-correlation); so is a face that a detection
    missed. A face out of sight is not shown, but keeps its number for ``LOST_SECONDS``.
    """

    def __init__(self, max_faces: int = 8) -> None:
        self.max_faces = max_faces
        self.tracks: list[Track] = []
        self._ids = itertools.count(1)

    def detected(self, detections: list[Detection], gray: np.ndarray, time: float) -> list[Track]:
        """Take the faces found in a frame.

        Args:
            detections: Of this frame.
            gray: The frame, uint8 ``(H, W)``.
            time: Seconds.

        Returns:
            The faces in sight, the largest first, at most ``max_faces``.
        """
        missed = list(self.tracks)
        largest = sorted(detections, key=lambda item: -area(item.box_xyxy))[: self.max_faces]
        rest = dict(enumerate(largest))
        for track, index in self._assign(largest, time):
            self._renew(track, rest.pop(index), time)
            missed.remove(track)
        for track in missed:
            self._follow(track, gray, time)
        for detection in rest.values():
            self.tracks.append(
                Track(
                    next(self._ids),
                    detection.box_xyxy.astype(np.float32),
                    born=time,
                    seen=time,
                    sighted=time,
                    time=time,
                    score=detection.score,
                    sure=detection.score >= _SURE,
                    landmarks=detection.landmarks,
                )
            )
        for track in self.tracks:
            if track.seen == time:
                track.template = _patch(gray, track.box_xyxy)
        return self._in_sight(time)

    def forget(self) -> None:
        """Drop all faces; their numbers are not used again."""
        self.tracks = []

    def followed(self, gray: np.ndarray, time: float) -> list[Track]:
        """Move the tracks to where their patches are now, without a detection.

        Args:
            gray: The frame, uint8 ``(H, W)``.
            time: Seconds.

        Returns:
            As ``detected``.
        """
        for track in self.tracks:
            self._follow(track, gray, time)
        return self._in_sight(time)

    def _follow(self, track: Track, gray: np.ndarray, time: float) -> None:
        before = track.box_xyxy
        track.move(track.predicted(time)[:2] - before[:2])
        shift = _find(gray, track)
        if shift is None:
            track.velocity *= 0.5  # lost for this frame: do not run away
        else:
            track.move(shift)
            self._speed(track, before, time)
            track.sighted = time
        track.time = time

    def _assign(self, detections: list[Detection], time: float) -> list[tuple[Track, int]]:
        if not self.tracks or not detections:
            return []
        cost = np.array(
            [
                [_distance(track.predicted(time), found.box_xyxy) for found in detections]
                for track in self.tracks
            ]
        )
        pairs = zip(*linear_sum_assignment(cost), strict=True)
        return [(self.tracks[i], int(j)) for i, j in pairs if cost[i, j] < _NO_MATCH]

    def _renew(self, track: Track, detection: Detection, time: float) -> None:
        before = track.box_xyxy
        predicted = track.predicted(time)
        track.box_xyxy = (_BLEND * detection.box_xyxy + (1 - _BLEND) * predicted).astype(np.float32)
        track.landmarks, track.score = detection.landmarks, detection.score
        self._speed(track, before, time)
        track.seen = track.sighted = track.time = time
        track.sure = True

    @staticmethod
    def _speed(track: Track, before: np.ndarray, time: float) -> None:
        elapsed = time - track.time
        if elapsed > 0:
            moved = (centre(track.box_xyxy) - centre(before)) / elapsed
            track.velocity = (0.5 * track.velocity + 0.5 * moved).astype(np.float32)

    def _in_sight(self, time: float) -> list[Track]:
        self.tracks = [track for track in self.tracks if time - track.seen <= LOST_SECONDS]
        shown = [track for track in self.tracks if track.sure and track.in_sight(time)]
        return sorted(shown, key=lambda track: -area(track.box_xyxy))[: self.max_faces]


def _distance(predicted: np.ndarray, found: np.ndarray) -> float:
    """1 - IoU, or a large number for boxes that cannot be the same face."""
    overlap = iou(predicted, found)
    size = np.sqrt(max(area(predicted), 1.0))
    apart = float(np.linalg.norm(centre(predicted) - centre(found))) / size
    ratio = np.sqrt(area(found) / max(area(predicted), 1.0))
    if (overlap < 0.1 and apart > 0.7) or not 0.4 < ratio < 2.5:
        return _NO_MATCH
    return float(1 - overlap + 0.2 * apart)


def _patch(gray: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    """The box's inner part at a small fixed size; None if it is outside the frame."""
    left, top, right, bottom = box
    x0, x1 = round(float(left + 0.15 * (right - left))), round(float(right - 0.15 * (right - left)))
    y0, y1 = round(float(top + 0.15 * (bottom - top))), round(float(bottom - 0.15 * (bottom - top)))
    if x0 < 0 or y0 < 0 or x1 > gray.shape[1] or y1 > gray.shape[0] or x1 - x0 < 4 or y1 - y0 < 4:
        return None
    patch = cv2.resize(gray[y0:y1, x0:x1], (_TEMPLATE, _TEMPLATE), interpolation=cv2.INTER_AREA)
    return patch if float(cv2.meanStdDev(patch)[1][0, 0]) >= _MIN_CONTRAST else None


def _find(gray: np.ndarray, track: Track) -> np.ndarray | None:
    """Shift in pixels from the predicted place to the best match; None if nothing is like it."""
    if track.template is None:
        return None
    left, top, right, bottom = (float(value) for value in track.box_xyxy)
    width, height = 0.7 * (right - left), 0.7 * (bottom - top)
    reach_x, reach_y = _SEARCH * (right - left), _SEARCH * (bottom - top)
    x0 = max(0, round((left + right - width) / 2 - reach_x))
    y0 = max(0, round((top + bottom - height) / 2 - reach_y))
    x1 = min(gray.shape[1], round((left + right + width) / 2 + reach_x))
    y1 = min(gray.shape[0], round((top + bottom + height) / 2 + reach_y))
    if width < 4 or height < 4:
        return None
    size = (round((x1 - x0) * _TEMPLATE / width), round((y1 - y0) * _TEMPLATE / height))
    if size[0] < _TEMPLATE or size[1] < _TEMPLATE:
        return None
    window = cv2.resize(gray[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    likeness = cv2.matchTemplate(window, track.template, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(likeness)
    if best < _MIN_LIKENESS:
        return None
    found_x, found_y = x0 + column * width / _TEMPLATE, y0 + row * height / _TEMPLATE
    return np.array(
        [found_x - (left + right - width) / 2, found_y - (top + bottom - height) / 2], np.float32
    )
