"""Only complete results on one test set are read; every other run is refused by name."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.errors import DataError
from emotion_core.evaluation.compare import compare_runs
from emotion_core.evaluation.results import load_results, short_labels
from emotion_core.evaluation.scores import classification_metrics
from emotion_core.files import write_json
from emotion_core.labels import EMOTIONS
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.run import Run
from tests.samples import change_report


def test_figures_of_the_report_come_back_from_the_stored_predictions(runs):
    for result in compare_runs(runs).results:
        again = classification_metrics(result.labels, result.probs)
        assert again == result.test


def other_labels(run: Run) -> None:
    rows = run.report().to_json()["test"]["per_emotion"]
    change_report(run, {"test.per_emotion": {name: rows[name] for name in reversed(EMOTIONS)}})


def shorten_predictions(run: Run) -> None:
    arrays = run.predictions()
    np.savez(run.predictions_path, **(arrays | {"logits": arrays["logits"][:10]}))


def break_logits(run: Run) -> None:
    arrays = run.predictions()
    np.savez(run.predictions_path, **(arrays | {"logits": np.full_like(arrays["logits"], np.nan)}))


def shorten_validation(run: Run) -> None:
    arrays = run.predictions()
    np.savez(run.predictions_path, **(arrays | {"val_labels": arrays["val_labels"][:10]}))


def break_validation(run: Run) -> None:
    arrays = run.predictions()
    infinite = np.full_like(arrays["val_probs"], np.inf)
    np.savez(run.predictions_path, **(arrays | {"val_probs": infinite}))


def swap_labels(run: Run) -> None:
    arrays = run.predictions()
    np.savez(run.predictions_path, **(arrays | {"labels": (arrays["labels"] + 1) % 7}))


SPOILT = {
    "no report": (lambda run: (run.path / "report.json").unlink(), "has no report.json"),
    "half a report": (
        lambda run: (run.path / "report.json").write_text('{"format": 1, "te'),
        "report.json cannot be read",
    ),
    "report of another program": (
        lambda run: write_json(run.path / "report.json", {"hello": 1}),
        "report.json is malformed: run is missing",
    ),
    "no predictions": (lambda run: run.predictions_path.unlink(), "has no predictions.npz"),
    "half the predictions": (
        lambda run: run.predictions_path.write_bytes(run.predictions_path.read_bytes()[:500]),
        "predictions.npz cannot be read",
    ),
    "too few predictions": (shorten_predictions, r"'logits' of shape \(300, 7\), found \(10, 7\)"),
    "not numbers": (break_logits, "not numbers"),
    "too few of validation": (
        shorten_validation,
        r"'val_labels' of shape \(150,\), found \(10,\)",
    ),
    "validation not numbers": (break_validation, "not numbers"),
    "no temperature": (
        lambda run: change_report(run, {"temperature": "warm"}),
        "temperature must be a finite number, found 'warm'",
    ),
    "all smoothing": (
        lambda run: change_report(run, {"smoothing": 1.0}),
        "smoothing must be at least 0 and below 1, found 1",
    ),
    "other labels": (other_labels, r"test\.per_emotion must be one entry for each of angry"),
    "swapped labels": (swap_labels, "holds other test labels"),
    "another test set": (
        lambda run: change_report(run, {"data.test_fingerprint": "0"}),
        "a different test set",
    ),
    "no folder": (lambda run: [f.unlink() for f in run.path.iterdir()], "status.json is missing"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_run_that_cannot_be_compared_is_named_and_the_others_stay(runs, name):
    spoil, reason = SPOILT[name]
    spoil(runs[1])
    found = compare_runs(runs)
    assert [result.name for result in found.results] == [runs[0].name, runs[2].name]
    assert [refusal.name for refusal in found.refused] == [runs[1].name]
    assert found.refused[0].reason.startswith(f"Run '{runs[1].name}'")
    assert re.search(reason, found.refused[0].reason)


def test_the_test_set_of_most_runs_wins(runs, tmp_path):
    first = write_random_run(
        tmp_path / "first", random_faces(50, seed=9), model="densenet121", epochs=1
    )
    found = compare_runs([first, *runs])
    assert len(found.results) == 3
    assert "a different test set (random, 50 faces)" in found.refused[0].reason


def test_nothing_comparable_is_an_error_with_each_reason(runs):
    for run in runs:
        run.predictions_path.unlink()
    with pytest.raises(DataError, match=r"nothing to compare\. Run 'resnet18' has no predictions"):
        compare_runs(runs)


def test_a_broken_config_is_named_through_the_run_list(runs, tmp_path):
    (runs[0].path / "config.json").write_text("{")
    found = compare_runs(list_runs(tmp_path))
    assert len(found.results) == 2
    assert "config.json cannot be read" in found.refused[0].reason


def test_a_copy_of_a_run_is_left_out_by_name(runs, tmp_path):
    copy = Run(shutil.copytree(runs[0].path, tmp_path / "elsewhere" / runs[0].id))
    found = compare_runs([runs[0], copy, runs[1]])
    assert [result.name for result in found.results] == [runs[0].name, runs[1].name]
    assert found.refused[0].reason.startswith(f"Two runs are called '{runs[0].id}'")


def test_labels_say_only_what_tells_runs_apart(runs):
    results, _ = load_results(runs)
    assert [r.label for r in results] == ["ResNet-18", "Block CNN", "Sequential"]
    first, second, _ = results
    study = replace(second, report=replace(first.report, recipe="study"))
    assert short_labels([first, study]) == ["ResNet-18 (our recipe)", "ResNet-18 (study recipe)"]
    again = replace(first, name="again")
    assert short_labels([first, again, study]) == [
        f"ResNet-18 ({first.name})",
        "ResNet-18 (again)",
        "ResNet-18 (study recipe)",
    ]


def test_a_copied_folder_is_labelled_after_its_own_name(runs, tmp_path):
    twin = Run(shutil.copytree(runs[0].path, tmp_path / "my copy"))
    labels = [result.label for result in load_results([runs[0], twin])[0]]
    assert labels == [f"ResNet-18 ({runs[0].name})", "ResNet-18 (my copy)"]
