"""The same recording read by other models, afterwards."""

from typing import TYPE_CHECKING

from emotion_core.live.video_frames import MAX_FRAMES
from emotion_core.live.videos import VideoJob, create_video_pipeline
from emotion_core.recording.store import Recording
from emotion_core.runs.run import Run

if TYPE_CHECKING:  # they load torch
    from emotion_core.live.pipeline import LivePipeline
    from emotion_core.models.checkpoint import Classifier

_FPS = 15.0


def read_again(
    recording: Recording, run: Run, classifier: "Classifier", second: "Classifier | None" = None
) -> VideoJob:
    """Read a recording's faces with one or two models, in a thread of this process.

    Faces are searched in every frame, so their numbers differ from those of the live session.

    Args:
        recording: Whose film is read.
        run: Of ``classifier``; its threshold decides what is uncertain.
        classifier: The first model.
        second: The second one.

    Returns:
        A job whose result's rows ``rows.table_of`` makes a table of.

    Raises:
        OSError: the film cannot be read.
    """

    def create() -> "LivePipeline":
        pipeline = create_video_pipeline(run, classifier)
        pipeline.set_second(second)
        return pipeline

    fps = min(_FPS, 0.95 * MAX_FRAMES / max(recording.facts.seconds, 1.0))
    return VideoJob(recording.video.read_bytes(), recording.name, create, fps, annotate=False)
