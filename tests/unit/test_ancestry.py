"""Curves of fine-tuned runs, joined to those that they went on from."""

import pytest

from emotion_core.recipes import TrainConfig
from emotion_core.runs.ancestry import training_course
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run


@pytest.fixture
def make(tmp_path):
    def make(name: str, accuracies: list[float], start_from: str = ""):
        run = create_run(TrainConfig(name=name, start_from=start_from), tmp_path)
        for epoch, accuracy in enumerate(accuracies, 1):
            row = {"epoch": epoch, "step": 10 * epoch, "val_accuracy": accuracy, "seconds": 1.0}
            run.append_metrics(row)
        return run

    return make


def test_a_run_of_its_own_is_its_curve(make, tmp_path):
    run = make("alone", [0.1, 0.2])
    course = training_course(run, list_runs(tmp_path))
    assert course.rows == run.metrics() and not course.joined and not course.missing


def test_a_fine_tuned_run_goes_on_from_the_best_epoch_of_the_one_before(make, tmp_path):
    make("first", [0.1, 0.5, 0.4])
    make("second", [0.6], start_from="first")
    third = make("third", [0.7, 0.8], start_from="second")
    course = training_course(third, list_runs(tmp_path))
    assert course.joined == ("first", "second") and not course.missing
    assert [row["epoch"] for row in course.rows] == [1, 2, 3, 4, 5]
    assert [row["val_accuracy"] for row in course.rows] == [0.1, 0.5, 0.6, 0.7, 0.8]
    assert [row["step"] for row in course.rows] == [10, 20, 30, 40, 50]


@pytest.mark.parametrize("start", ["gone", "first, gone"])
def test_what_is_not_here_or_a_mean_is_told(make, tmp_path, start):
    make("first", [0.1])
    run = make("second", [0.6], start_from=start)
    course = training_course(run, list_runs(tmp_path))
    assert course.rows == run.metrics()
    assert course.missing == tuple(name.strip() for name in start.split(","))


def test_a_circle_ends(make, tmp_path):
    make("one", [0.1], start_from="two")
    run = make("two", [0.2], start_from="one")
    assert training_course(run, list_runs(tmp_path)).missing
