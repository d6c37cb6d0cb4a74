"""The drawn stream: smooth, repeatable, and found by the detector that is always there."""

import itertools

import numpy as np

from emotion_core.labels import EMOTIONS
from emotion_core.live.demo import DemoStream, expression
from emotion_core.live.detect import create_detector


def test_the_same_second_gives_the_same_picture_in_a_new_array():
    stream = DemoStream()
    first, second = stream(12.3), DemoStream()(12.3)
    assert first.shape == (480, 640, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)
    first[:] = 0
    np.testing.assert_array_equal(stream(12.3), second)


def test_faces_move_a_little_from_frame_to_frame():
    stream = DemoStream()
    change = np.abs(stream(3.0).astype(int) - stream(3.0 + 1 / 30)).mean()
    assert 0 < change < 5


def test_all_three_faces_are_found_by_the_built_in_detector():
    detector, stream = create_detector("haar"), DemoStream()
    found = [len(detector.detect(stream(second))) for second in range(0, 40, 4)]
    assert np.mean(found) > 2.5 and max(found) == 3


def test_everybody_shows_every_emotion_within_a_minute():
    for person in range(3):
        shown = {expression(person, second)[0] for second in range(60)}
        assert shown == set(EMOTIONS)


def test_expressions_come_and_go_gradually():
    levels = [expression(0, step / 30)[1] for step in range(600)]
    assert min(levels) == 0 and max(levels) == 8
    assert max(abs(b - a) for a, b in itertools.pairwise(levels)) <= 1


def test_another_size_is_filled_too():
    assert DemoStream((320, 240))(1.0).shape == (240, 320, 3)
