"""The guided minute on a running stream: hands each frame's only face to it."""

from emotion_core.live.crop import crop_face
from emotion_core.live.detect import Detection
from emotion_core.live.results import FrameResult
from emotion_core.personal.diagnose import View
from emotion_core.personal.minute import NOBODY, SEVERAL, GuidedMinute
from emotion_core.personal.recorder import pose_of


class LiveMinute:
    """A stream's watcher: crops of the running pipeline, in memory.

    The expressions are posed, so it takes the diary's place while it runs.

    Args:
        minute: What is guided.
    """

    def __init__(self, minute: GuidedMinute) -> None:
        self.minute = minute

    def __call__(self, result: FrameResult | None) -> None:
        """Take the result of a frame; None when the stream ends, which stops the minute."""
        if result is None:
            self.minute.stop()
            return
        if len(result.faces) != 1 or result.left_out or result.gray is None:
            self.minute.see(None, why=SEVERAL if result.faces else NOBODY)
            return
        (face,) = result.faces
        x1, y1, x2, y2 = (float(value) for value in face.box_xyxy)
        found = Detection(face.box_xyxy, face.score, face.landmarks)
        size = (max(x2 - x1, 0.0) * max(y2 - y1, 0.0)) ** 0.5
        self.minute.see(
            crop_face(result.gray, found, result.detector), View(size, *pose_of(face.landmarks))
        )
