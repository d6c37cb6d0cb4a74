"""Learning curves: readings, whole and partial courses, colours."""

import pytest

from emotion_core.evaluation.study import load_study
from emotion_core.plots.theme import RUN_PALETTE
from emotion_core.reporting.panels.courses import Curve
from emotion_core.reporting.panels.curves import curves_panel
from emotion_core.runs.ancestry import Course


def curve(label, rows, color=RUN_PALETTE[0], model="", **course) -> Curve:
    return Curve(label, color, model, Course(rows, **course))


@pytest.mark.parametrize(
    ("train", "said"), [(0.648, "4.8 points above"), (0.552, "4.8 points below")]
)
def test_the_gap_is_told_as_above_or_below(train, said):
    rows = [{"epoch": 1, "train_accuracy": train, "val_accuracy": 0.6, "seconds": 60.0}]
    panel = curves_panel([curve("mine", rows)], "Overfitting gap")
    assert f"its training accuracy is {said} validation." in panel.reading


def test_the_studys_architectures_are_told_apart():
    models = load_study().models[:3]
    drawn = curves_panel([], "Accuracy", study=models, training=False).figure.data
    assert len({trace.marker.symbol for trace in drawn}) == len(drawn) == len(models)
    assert all(trace.line.dash == "dot" for trace in drawn)


def test_a_published_curve_has_the_colour_of_its_model():
    rows = [{"epoch": 1, "train_accuracy": 0.7, "val_accuracy": 0.6, "seconds": 60.0}]
    own = curve("Block CNN", rows, "#123456", "block_cnn")
    mine, theirs = curves_panel([own], "Accuracy", study=["block_cnn"], training=False).figure.data
    assert mine.line.color == theirs.line.color == "#123456"
    assert theirs.name == "Block CNN (published)"


def test_training_is_drawn_on_request():
    rows = [{"epoch": 1, "train_accuracy": 0.7, "val_accuracy": 0.6, "seconds": 60.0}]
    names = [
        t.name for t in curves_panel([curve("a", rows)], "Accuracy", training=False).figure.data
    ]
    assert names == ["a"]
    assert len(curves_panel([curve("a", rows)], "Accuracy").figure.data) == 2


def test_a_part_of_a_training_is_said_to_be_one():
    rows = [{"epoch": 1, "train_accuracy": 0.7, "val_accuracy": 0.6, "seconds": 60.0}]
    part, whole = curve("A", rows, missing=("first",)), curve("B", rows, joined=("earlier",))
    said = curves_panel([part, whole], "Accuracy").reading
    assert "A was fine-tuned from an earlier run that is not here: only its last epochs" in said
    assert "With the runs that it was fine-tuned from: B." in said
    assert "fine-tuned" not in curves_panel([curve("C", rows)], "Accuracy").reading


def test_a_final_training_has_a_curve_of_training_alone():
    row = {"epoch": 1, "train_accuracy": 0.5, "val_accuracy": 0.4, "seconds": 60.0}
    final = {key: value for key, value in row.items() if key != "val_accuracy"}
    runs = [curve("chosen", [row]), curve("final", [final])]
    panel = curves_panel(runs, "Accuracy")
    assert [(one.name, one.showlegend) for one in panel.figure.data] == [
        ("chosen, train", False),
        ("chosen", True),
        ("final, train", True),
    ]
    assert "No validation curve after a final training on all faces: final." in panel.reading
    assert [one.name for one in curves_panel(runs, "Overfitting gap").figure.data] == ["chosen"]
