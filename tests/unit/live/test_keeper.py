"""Faces of a running stream on their way into a collection."""

import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from emotion_core.collect.capture import Capture
from emotion_core.collect.query import list_faces
from emotion_core.collect.rules import Chooser, Rules
from emotion_core.collect.store import create
from emotion_core.data.collection_file import collections_dir, read_face
from emotion_core.errors import CollectionError
from emotion_core.labels import EMOTIONS
from emotion_core.live import keeper as keeping
from emotion_core.live.detect import HaarDetector
from emotion_core.live.keeper import HELD_SECONDS, NO_FACE, LiveKeeper, as_new_faces
from emotion_core.live.pipeline import LivePipeline
from emotion_core.live.stream import LiveStream


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    create("me")
    return tmp_path / "home"


@pytest.fixture
def pipeline(classifier):
    found = LivePipeline(HaarDetector(), classifier)
    found._search_now = lambda time, config: True  # search in every frame
    return found


@pytest.fixture
def keeper():
    return LiveKeeper(Capture("me", "a visit", consent=True), clock=Clock())


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def written(keeper) -> None:
    """Wait until the thread that writes a face is done."""
    deadline = time.monotonic() + 20
    while keeper._writing and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not keeper._writing


def pictures() -> int:
    return len(list(collections_dir().rglob("*.png")))


def test_the_crop_is_the_one_that_the_model_was_given(pipeline, classifier, photo, monkeypatch):
    given = []
    answer = classifier.probs
    monkeypatch.setattr(classifier, "probs", lambda faces: given.append(faces) or answer(faces))
    result = pipeline(photo, 0.0)
    (new,) = as_new_faces(result, result.faces, source="live", origin="a test")
    np.testing.assert_array_equal(new.face, given[0][0])
    assert new.large.shape == (112, 112) and new.large.dtype == np.uint8
    assert (new.by, new.who, new.answered_by) == ("model", "untrained-0", "untrained-0")
    assert new.label == EMOTIONS[int(result.faces[0].raw_probs.argmax())]
    np.testing.assert_array_equal(new.probs, result.faces[0].raw_probs)
    # Later frames do not change what was frozen.
    before = new.face.copy()
    pipeline(np.zeros_like(photo), 0.1)
    np.testing.assert_array_equal(new.face, before)


def test_a_correction_is_kept_with_the_models_answer(pipeline, photo, keeper):
    result = pipeline(photo, 0.0)
    (new,) = as_new_faces(result, result.faces, source="live", origin="a test")
    assert keeper.keep(new, "fear")
    (item,), _ = list_faces("me")
    assert (item.label, item.by, item.source, item.answer) == ("fear", "person", "live", new.label)
    assert item.confidence == pytest.approx(float(new.probs.max()))
    np.testing.assert_array_equal(read_face(item.file), new.face)
    assert keeper.state().kept == 1 and keeper.state().last == "fear"


def test_nothing_is_kept_before_consent_whatever_is_asked(pipeline, photo, keeper):
    keeper.capture.consent = False
    keeper.chooser = Chooser(Rules(below=1.0))
    keeper.hold("happy")
    result = pipeline(photo, 0.0)
    keeper(result)
    (new,) = as_new_faces(result, result.faces, source="live", origin="a test")
    with pytest.raises(CollectionError, match="before you agree"):
        keeper.keep(new, "fear")
    assert pictures() == 0 and list_faces("me")[1] == 0


def test_rules_keep_a_suggestion_on_a_thread_of_their_own(pipeline, photo, keeper):
    keeper.chooser = Chooser(Rules(below=1.0))
    before = threading.active_count()
    keeper(pipeline(photo, 0.0))
    written(keeper)
    (item,), _ = list_faces("me")
    assert item.by == "model" and item.origin == "rule: confidence below 100 %"
    assert keeper.state().used == (1, 1)
    assert threading.active_count() <= before


def test_two_running_models_that_disagree_keep_a_face(
    pipeline, other_classifier, photo, keeper, monkeypatch
):
    pipeline.set_second(other_classifier)
    flipped = np.roll(pipeline.classifier.probs(np.zeros((1, 48, 48), np.uint8)), 3, axis=1)
    monkeypatch.setattr(other_classifier, "probs", lambda faces: flipped)
    keeper.chooser = Chooser(Rules(below=0.0, share=0.0))
    result = pipeline(photo, 0.0)
    differ = result.faces[0].probs.argmax() != result.faces[0].second.probs.argmax()
    keeper(result)
    written(keeper)
    assert list_faces("me")[1] == int(differ) == 1


def test_a_held_key_records_a_face_every_half_second(pipeline, photo, keeper):
    clock = keeper._clock
    keeper.hold("happy")
    for step in range(12):  # 1.4 seconds
        frame = np.roll(photo, 4 * step, axis=1)
        frame = np.clip(frame.astype(int) + 6 * step, 0, 255).astype(np.uint8)
        keeper(pipeline(frame, 0.1 * step))
        written(keeper)
        keeper.hold("happy")
        clock.now += 0.125
    state = keeper.state()
    assert state.kept + sum(state.refused.values()) == 3
    assert {item.label for item in list_faces("me")[0]} == {"happy"}
    assert {item.by for item in list_faces("me")[0]} == {"person"}


def test_a_release_or_silence_ends_the_recording(pipeline, photo, keeper):
    keeper.hold("sad")
    keeper.release()
    keeper(pipeline(photo, 0.0))
    keeper.hold("sad")
    keeper._clock.now += HELD_SECONDS
    keeper(pipeline(photo, 0.1))
    keeper._clock.now -= HELD_SECONDS
    keeper(None)  # the stream has ended
    keeper(pipeline(photo, 0.2))
    written(keeper)
    assert list_faces("me")[1] == 0


def test_a_recording_without_a_face_says_so(pipeline, photo, keeper):
    keeper.hold("sad")
    keeper(pipeline(np.full_like(photo, 90), 0.0))
    assert keeper.state().refused == {NO_FACE: 1} and keeper.state().last == NO_FACE


def test_a_full_disk_is_told_and_stops_it(pipeline, photo, keeper, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("emotion_core.collect.faces.write_pictures", full)
    keeper.hold("sad")
    keeper(pipeline(photo, 0.0))
    written(keeper)
    assert "No space left" in keeper.state().problem and pictures() == 0
    monkeypatch.undo()


def test_an_error_in_it_harms_no_frame(pipeline, photo, keeper, monkeypatch, caplog):
    caplog.set_level("CRITICAL", logger="emotion_core.live.keeper")
    monkeypatch.setattr(keeping, "as_new_faces", lambda *args, **more: 1 / 0)
    stream = LiveStream(pipeline)
    stream.keeper = keeper
    keeper.hold("sad")
    frame = av.VideoFrame.from_ndarray(photo, format="bgr24")
    frame.pts, frame.time_base = 0, Fraction(1, 90_000)
    stream.process(frame)
    assert stream.state().frames == 1 and stream.state().failed == 0
    assert "ZeroDivisionError" in keeper.state().problem
    keeper.go_on()
    assert keeper.state().problem == ""
