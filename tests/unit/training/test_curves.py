"""Learning curves say what the rows say, also while they grow."""

import math

import pytest

from emotion_core.plots.training import curve, growing_chart, growing_rows, reading
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.runs.run import best_epoch
from emotion_core.runs.status import Status

ROWS = [
    {
        "epoch": epoch, "train_loss": 2 / epoch, "train_accuracy": accuracy + 0.05,
        "val_loss": 2.5 / epoch, "val_accuracy": accuracy, "val_macro_f1": 0.5 - 0.1 * epoch,
    }
    for epoch, accuracy in ((1, 0.3), (2, 0.6), (3, 0.6))
]  # fmt: skip


def test_best_epoch_is_the_first_with_the_best_value_of_the_monitored_metric():
    assert best_epoch(ROWS, "accuracy") == 2
    assert best_epoch(ROWS, "macro_f1") == 1
    assert best_epoch(ROWS, "loss") == 3
    assert best_epoch([], "accuracy") == 0


def test_figure_has_both_curves_and_marks_the_kept_epoch():
    fig = curve(ROWS, "accuracy", best_epoch=2)
    train, validation, kept = fig.data
    assert list(train.x) == [1, 2, 3] and list(train.y) == [35, 65, 65]
    assert list(validation.y) == [30, 60, 60] and validation.line.dash != train.line.dash
    assert (list(kept.x), list(kept.y), kept.name) == ([2], [60], "kept (epoch 2)")
    assert len(curve(ROWS, "loss").data) == 2


def test_growing_rows_go_on_within_the_present_epoch():
    progress = [
        {"step": step, "steps": 10, "train_loss": 1.0, "train_accuracy": 0.5} for step in (4, 8)
    ]
    found = growing_rows(ROWS, progress, "accuracy")
    assert [row["epoch"] for row in found] == [1, 2, 3, 3.4, 3.8]
    assert [row["train"] for row in found] == pytest.approx([35, 65, 65, 50, 50])
    assert [row["validation"] for row in found][3:] == [None, None]
    assert growing_rows([], progress, "loss")[0] == {"epoch": 0.4, "train": 1, "validation": None}
    assert growing_rows([], [], "loss") == []


def test_the_first_steps_of_a_later_epoch_do_not_set_the_charts_range():
    first = {"step": 1, "steps": 20, "train_loss": 9.0, "train_accuracy": 0.1}
    later = first | {"step": 2, "train_loss": 0.8}
    values = growing_chart(ROWS, [first, later], "loss", epochs=8)["data"]["values"]
    assert max(point["value"] for point in values) < 9 and values[-1]["value"] == 0.8
    alone = growing_chart([], [first], "loss", epochs=8)["data"]["values"]
    assert alone == [{"epoch": 0.05, "split": "train", "value": 9.0, "part": "present"}]


@pytest.mark.parametrize("count", [59, 60, 61, 119, 1000, 36_000])
def test_long_epoch_is_thinned_and_ends_with_the_newest_row(count):
    progress = [
        {"step": step, "steps": count, "train_loss": 1.0, "train_accuracy": 0.5}
        for step in range(1, count + 1)
    ]
    found = growing_rows([], progress, "loss")
    assert found[-1]["epoch"] == 1 and len(found) <= 120
    assert math.isclose(found[0]["epoch"], 0, abs_tol=0.05)


def test_the_axes_show_how_far_a_run_is_and_do_not_stretch_noise():
    chart = growing_chart(ROWS, [], "accuracy", epochs=40)["encoding"]
    assert chart["x"]["scale"]["domain"] == [0, 40]
    assert chart["x"]["axis"]["tickMinStep"] == 1
    flat = [ROWS[0] | {"train_accuracy": 0.143, "val_accuracy": 0.142}]
    low, high = growing_chart(flat, [], "accuracy", epochs=40)["encoding"]["y"]["scale"]["domain"]
    assert low < 14.2 and high > 14.3 and high - low >= 4
    assert curve(flat, "accuracy").layout.yaxis.range == (low, high)


def test_the_present_epoch_goes_on_from_the_last_finished_one():
    progress = [{"step": 5, "steps": 10, "train_loss": 0.5, "train_accuracy": 0.7}]
    values = growing_chart(ROWS, progress, "accuracy", epochs=40)["data"]["values"]
    present = [item for item in values if (item["part"], item["split"]) == ("present", "train")]
    assert [item["epoch"] for item in present] == [3, 3.5]


def test_reading_tells_the_best_epoch_and_the_gap():
    assert reading(ROWS, "accuracy") == (
        "Best validation accuracy 60.0 % and macro-F1 0.300 after epoch 2 of 3. Training accuracy, "
        "counted while it trained, was 5.0 points higher."
    )
    below = [ROWS[0] | {"train_accuracy": 0.1}]
    assert reading(below, "accuracy").endswith("was 20.0 points lower.")
    level = [ROWS[0] | {"train_accuracy": 0.301}]
    assert reading(level, "accuracy").endswith("was about the same.")
    assert reading([], "accuracy") == "No epoch is finished yet."


def test_progress_of_the_present_epoch_is_kept_until_the_next(tmp_path):
    run = create_run(TrainConfig(), tmp_path)
    assert run.progress() == []
    run.append_progress(Status(step=3, steps=9, train_loss=1.5, train_accuracy=0.25))
    assert run.progress() == [{"step": 3, "steps": 9, "train_loss": 1.5, "train_accuracy": 0.25}]
    run.clear_progress()
    run.clear_progress()
    assert run.progress() == []
