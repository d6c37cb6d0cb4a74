"""Sentences name the right run, the right numbers, and claim no more than the test allows."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from emotion_core import units
from emotion_core.evaluation.compare import compare_runs
from emotion_core.evaluation.ensemble import UNCALIBRATED
from emotion_core.evaluation.pairs import PairTest
from emotion_core.evaluation.study import load_study
from emotion_core.reporting import words
from emotion_core.runs.run import Run
from tests.samples import change_report


@pytest.fixture(scope="module")
def comparison(written_runs):
    return compare_runs(written_runs)


def pair(gap: float, ends: tuple[float, float], p: float) -> PairTest:
    only = (60, 20) if gap > 0 else (20, 60)
    return PairTest(0, 1, *only, gap, ends, 0.0, (0.0, 0.0), p, p)


def test_the_headline_names_best_lead_and_correction(comparison):
    best, second, _ = comparison.ranked
    said = words.headline(comparison)
    assert said.startswith(f"{best.label} is most accurate: {units.percent(best.test.accuracy)}, ")
    assert f" ahead of {second.label}" in said
    assert "The lead is not statistically significant when 3 pairs are compared (p = " in said


def test_the_headline_of_one_run_gives_its_interval(runs):
    said = words.headline(compare_runs(runs[:1]))
    ends = units.percent_range(runs[0].report().test.accuracy_ci95)
    assert said.endswith(f" of 300 faces correctly (95 % CI {ends}).")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_pair_sentence_names_winner_points_and_interval(comparison, sign):
    found = pair(sign * 0.021, (0.012, 0.030) if sign > 0 else (-0.030, -0.012), 1e-5)
    winner, loser = ("ResNet-18", "Block CNN")[::sign]
    assert words.pair_sentence(comparison, found) == (
        f"{winner} is 2.1 points more accurate than {loser} (95 % CI 1.2 to 3.0); the difference "
        "is statistically significant (p < 0.001, corrected for 3 comparisons)."
    )


def test_an_interval_that_seems_to_contradict_the_corrected_test_is_left_out(comparison):
    said = words.pair_sentence(comparison, pair(0.011, (0.002, 0.021), 0.118))
    assert said == (
        "ResNet-18 is 1.1 points more accurate than Block CNN; the difference is not "
        "statistically significant when 3 pairs are compared (p = 0.12)."
    )
    assert "(95 % CI \u22120.2 to 2.1)" in words.pair_sentence(
        comparison, pair(0.011, (-0.002, 0.021), 0.118)
    )


def test_one_pair_is_not_called_corrected(runs):
    said = words.pair_sentence(compare_runs(runs[:2]), compare_runs(runs[:2]).pairs[0])
    assert said.endswith("the difference is statistically significant (p < 0.001).")


def test_runs_with_the_same_answers_are_equally_accurate(runs, tmp_path):
    twin = Run(shutil.copytree(runs[0].path, tmp_path / "twin"))
    found = compare_runs([runs[0], twin])
    assert "are equally accurate" in words.headline(found)
    assert "are equally accurate" in words.pair_sentence(found, found.pairs[0])


def confused(scores, cells: dict[tuple[int, int], int]):
    """Scores of 36 correct faces per emotion and these mistakes."""
    matrix = 36 * np.eye(7, dtype=int)
    for cell, count in cells.items():
        matrix[cell] = count
    return replace(scores, n=int(matrix.sum()), confusion=tuple(map(tuple, matrix.tolist())))


def test_the_most_frequent_mistake_is_counted_and_the_highest_rate_told_apart(comparison):
    # Twenty of many sad faces, and four of the few disgust faces.
    scores = confused(comparison.results[0].test, {(5, 5): 160, (5, 4): 20, (1, 1): 4, (1, 0): 4})
    assert words.mistakes(scores) == (
        "Most frequent mistake: sad classified as neutral (20 faces). "
        "Highest error rate: disgust classified as angry (4 of 8, 50 %)."
    )


def test_one_mistake_is_told_once_and_none_as_none(comparison):
    scores = comparison.results[0].test
    assert words.mistakes(confused(scores, {(3, 4): 2})) == (
        "Most frequent mistake and highest error rate: happy classified as neutral (2 of 38, 5 %)."
    )
    assert words.mistakes(confused(scores, {})) == "No face of this test set is misclassified."


def test_a_cell_is_told_for_each_run():
    counts = {"MobileNet": 69, "EfficientNet-Lite0": 82}
    assert words.cell_sentence("angry", "fear", counts, 48) == (
        "Angry faces classified as fear: MobileNet 69, EfficientNet-Lite0 82, 48 by both."
    )
    assert words.cell_sentence("sad", "sad", {"MobileNet": 5}, 5) == (
        "Sad faces classified correctly: MobileNet 5."
    )


def test_an_ensemble_claims_a_gain_only_where_there_is_one(comparison):
    ensemble, best = comparison.ensemble, comparison.ranked[0]
    alone = f"({best.label}, {units.percent(best.test.accuracy)})"

    def said(gain, ends):
        found = replace(ensemble, gain=gain, gain_ci95=ends)
        return words.ensemble_sentence(replace(comparison, ensemble=found))

    assert f"no better than the best one alone {alone}." in said(-0.004, (-0.011, 0.002))
    assert f"0.4 points more than the best one alone {alone}, but the" in said(0.004, (-0.1, 0.1))
    assert "0.4 points more" in said(0.004, (0.001, 0.007))
    assert "the difference is significant (95 % CI +0.1 to +0.7)" in said(0.004, (0.001, 0.007))
    assert f"mirrored faces as well: {units.percent(ensemble.flip_accuracy)}." in said(0, (0, 0))


def test_an_uncalibrated_ensemble_is_told_as_one(runs):
    assert UNCALIBRATED not in words.ensemble_sentence(compare_runs(runs))
    arrays = runs[0].predictions()
    other = np.char.add("x", arrays["val_ids"].astype(str))
    np.savez(runs[0].predictions_path, **(arrays | {"val_ids": other}))
    assert UNCALIBRATED in words.ensemble_sentence(compare_runs(runs))


def test_run_labels_are_short_and_unique(runs):
    change_report(runs[0], {"test.accuracy": 0.614})
    config, report = runs[0].config(), runs[0].report()
    found = words.run_labels(
        {
            "first": (config.replace(model="block_cnn", recipe="study"), report),
            "second": (config.replace(model="block_cnn"), report),
            "again": (config.replace(model="block_cnn"), report),
            "waiting": (config, None),
            "hog": (config.replace(model="hog_svm"), replace(report, fitted="Fitted.")),
        }
    )
    assert found == {
        "first": "Block CNN · study recipe · 61.4 %",
        "second": "Block CNN · our recipe · 61.4 % · second",
        "again": "Block CNN · our recipe · 61.4 % · again",
        "waiting": "ResNet-18 · our recipe",
        "hog": "HOG + SVM · 61.4 %",
    }


def test_the_best_result_names_the_study_only_on_its_faces(runs):
    report, study = runs[0].report(), load_study().test
    assert "original study" not in words.best_result(report)
    test = replace(report.test, n=study.n, confusion=((study.n, *[0] * 6), *[(0,) * 7] * 6))
    data = replace(report.data, name="FER-2013")
    said = words.best_result(replace(report, data=data, test=test))
    assert said.startswith("Measured on 7,178 FER-2013 test faces that the model never saw")
    assert said.endswith("The original study's best model, Block CNN, reported 58.8 %.")
