"""Highlights of a session whose expressions at each second are known."""

import cv2
import numpy as np
import pytest

from emotion_core.labels import EMOTIONS
from emotion_core.live.highlights import SIDE, SecondPictures, highlights
from emotion_core.live.results import Face, FrameResult, Reading
from emotion_core.live.summary import Second


def probs_of(emotion, confidence):
    probs = np.full(7, (1 - confidence) / 6, np.float32)
    probs[EMOTIONS.index(emotion) if emotion in EMOTIONS else 0] = confidence
    return probs


def seconds(*told, start=0):
    """``(emotion, confidence)`` of each second; None: out of sight."""
    return [
        Second(start + at, 1, item[0], probs_of(*item), 10)
        for at, item in enumerate(told)
        if item is not None
    ]


def result(emotion, confidence, box=(10, 10, 60, 60)):
    probs = probs_of(emotion, confidence)
    face = Face(1, np.array(box, np.float32), Reading(probs, probs, emotion), 1.0, 0.9)
    return FrameResult([face], {"total": 5.0}, True, (100, 100), 120.0)


def told(found):
    return {item.title: (item.words, item.second) for item in found}


def test_each_kind_is_the_moment_that_it_says():
    session = seconds(
        ("neutral", 0.9),
        ("neutral", 0.8),
        ("happy", 0.95),
        ("sad", 0.5),
        ("sad", 0.6),
        ("sad", 0.5),
    )
    assert told(highlights(session, range(6))) == {
        "Strongest expression": ("happy, 95 %", 2),
        "Longest stretch": ("sad, 3 s", 4),
        "Greatest change": ("neutral to happy", 2),
    }


def test_a_pause_ends_a_stretch_and_is_no_change():
    session = seconds(("sad", 0.5), ("sad", 0.5), None, ("sad", 0.6), None, ("happy", 0.9))
    found = told(highlights(session, range(6)))
    assert found["Longest stretch"] == ("sad, 2 s", 0)
    assert "Greatest change" not in found


def test_doubt_and_neutral_are_no_strong_expression():
    assert told(highlights(seconds(("neutral", 0.99), ("uncertain", 0.4)), range(2))).keys() == {
        "Greatest change"
    }


def test_moments_without_a_picture_are_left_out():
    session = seconds(("happy", 0.99), ("sad", 0.6))
    assert told(highlights(session, {1}))["Strongest expression"] == ("sad, 60 %", 1)
    assert highlights(session, ()) == []


def test_the_clearest_frame_of_a_second_is_kept_as_it_was_seen():
    pictures = SecondPictures(lambda: 50.0)
    for at, confidence, gray in (
        (50.1, 0.5, 40),
        (50.5, 0.9, 200),
        (50.9, 0.7, 90),
        (52.0, 0.6, 10),
    ):
        pictures.take(np.full((100, 100, 3), gray, np.uint8), result("happy", confidence), at)
    assert pictures.seconds() == {0, 2}
    image = cv2.imdecode(np.frombuffer(pictures.jpeg(0), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (SIDE, SIDE, 3)
    assert image.mean() == pytest.approx(200, abs=3)


def test_pictures_go_with_the_next_session_and_when_forgotten():
    began = [10.0]
    pictures = SecondPictures(lambda: began[0])
    frame = np.zeros((100, 100, 3), np.uint8)
    pictures.take(frame, result("sad", 0.5), 17.0)
    began[0] = 30.0
    pictures.take(frame, result("sad", 0.5), 31.0)
    assert pictures.seconds() == {1}
    pictures.forget()
    assert pictures.seconds() == frozenset()
    began[0] = None
    pictures.take(frame, result("sad", 0.5), 31.0)
    assert pictures.seconds() == frozenset()


def test_a_face_at_the_edge_has_a_whole_picture():
    pictures = SecondPictures(lambda: 0.0)
    frame = np.full((100, 100, 3), 120, np.uint8)
    pictures.take(frame, result("happy", 0.9, box=(80, 80, 130, 130)), 0.0)
    image = cv2.imdecode(np.frombuffer(pictures.jpeg(0), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (SIDE, SIDE, 3)
    assert image.min() > 110  # no black border
