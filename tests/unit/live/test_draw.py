"""What is drawn can be read: on any background, inside the picture, one colour per face."""

import itertools

import numpy as np
import pytest

from emotion_core.labels import EMOTIONS
from emotion_core.live.draw import (
    _label_width,
    _text_height,
    draw_faces,
    draw_result,
    emotion_bgr,
    track_bgr,
)
from emotion_core.live.results import Face, FrameResult, Reading


def reading(emotion: str = "happy", share: float = 0.8) -> Reading:
    probs = np.full(7, (1 - share) / 6, np.float32)
    probs[EMOTIONS.index(emotion)] = share
    return Reading(probs, probs, emotion)


def face(number: int = 1, box=(200, 150, 320, 290), **options) -> Face:
    return Face(number, np.array(box, np.float32), reading(**options), 1.0, 0.9)


def background(level: int) -> np.ndarray:
    return np.full((480, 640, 3), level, np.uint8)


def count(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((picture == np.array(color)).all(2).sum())


@pytest.mark.parametrize("level", [0, 128, 255])
def test_label_bar_and_box_stand_out_on_any_background(level):
    picture = draw_faces(background(level), [face()])
    assert count(picture, emotion_bgr("happy")) > 1_000
    assert count(picture, track_bgr(1)) > 800
    # The text itself: much darker or lighter than the label it stands on.
    label = picture[130:149, 202:300].astype(int).sum(2)
    assert np.ptp(label) > 300


def test_the_bar_is_as_long_as_the_confidence():
    def length(share):
        row = draw_faces(background(0), [face(share=share)])[295]
        return int((row == np.array(emotion_bgr("happy"))).all(1).sum())

    assert length(0.9) == pytest.approx(0.9 * 120, abs=3)
    assert length(0.5) == pytest.approx(0.5 * 120, abs=3)


def test_two_faces_have_two_colours_and_one_keeps_its_own():
    picture = draw_faces(background(0), [face(1), face(2, (400, 150, 520, 290), emotion="sad")])
    assert count(picture, track_bgr(1)) > 500
    assert count(picture, track_bgr(2)) > 500
    assert len({track_bgr(number) for number in range(1, 50)}) == 49


@pytest.mark.parametrize(
    "box", [(0, 0, 60, 60), (-40, -40, 30, 30), (600, 440, 700, 520), (100, 0, 500, 480)]
)
def test_a_face_at_the_edge_still_has_its_whole_label(box):
    whole = count(draw_faces(background(0), [face()]), emotion_bgr("happy"))
    bar = 0.8 * 120 * 5
    found = count(draw_faces(background(0), [face(box=box)]), emotion_bgr("happy"))
    assert found > whole - bar - 700  # the bar may lie outside


def test_two_models_give_two_lines():
    one = face()
    both = Face(1, one.box_xyxy, one.reading, 1.0, 0.9, second=reading("sad", 0.6))
    picture = draw_faces(background(0), [both], names=("A", "B"))
    assert count(picture, emotion_bgr("happy")) > 1_000
    assert count(picture, emotion_bgr("sad")) > 1_000


@pytest.mark.parametrize("second", [None, reading("sad", 0.6)])
def test_labels_of_faces_side_by_side_or_in_each_other_do_not_overlap(monkeypatch, second):
    drawn = []

    def label(frame, text, place, color, scale):
        width = _label_width(text, scale)
        drawn.append((*place, place[0] + width, place[1] + _text_height(scale)))

    monkeypatch.setattr("emotion_core.live.draw._label", label)
    boxes = [
        (200, 150, 320, 290), (210, 152, 330, 300), (220, 150, 300, 280), (240, 160, 360, 290),
        (600, 0, 680, 60), (560, 5, 640, 70), (0, 430, 60, 520), (10, 420, 80, 600),
    ]  # fmt: skip
    faces = [
        Face(number, np.array(box, np.float32), reading(), 1.0, 0.9, second=second)
        for number, box in enumerate(boxes, 1)
    ]
    draw_faces(background(0), faces, names=("A", "B"))
    assert len(drawn) == len(faces) * (2 if second else 1)
    for left, top, right, bottom in drawn:
        assert 0 <= left < right <= 640 and 0 <= top < bottom <= 480
    for a, b in itertools.combinations(drawn, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_the_overlay_appears_only_with_lines():
    result = FrameResult([], {"total": 1.0}, True, (640, 480), 90.0)
    assert np.all(draw_result(background(90), result) == 90)
    assert np.any(draw_result(background(90), result, lines=["30 fps"])[:20, :60] != 90)
