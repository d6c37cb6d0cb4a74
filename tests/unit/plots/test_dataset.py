"""What is said of unequal classes."""

from emotion_core.labels import EMOTIONS
from emotion_core.plots.dataset import imbalance, imbalance_reading

NONE = dict.fromkeys(EMOTIONS, 0)


def test_every_missing_emotion_is_named_and_the_ratio_is_among_the_others():
    counts = dict.fromkeys(EMOTIONS, 5) | {"happy": 50, "fear": 0, "sad": 0}
    assert imbalance(counts) == ("happy", "angry", 10)
    said = imbalance_reading(counts)
    assert "no image of fear or sad; a model cannot learn them" in said
    assert "10.0 times as frequent as angry" in said


def test_an_even_rest_and_hardly_any_faces_are_told():
    assert imbalance_reading(dict.fromkeys(EMOTIONS, 5) | {"fear": 0}).endswith(
        "a model cannot learn it. The others are about equally frequent."
    )
    for counts in (NONE, NONE | {"sad": 3}):
        assert imbalance(counts)[2] == 1
        assert "frequent" not in imbalance_reading(counts)
