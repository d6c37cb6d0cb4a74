"""Curves of a run that stopped early."""

from emotion_core.plots.training import curve, growing_chart, growing_rows, reading

ROW = {"epoch": 1, "train_accuracy": 0.5, "val_accuracy": 0.4, "val_macro_f1": 0.3}
ROWS = [ROW, ROW | {"epoch": 2, "val_accuracy": 0.45}]


def test_a_stopped_run_says_how_many_epochs_were_planned():
    assert "after epoch 2, stopped after 2 of 8 epochs. Training" in reading(ROWS, "accuracy", 8)
    assert "after epoch 2 of 2. Training" in reading(ROWS, "accuracy", 2)
    assert reading(ROWS, "accuracy") == reading(ROWS, "accuracy", 2)


def test_a_short_runs_axis_counts_whole_epochs():
    assert curve(ROWS, "accuracy").layout.xaxis.dtick == 1
    long = [ROW | {"epoch": epoch} for epoch in range(1, 81)]
    assert curve(long, "accuracy").layout.xaxis.dtick is None


def test_a_final_training_is_drawn_without_validation():
    rows = [{"epoch": 1, "train_accuracy": 0.5, "train_loss": 1.2}]
    assert [one.name for one in curve(rows, "accuracy", best_epoch=1).data] == ["train"]
    assert growing_rows(rows, [], "loss") == [{"epoch": 1.0, "train": 1.2, "validation": None}]
    values = growing_chart(rows, [], "loss", epochs=1)["data"]["values"]
    assert {(item["split"], item["value"]) for item in values} == {("train", 1.2)}
    assert "training accuracy was 50.0 % after epoch 1." in reading(rows, "accuracy")
