"""Recordings of drawn faces, made by the real pipeline with an untrained network."""

import numpy as np
import pytest

from emotion_core.live.demo import DemoStream
from emotion_core.live.detect import HaarDetector
from emotion_core.live.pipeline import LivePipeline
from emotion_core.recording.recorder import FPS, About, Recorder
from emotion_core.recording.store import list_recordings
from tests.unit.live.conftest import make_classifier


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def make_pipeline(*, two: bool = True) -> LivePipeline:
    pipeline = LivePipeline(HaarDetector(), make_classifier(0))
    pipeline.set_second(make_classifier(1) if two else None)
    return pipeline


@pytest.fixture(scope="session")
def demo_frames():
    """Three seconds of drawn faces, BGR uint8 ``(n, 480, 640, 3)``."""
    demo = DemoStream()
    return np.stack([demo(index / FPS) for index in range(45)])


@pytest.fixture(scope="session")
def demo_results(demo_frames):
    pipeline = make_pipeline()
    return [pipeline(frame, index / FPS) for index, frame in enumerate(demo_frames)]


def make_recorder():
    return Recorder(lambda: About(("a", "b"), ("A", "B"), "drawn faces"))


def record(frames, results, recorder=None, *, start=100.0):
    """Record frames as fast as the writer takes them; gives the finished recording."""
    recorder = recorder or make_recorder()
    for index, (frame, result) in enumerate(zip(frames, results, strict=True)):
        feed(recorder, frame, result, start + index / FPS)
    recorder.wait()
    assert recorder.problem == "" and recorder.left_out == 0
    return list_recordings()[0]


def feed(recorder, frame, result, time):
    recorder.patient = True
    recorder.take(frame, result, time)
