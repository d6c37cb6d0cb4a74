"""Which frames of a video are looked at."""

from collections.abc import Callable, Iterator

import numpy as np

from emotion_core.errors import EmotionError, ImageError
from emotion_core.live.video_file import VideoFile, shown_picture

MAX_FRAMES = 36_000  # that are looked at: two hours at the usual five per second


class AnalysisCancelledError(EmotionError):
    """The analysis was cancelled."""


def check_length(video: VideoFile, fps: float) -> None:
    """Raises ImageError for more than ``MAX_FRAMES`` frames at ``fps`` per second."""
    rate = min(fps, video.info.fps or fps)  # a slower video is looked at whole
    if video.info.seconds * rate > MAX_FRAMES:
        raise ImageError(
            f"{video.name} lasts {video.info.seconds / 3600:,.1f} hours, which at {rate:g} frames per "
            f"second is more than the {MAX_FRAMES:,} frames that are looked at. Take fewer frames "
            "per second, or cut the video."
        )


def sampled(
    video: VideoFile, fps: float, is_cancelled: Callable[[], bool]
) -> Iterator[tuple[float, np.ndarray, float]]:
    """Time from the start, picture and its scale, about ``fps`` times per second.

    Raises:
        ImageError: the video, which did not say how long it is, goes on after ``MAX_FRAMES``.
    """
    step, due, count = 1 / fps, 0.0, 0
    # Half a source frame early is nearer than a whole one late.
    early = 0.5 * min(1 / (video.info.fps or 25), step)
    for time, frame in video.frames():
        if is_cancelled():
            raise AnalysisCancelledError("The analysis was canceled.")
        if time >= due - early:
            if count == MAX_FRAMES:
                raise ImageError(f"{video.name} has more than {MAX_FRAMES:,} frames to look at.")
            due, count = (due if time - due < step else time) + step, count + 1
            yield time, *shown_picture(frame, video.info)
