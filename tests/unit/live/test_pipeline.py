"""The whole path on real frames: stable faces, live changes, clear refusals."""

import cv2
import numpy as np
import pytest
import torch

from emotion_core.errors import LiveError, RunError
from emotion_core.labels import EMOTIONS
from emotion_core.live.crop import crop_face
from emotion_core.live.draw import draw_result, emotion_bgr
from emotion_core.live.pipeline import create_pipeline
from emotion_core.live.results import Reading
from emotion_core.live.settings import LiveConfig
from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import best_run
from emotion_core.runs.create import create_run
from tests.samples import write_report


def test_one_face_is_followed_under_one_number(pipeline, photo):
    for step in range(12):
        shift = np.float32([[1, 0, 4 * step], [0, 1, 0]])
        frame = cv2.warpAffine(photo, shift, (640, 480), borderMode=cv2.BORDER_REPLICATE)
        result = pipeline(frame, step / 20)
        assert [face.track_id for face in result.faces] == [1]
    face = result.faces[0]
    assert face.probs.shape == face.raw_probs.shape == (7,)
    assert face.probs.sum() == pytest.approx(1, abs=1e-4)
    assert face.emotion in (*EMOTIONS, "uncertain")
    assert face.age == pytest.approx(11 / 20)
    assert result.size_wh == (640, 480)
    assert set(result.timings_ms) == {"detect", "track", "crop", "classify", "total"}


def test_faces_are_not_searched_in_every_frame_but_at_least_four_times_a_second(pipeline, photo):
    pipeline.set_config(LiveConfig(budget_ms=1.0))
    searched = [k / 30 for k in range(31) if pipeline(photo, k / 30).detected]
    assert len(searched) < 31
    assert max(np.diff(searched)) <= 0.25 + 1 / 30 + 1e-9


def test_the_live_input_is_the_training_input_bit_for_bit(pipeline, photo):
    detection = pipeline.detector.detect(photo)[0]
    face = crop_face(photo, detection, pipeline.detector.kind)
    live = pipeline(photo, 0.0).faces[0].raw_probs
    images = pipeline.classifier.preprocess.apply(torch.from_numpy(face[None]))
    with torch.inference_mode():
        logits = pipeline.classifier.model(images.contiguous(memory_format=torch.channels_last))
    assert np.allclose(torch.softmax(logits, 1).numpy()[0], live, atol=1e-6)


def test_another_model_answers_from_the_next_frame_on(pipeline, other_classifier, photo):
    before = pipeline(photo, 0.0).faces[0]
    pipeline.set_classifier(other_classifier)
    after = pipeline(photo, 0.03).faces[0]
    assert after.track_id == before.track_id
    assert not np.allclose(after.raw_probs, before.raw_probs)


def test_two_models_name_the_same_face(pipeline, classifier, other_classifier, photo):
    pipeline.set_second(other_classifier)
    face = pipeline(photo, 0.0).faces[0]
    assert face.second is not None
    assert not np.allclose(face.second.raw_probs, face.raw_probs)
    pipeline.set_second(None)
    assert pipeline(photo, 0.03).faces[0].second is None


def test_a_threshold_of_one_makes_every_face_uncertain(pipeline, photo):
    pipeline.set_config(LiveConfig(threshold=1.0))
    assert pipeline(photo, 0.0).faces[0].emotion == "uncertain"


def test_an_empty_frame_has_no_faces(pipeline):
    assert pipeline(np.zeros((240, 320, 3), np.uint8), 0.0).faces == []


def test_a_wrong_frame_is_refused(pipeline):
    with pytest.raises(
        LiveError, match=r"must be BGR uint8 \(H, W, 3\), got uint8 of shape \(48, 48\)"
    ):
        pipeline(np.zeros((48, 48), np.uint8), 0.0)


def finished(root, accuracy: float, synthetic: bool, seed: int):
    run = create_run(TrainConfig(seed=seed, options={"width": 8}), root)
    model = create_model("sequential", width=8)
    save_checkpoint(
        run, model, architecture="sequential", options={"width": 8}, preprocess=Preprocess()
    )
    parts = {"val.accuracy": accuracy, "data.synthetic": synthetic, "abstain.threshold": 0.37}
    write_report(run, parts)
    return run


def test_the_best_run_is_chosen_on_validation_and_real_data_goes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    with pytest.raises(RunError, match="No trained model is on this machine"):
        create_pipeline()
    finished(tmp_path, 0.99, True, 0)
    finished(tmp_path, 0.60, False, 1)
    real = finished(tmp_path, 0.65, False, 2)
    assert best_run() == real
    made = create_pipeline(detector="haar", half_life=0.1)
    assert made.classifier.name == real.name
    assert made.config.threshold == 0.37
    assert made.config.half_life == 0.1
    assert create_pipeline(real.path, detector="haar", threshold=0.2).config.threshold == 0.2


def test_drawing_marks_the_face_in_its_emotions_colour(pipeline, photo):
    pipeline.set_config(LiveConfig(threshold=0.0))
    result = pipeline(photo, 0.0)
    picture = draw_result(photo.copy(), result, lines=["25 fps"])
    color = np.array(emotion_bgr(result.faces[0].emotion))
    before, after = ((image == color).all(2).sum() for image in (photo, picture))
    assert after > before + 500
    assert np.any(picture[:20, :60] != photo[:20, :60])


def test_labels_stay_inside_the_picture(pipeline, photo):
    result = pipeline(photo, 0.0)
    shifted = photo[85:, 200:].copy()
    draw_result(shifted, result)
    assert shifted.shape == photo[85:, 200:].shape


def test_the_confidence_is_that_of_the_shown_emotion():
    probs = np.full(7, 0.02, np.float32)
    happy, neutral = EMOTIONS.index("happy"), EMOTIONS.index("neutral")
    probs[[happy, neutral]] = 0.42, 0.48  # within the margin the old name is held
    assert Reading(probs, probs, "happy").confidence == pytest.approx(0.42)
    assert Reading(probs, probs, "uncertain").confidence == pytest.approx(0.48)


def test_a_face_is_remembered_for_a_second_and_forgotten_at_once_when_told(pipeline, photo):
    empty = np.zeros_like(photo)
    assert pipeline(photo, 0.0).faces and pipeline.remembered == {1}
    assert not pipeline(empty, 0.9).faces and pipeline.remembered == {1}
    assert not pipeline(empty, 1.2).faces and pipeline.remembered == set()
    assert pipeline(photo, 1.5).faces[0].track_id == 2
    pipeline.forget()
    assert pipeline.remembered == set()
    assert pipeline(photo, 1.53).faces[0].track_id == 3
