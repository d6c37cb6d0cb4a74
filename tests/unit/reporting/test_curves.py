"""Readings of learning curves."""

import pytest

from emotion_core.evaluation.study import load_study
from emotion_core.reporting.panels.curves import curves_panel


@pytest.mark.parametrize(
    ("train", "said"), [(0.648, "4.8 points above"), (0.552, "4.8 points below")]
)
def test_the_gap_is_told_as_above_or_below(train, said):
    rows = [{"epoch": 1, "train_accuracy": train, "val_accuracy": 0.6, "seconds": 60.0}]
    panel = curves_panel([("mine", rows)], "Overfitting gap")
    assert f"its training accuracy is {said} validation." in panel.reading


def test_the_studys_architectures_are_told_apart():
    models = load_study().models[:3]
    drawn = curves_panel([], "Accuracy", study=models).figure.data
    assert len({trace.marker.symbol for trace in drawn}) == len(models)


def test_a_final_training_has_a_curve_of_training_alone():
    row = {"epoch": 1, "train_accuracy": 0.5, "val_accuracy": 0.4, "seconds": 60.0}
    final = {key: value for key, value in row.items() if key != "val_accuracy"}
    runs = [("chosen", [row]), ("final", [final])]
    drawn = curves_panel(runs, "Accuracy").figure.data
    assert [(one.name, one.showlegend) for one in drawn] == [
        ("chosen, train", False),
        ("chosen", True),
        ("final, train", True),
    ]
    assert [one.name for one in curves_panel(runs, "Overfitting gap").figure.data] == ["chosen"]
