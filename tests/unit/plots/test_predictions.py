"""Readings of the feature map."""

import tracemalloc

import numpy as np

from emotion_core.plots.predictions import map_reading


def test_the_nearest_neighbour_is_another_face_also_at_the_same_place():
    places = np.random.default_rng(0).normal(size=(50, 2))
    reading = map_reading(places.repeat(4, axis=0), (np.arange(50) % 7).repeat(4))
    assert "for 100 % of 200 faces" in reading
    assert "for 0 % of 3 faces" in map_reading(np.zeros((3, 2)), np.arange(3))


def test_the_reading_of_a_large_map_takes_little_memory():
    positions = np.random.default_rng(0).normal(size=(2_000, 2))
    tracemalloc.start()
    map_reading(positions, np.zeros(2_000, int))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000 * 2_000
