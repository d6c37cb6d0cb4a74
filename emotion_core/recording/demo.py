"""A recording of drawn faces: to replay without a camera."""

from emotion_core.live.demo import DemoStream
from emotion_core.live.pipeline import LivePipeline
from emotion_core.recording.recorder import FPS, About, Recorder
from emotion_core.recording.store import Recording, list_recordings

SOURCE = "drawn faces"


def record_demo(
    pipeline: LivePipeline, titles: tuple[str, ...], seconds: float, size_wh: tuple[int, int]
) -> Recording:
    """Draw faces, have them read, and record that, as fast as the machine can.

    Args:
        pipeline: A fresh one, with one or two models.
        titles: What to call them.
        seconds: Length.
        size_wh: Of the film in pixels.

    Raises:
        AccessError: the caller is not the owner.
        RecordingError: it cannot be written.
    """
    from emotion_core.errors import RecordingError

    used = [item for item in (pipeline.classifier, pipeline.second) if item]
    names = tuple(item.name for item in used)
    demo, recorder = DemoStream(size_wh), Recorder(lambda: About(names, titles, SOURCE))
    recorder.patient = True
    for index in range(round(seconds * FPS)):
        frame, time = demo(index / FPS), index / FPS
        recorder.take(frame, pipeline(frame, time), time)
    recorder.wait(600)
    if recorder.problem:
        raise RecordingError(recorder.problem)
    return list_recordings()[0]
