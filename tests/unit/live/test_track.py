"""Tracks keep their identity through motion, crossings and short losses."""

import cv2
import numpy as np

from emotion_core.live.boxes import iou
from emotion_core.live.detect import Detection
from emotion_core.live.track import Tracker

GRAY = np.zeros((480, 640), np.uint8)


def at(x: float, y: float = 200, size: float = 80) -> Detection:
    return Detection(np.array([x, y, x + size, y + size], np.float32))


def ids(tracks):
    return {round(float(track.box_xyxy[0]) / 10): track.track_id for track in tracks}


def test_a_moving_face_keeps_its_number():
    tracker = Tracker()
    seen = {tracker.detected([at(100 + 12 * k)], GRAY, k / 10)[0].track_id for k in range(20)}
    assert seen == {1}


def test_two_faces_that_cross_keep_their_numbers():
    tracker = Tracker()
    for step in range(21):
        left, right = at(100 + 20 * step, 180), at(500 - 20 * step, 215)
        tracks = tracker.detected([left, right] if step % 2 else [right, left], GRAY, step / 15)
        if step == 1:
            first = {track.track_id: track.box_xyxy[0] < 300 for track in tracks}
    last = {track.track_id: track.box_xyxy[0] > 300 for track in tracks}
    assert len(tracker.tracks) == 2
    assert first == last


def test_a_lost_face_is_forgotten_after_a_second_and_its_number_is_not_used_again():
    tracker = Tracker()
    tracker.detected([at(100)], GRAY, 0.0)
    assert tracker.detected([], GRAY, 0.9) == []
    assert len(tracker.tracks) == 1
    assert tracker.detected([], GRAY, 1.2) == []
    assert tracker.detected([at(100)], GRAY, 1.3)[0].track_id == 2


def test_a_short_loss_keeps_the_number():
    tracker = Tracker()
    tracker.detected([at(100)], GRAY, 0.0)
    tracker.detected([], GRAY, 0.3)
    assert tracker.detected([at(110)], GRAY, 0.6)[0].track_id == 1


def test_between_detections_the_patch_is_followed(photo):
    gray = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    tracker = Tracker()
    start = np.array([205, 95, 320, 235], np.float32)
    tracker.detected([Detection(start)], gray, 0.0)
    for step in range(1, 6):
        moved = cv2.warpAffine(gray, np.float32([[1, 0, 7 * step], [0, 1, -3 * step]]), (640, 480))
        tracks = tracker.followed(moved, step / 30)
        expected = start + np.array([7, -3, 7, -3], np.float32) * step
        assert iou(tracks[0].box_xyxy, expected) > 0.8


def test_a_patch_that_vanished_does_not_run_away(photo):
    gray = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    tracker = Tracker()
    for step in range(3):
        tracker.detected([at(200 + 20 * step)], gray, step / 30)
    for step in range(3, 20):
        shown = tracker.followed(GRAY, step / 30)
    assert abs(float(tracker.tracks[0].box_xyxy[0]) - 240) < 80
    assert shown == []


def test_a_face_that_the_detector_misses_is_still_followed(photo):
    gray = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    tracker = Tracker()
    start = np.array([205, 95, 320, 235], np.float32)
    tracker.detected([Detection(start)], gray, 0.0)
    for step in range(1, 10):
        moved = cv2.warpAffine(gray, np.float32([[1, 0, 9 * step], [0, 1, 0]]), (640, 480))
        tracks = tracker.detected([], moved, step / 15)
    assert [track.track_id for track in tracks] == [1]
    assert iou(tracks[0].box_xyxy, start + np.array([81, 0, 81, 0], np.float32)) > 0.8


def test_a_face_that_left_is_not_shown_but_keeps_its_number_if_it_returns(photo):
    gray = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    tracker = Tracker()
    box = np.array([205, 95, 320, 235], np.float32)
    tracker.detected([Detection(box)], gray, 0.0)
    assert tracker.detected([], GRAY, 0.3) == []
    assert tracker.detected([Detection(box)], gray, 0.6)[0].track_id == 1


def test_a_face_found_with_a_low_score_is_shown_from_the_second_time_on():
    tracker = Tracker()
    weak = Detection(at(100).box_xyxy, score=0.6)
    assert tracker.detected([weak, at(400)], GRAY, 0.0)[0].track_id == 2
    assert len(tracker.detected([weak, at(400)], GRAY, 0.1)) == 2


def test_only_the_largest_faces_are_followed():
    tracker = Tracker(max_faces=2)
    tracks = tracker.detected([at(10, size=40), at(200, size=90), at(400, size=70)], GRAY, 0.0)
    assert sorted(float(t.box_xyxy[2] - t.box_xyxy[0]) for t in tracks) == [70, 90]


def test_iou_of_equal_half_and_apart():
    box = np.array([0, 0, 10, 10], np.float32)
    assert iou(box, box) == 1
    assert iou(box, box + np.array([5, 0, 5, 0], np.float32)) == np.float32(50 / 150)
    assert iou(box, box + 20) == 0


def test_a_face_without_a_patch_is_in_sight_until_the_next_search(photo):
    gray = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    tracker = Tracker()
    tracker.detected([at(-40)], gray, 0.0)  # cut by the frame's edge
    assert len(tracker.followed(gray, 0.24)) == 1
    assert tracker.followed(gray, 0.35) == []


def test_no_more_faces_are_shown_than_asked_for():
    rng, tracker = np.random.default_rng(0), Tracker(max_faces=8)
    for step in range(10):  # which of the twelve are the largest changes all the time
        sizes = 50 + rng.normal(0, 3, 12)
        people = [at(100 * (k % 6), 200 * (k // 6), size) for k, size in enumerate(sizes)]
        tracks = tracker.detected(people, GRAY, step / 10)
    areas = [float(np.prod(track.box_xyxy[2:] - track.box_xyxy[:2])) for track in tracks]
    assert len(areas) == 8 and areas == sorted(areas, reverse=True)
