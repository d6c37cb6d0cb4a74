"""The folder of an exported page, as far as no browser is needed."""

import cv2
import numpy as np
import pytest
import skimage.data

from emotion_core.errors import ModelError
from emotion_core.live.detect import YuNetDetector
from emotion_core.live.yunet_file import yunet_path
from emotion_core.models.backends import create_session
from emotion_core.models.web_export import any_size, export_web
from emotion_core.models.web_runtime import runtime_files
from emotion_core.paths import PROJECT
from emotion_core.runs.run import Run

RUN = Run(PROJECT / "checkpoints" / "sequential")


@pytest.mark.parametrize("size_wh", [(320, 320), (640, 416)])
def test_the_detector_of_any_size_finds_what_opencv_finds(size_wh):
    image = cv2.resize(np.ascontiguousarray(skimage.data.astronaut()[..., ::-1]), size_wh)
    session = create_session(any_size(yunet_path()), threads=1)
    names = [item.name for item in session.get_outputs()]
    values = session.run(None, {"input": image.transpose(2, 0, 1)[None].astype(np.float32)})
    found = dict(zip(names, values, strict=True))
    (expected,) = YuNetDetector(yunet_path(), side=max(size_wh)).detect(image)

    scores = {s: np.sqrt(found[f"cls_{s}"] * found[f"obj_{s}"])[0, :, 0] for s in (8, 16, 32)}
    stride = max(scores, key=lambda s: scores[s].max())
    place = int(scores[stride].argmax())
    assert scores[stride][place] == pytest.approx(expected.score, abs=0.01)
    row, column = divmod(place, size_wh[0] // stride)
    dx, dy, width, height = found[f"bbox_{stride}"][0, place]
    centre = np.array([(column + dx) * stride, (row + dy) * stride])
    half = np.exp([width, height]) * stride / 2
    box = np.concatenate([centre - half, centre + half])
    np.testing.assert_allclose(box, expected.box_xyxy, atol=1.0)


def test_a_file_that_is_no_detector_is_refused(tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"not onnx")
    with pytest.raises(ModelError, match="is not a YuNet model"):
        any_size(tmp_path / "other.onnx")


def test_without_the_runtime_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))
    monkeypatch.setattr("emotion_core.models.web_runtime.PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"python -m emotion_core fetch onnxruntime-web$"):
        runtime_files()
    with pytest.raises(ModelError):
        export_web(RUN, tmp_path / "page", detector=yunet_path())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ModelError, match="holds something else"):
        export_web(RUN, tmp_path, detector=yunet_path())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
