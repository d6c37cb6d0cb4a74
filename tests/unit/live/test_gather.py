import cv2
import numpy as np
import pytest
import skimage.data

from emotion_core.collect.capture import Capture, with_label
from emotion_core.collect.query import list_faces, list_sessions
from emotion_core.collect.store import create
from emotion_core.data.collection_file import collections_dir, read_face
from emotion_core.errors import CollectionError
from emotion_core.live.detect import create_detector
from emotion_core.live.gather import faces_in, gather, gather_files
from tests.samples import face_clip


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(tmp_path / "home"))
    create("me")


@pytest.fixture(scope="module")
def photo() -> bytes:
    return cv2.imencode(".jpg", skimage.data.astronaut()[..., ::-1])[1].tobytes()


def test_photos_and_videos_give_each_face_once(photo, tmp_path):
    files = {"a.jpg": photo, "copy.jpg": photo, "clip.mp4": face_clip(10, 20), "note.txt": b"hello"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    empty = cv2.imencode(".png", np.full((200, 200, 3), 90, np.uint8))[1].tobytes()
    (tmp_path / "empty.png").write_bytes(empty)
    found = gather_files("me", [tmp_path / name for name in (*files, "empty.png")])
    items, total = list_faces("me")
    assert found.kept == total >= 1 and found.refused["nearly the same as another one"] >= 2
    assert any(text.startswith("note.txt: neither") for text in found.problems)
    assert any(text.startswith("empty.png: no face") for text in found.problems)
    assert read_face(items[-1].file, large=True).shape == (112, 112)
    assert items[-1].origin == "a.jpg" and items[-1].source == "photo" and items[-1].size > 40
    assert len(list_sessions("me")) == 1


def test_nothing_is_on_the_disk_without_consent(photo):
    capture = Capture("me", "a visit")
    with pytest.raises(CollectionError, match="before you agree"):
        gather(capture, [("a.jpg", lambda: photo)])
    assert not list(collections_dir().rglob("*.png")) and list_sessions("me") == []


def test_a_live_correction_is_one_labelled_face_and_bad_ones_are_counted():
    frame = np.ascontiguousarray(skimage.data.astronaut()[..., ::-1])
    detector = create_detector("haar")
    (face, *_) = faces_in(
        frame, detector.detect(frame), detector.kind, source="live", origin="camera"
    )
    capture = Capture("me", "a visit", consent=True)
    assert capture.take(with_label(face, "happy")) is not None
    assert capture.take(face) is None
    dark = faces_in(
        frame // 8, detector.detect(frame), detector.kind, source="live", origin="camera"
    )
    assert capture.take_all(dark[:1]) == []
    assert capture.refused == {"nearly the same as another one": 1, "too dark": 1}
    (item,) = list_faces("me")[0]
    assert (item.label, item.by, item.source) == ("happy", "person", "live")
