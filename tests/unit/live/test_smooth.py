"""Smoothing counts seconds, names do not flicker, doubt is said."""

import numpy as np
import pytest

from emotion_core.errors import ConfigError
from emotion_core.labels import EMOTIONS
from emotion_core.live.smooth import UNCERTAIN, EmaSmoother, LabelHolder


def certain(emotion: str, share: float = 1.0) -> np.ndarray:
    probs = np.full(7, (1 - share) / 6, np.float32)
    probs[EMOTIONS.index(emotion)] = share
    return probs


@pytest.mark.parametrize("fps", [10, 30])
def test_update_settles_equally_fast_at_any_frame_rate(fps):
    smoother = EmaSmoother(half_life=0.5)
    smoother.update(certain("sad"), 0.0)
    for frame in range(1, fps + 1):
        mean = smoother.update(certain("happy"), frame / fps)
    assert mean[EMOTIONS.index("happy")] == pytest.approx(0.75, abs=1e-3)
    assert mean.sum() == pytest.approx(1, abs=1e-5)


def test_no_half_life_means_no_memory():
    smoother = EmaSmoother(0)
    smoother.update(certain("sad"), 0)
    assert smoother.update(certain("happy"), 0.01)[3] == 1


def test_negative_half_life_is_refused():
    with pytest.raises(ConfigError, match="half_life must be 0 or more seconds, got -1"):
        EmaSmoother(half_life=-1)


def test_a_clock_that_steps_back_counts_as_no_time():
    smoother = EmaSmoother(0.5)
    smoother.update(certain("sad"), 10)
    assert np.allclose(smoother.update(certain("happy"), 3), certain("sad"))


def test_a_close_race_does_not_flicker():
    holder = LabelHolder()
    names = []
    for frame in range(20):
        probs = certain("happy", 0.5)
        probs[EMOTIONS.index("neutral")] = 0.5 + (0.02 if frame % 2 else -0.02)
        names.append(holder.update(probs, threshold=0.3, margin=0.08))
    assert set(names) == {"happy"}


def test_a_clear_lead_takes_over():
    holder = LabelHolder()
    assert holder.update(certain("happy", 0.8), threshold=0.3, margin=0.08) == "happy"
    assert holder.update(certain("sad", 0.8), threshold=0.3, margin=0.08) == "sad"


def test_below_the_threshold_the_face_is_uncertain_and_returns_only_when_surer():
    holder = LabelHolder()
    assert holder.update(certain("happy", 0.59), threshold=0.6, margin=0) == UNCERTAIN
    assert holder.update(certain("happy", 0.61), threshold=0.6, margin=0) == UNCERTAIN
    assert holder.update(certain("happy", 0.65), threshold=0.6, margin=0) == "happy"
    assert holder.update(certain("happy", 0.61), threshold=0.6, margin=0) == "happy"
