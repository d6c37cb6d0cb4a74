"""Readings of learning curves."""

import pytest

from emotion_core.plots.comparison.curves import curves_panel


@pytest.mark.parametrize(
    ("train", "said"), [(0.648, "4.8 points above"), (0.552, "4.8 points below")]
)
def test_the_gap_is_told_as_above_or_below(train, said):
    rows = [{"epoch": 1, "train_accuracy": train, "val_accuracy": 0.6, "seconds": 60.0}]
    panel = curves_panel([("mine", "sequential", rows)], "Overfitting gap")
    assert f"its training accuracy is {said} validation." in panel.reading
