"""Pair tests equal statsmodels', and only comparable runs are compared."""

import itertools
import math
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from benchmarks.samples import random_faces, write_random_run
from emotion_core.errors import DataError
from emotion_core.evaluation import compare
from emotion_core.evaluation.calibrate import fit_temperature
from emotion_core.files import write_json
from emotion_core.labels import EMOTIONS
from emotion_core.probabilities import softmax
from emotion_core.recipes import TrainConfig
from emotion_core.reporting.markdown import markdown_table
from emotion_core.reporting.panels.agreement import agreement_panel, ensemble_sentence
from emotion_core.reporting.panels.confusion import confusion_panel
from emotion_core.reporting.panels.panel import percent
from emotion_core.reporting.panels.scores import accuracy_panel
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.run import Run
from tests.samples import change_report


@given(st.integers(0, 900), st.integers(0, 900))
def test_mcnemar_equals_statsmodels_and_the_binomial_test(only_a, only_b):
    found = compare.mcnemar_exact(only_a, only_b)
    if only_a + only_b:
        assert found == pytest.approx(binomtest(only_a, only_a + only_b).pvalue, rel=1e-9)
        expected = mcnemar([[5, only_a], [only_b, 5]], exact=True).pvalue
        assert found == pytest.approx(expected, rel=1e-9)
    else:
        assert found == 1.0


def test_mcnemar_stays_exact_far_in_the_tail():
    assert compare.mcnemar_exact(0, 1000) == math.ldexp(1, -999)
    assert compare.mcnemar_exact(0, 7178) == 0.0  # below the smallest float


@settings(max_examples=8)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(compare.holm(p_values), expected, rtol=1e-9, atol=1e-12)


def test_holm_of_nothing_is_nothing():
    assert compare.holm([]) == []


@given(
    st.lists(
        st.tuples(st.floats(0, 10) | st.just(math.nan), st.floats(0, 1)), min_size=0, max_size=12
    )
)
def test_pareto_front_holds_exactly_the_points_that_nothing_dominates(points):
    cost, value = [c for c, _ in points], [v for _, v in points]
    front = compare.pareto_front(cost, value)
    assert [cost[i] for i in front] == sorted(cost[i] for i in front)
    for i, (c, v) in enumerate(points):
        if math.isnan(c):
            assert i not in front
            continue
        dominated = any(
            oc <= c and ov >= v and (oc, ov) != (c, v) for oc, ov in points if not math.isnan(oc)
        )
        assert (i in front) != dominated


def test_pairs_agree_with_a_direct_count(runs):
    found = compare.compare_runs(runs)
    assert [(p.a, p.b) for p in found.pairs] == list(itertools.combinations(range(3), 2))
    for pair in found.pairs:
        right_a, right_b = found.results[pair.a].right, found.results[pair.b].right
        assert pair.only_a == (right_a & ~right_b).sum()
        assert pair.accuracy == pytest.approx(right_a.mean() - right_b.mean())
        low, high = pair.accuracy_ci95
        assert low <= pair.accuracy <= high
        assert pair.p_holm >= pair.p_value
    better, worse = found.pairs[0], found.pairs[1]
    assert better.significant
    assert not worse.significant


def test_a_clear_difference_is_told_as_a_win_and_a_small_one_as_chance(runs):
    found = compare.compare_runs(runs)
    win, level, loss = map(found.sentence, found.pairs)
    assert win.startswith("resnet18 beats block_cnn by ")
    assert win.endswith("not chance (p < 0.001).")
    assert "may be chance" in level or "are level" in level
    # The loser comes second, whatever the order in which the runs were chosen.
    assert loss.startswith("sequential beats block_cnn by ")


@pytest.mark.parametrize("sign", [1, -1])
def test_sentence_names_winner_points_and_interval(sign):
    low_high = (0.012, 0.030) if sign > 0 else (-0.030, -0.012)
    only = (60, 20) if sign > 0 else (20, 60)
    pair = compare.PairTest(0, 1, *only, sign * 0.021, low_high, 0.0, (0.0, 0.0), 1e-5, 1e-5)
    names = ("A", "B") if sign > 0 else ("B", "A")
    assert compare.pair_sentence(pair, *names) == (
        "A beats B by 2.1 points, 95 % interval 1.2 to 3.0; not chance (p < 0.001)."
    )


def test_a_sentence_says_when_its_p_value_is_corrected():
    pair = compare.PairTest(0, 1, 60, 20, 0.008, (0.001, 0.015), 0.0, (0.0, 0.0), 0.026, 0.052)
    assert compare.pair_sentence(pair, "A", "B").endswith(
        "that may be chance (p = 0.052 corrected for all pairs)."
    )


def test_figures_of_the_report_come_back_from_the_stored_predictions(runs):
    for result in compare.compare_runs(runs).results:
        again = compare.classification_metrics(result.labels, result.probs)
        assert again == result.test


def test_ensemble_is_the_mean_and_its_gain_is_against_the_best_member(runs):
    found = compare.compare_runs(runs)
    mean = sum(result.probs for result in found.results) / 3
    pooled = np.log(sum(result.val_probs for result in found.results) / 3)
    temperature = fit_temperature(pooled, found.results[0].val_labels)
    expected = softmax(np.log(mean), temperature)
    np.testing.assert_allclose(found.ensemble.probs, expected, atol=1e-12)
    accuracy = (mean.argmax(axis=1) == found.labels).mean()
    best = max(result.right.mean() for result in found.results)
    assert found.ensemble.scores.accuracy == pytest.approx(accuracy)
    assert found.ensemble.gain == pytest.approx(accuracy - best)
    flipped = compare.flip_ensemble_probs(found.results).argmax(axis=1) == found.labels
    assert found.ensemble.flip_accuracy == flipped.mean()
    assert f"With mirrored faces as well: {percent(flipped.mean())}." in ensemble_sentence(found)


def test_an_ensemble_with_flip_needs_answers_to_mirrored_faces(runs):
    results, _ = compare.load_results(runs)
    bare = [replace(result, flip_probs=None) for result in results[:1]]
    assert compare.flip_ensemble_probs([*bare, *results[1:]]) is None
    turned = [replace(result, flip_probs=result.probs[:, ::-1]) for result in results]
    mean = sum(result.probs[:, ::-1] for result in results)
    found = compare.flip_ensemble_probs(turned)
    np.testing.assert_array_equal(found.argmax(axis=1), mean.argmax(axis=1))


def test_an_ensemble_is_as_sure_as_it_is_right_on_validation():
    rng = np.random.default_rng(0)
    labels = rng.integers(7, size=4_000)

    def answers(name):
        """Right half the time, sure by 0.9, and wrong by chance elsewhere than the others."""
        guess = np.where(rng.random(4_000) < 0.5, labels, rng.integers(7, size=4_000))
        logits = np.log(np.where(np.eye(7)[guess] > 0, 0.9, 0.1 / 6))
        probs = softmax(logits, fit_temperature(logits, labels))
        return _result(name, labels, probs)

    results = [answers(name) for name in "abc"]
    mean = sum(result.probs for result in results) / 3
    probs = compare.ensemble_probs(results)
    accuracy = (probs.argmax(1) == labels).mean()
    np.testing.assert_array_equal(probs.argmax(1), mean.argmax(1))
    assert mean.max(1).mean() < accuracy - 0.03
    assert probs.max(1).mean() == pytest.approx(accuracy, abs=1e-6)
    # Without shared validation faces there is nothing to calibrate on.
    alone = [results[0], replace(results[1], val_ids=results[1].val_ids[::-1])]
    both = (results[0].probs + results[1].probs) / 2
    np.testing.assert_allclose(compare.ensemble_probs(alone), both, atol=1e-12)


def test_members_are_chosen_by_validation_alone(runs):
    results, _ = compare.load_results(runs)
    chosen = compare.choose_members(results)
    losses = [_val_loss([result]) for result in results]
    assert chosen[0] is results[int(np.argmin(losses))]
    ladder = [_val_loss(chosen[:count]) for count in range(1, len(chosen) + 1)]
    assert ladder == sorted(ladder, reverse=True)
    for result in results:
        assert result in chosen or _val_loss([*chosen, result]) >= ladder[-1]
    # What test says is not asked.
    turned = [replace(result, probs=result.probs[:, ::-1]) for result in results]
    assert [r.name for r in compare.choose_members(turned)] == [r.name for r in chosen]


def test_a_run_without_validation_is_no_member(runs):
    results, _ = compare.load_results(runs)
    bare = replace(results[1], val_ids=np.array([]), val_probs=np.zeros((0, 7)))
    assert bare.name not in {r.name for r in compare.choose_members([results[0], bare])}
    assert compare.choose_members([bare]) == []


def _val_loss(results):
    labels = results[0].val_labels
    logs = np.log(np.mean([result.val_probs for result in results], axis=0))
    probs = softmax(logs, fit_temperature(logs, labels) if len(results) > 1 else 1.0)
    return -np.log(probs[np.arange(len(probs)), labels]).mean()


def _result(name, labels, probs):
    """A run that answers alike on validation and test."""
    ids = np.arange(len(labels))
    return compare.Result(
        id=name,
        name=name,
        label=name,
        config=TrainConfig(),
        report=None,
        rows=[],
        ids=ids,
        labels=labels,
        logits=np.log(probs),
        probs=probs,
        flip_probs=None,
        predicted=probs.argmax(1),
        subsets={},
        val_ids=ids,
        val_labels=labels,
        val_probs=probs,
    )


def test_one_run_has_no_pairs_and_no_ensemble(runs):
    found = compare.compare_runs(runs[:1])
    assert found.pairs == ()
    assert found.ensemble is None


def test_agreement_sorts_every_image_into_one_group(runs):
    results = compare.compare_runs(runs).results
    found = compare.agreement(results)
    groups = [found.all_right, found.wrong_together, found.wrong_apart, *found.only_right]
    together = np.concatenate(groups)
    assert len(set(together.tolist())) == len(together)
    some_right = sum(result.right for result in results)
    assert len(together) == (some_right != 2).sum()
    for image in found.wrong_together:
        answers = {int(result.predicted[image]) for result in results}
        assert len(answers) == 1
        assert answers != {int(results[0].labels[image])}
    same = (results[0].predicted == results[2].predicted).mean()
    assert found.matrix[0, 2] == pytest.approx(same)


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
        "another test set",
    ),
    "no folder": (lambda run: [f.unlink() for f in run.path.iterdir()], "status.json is missing"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_run_that_cannot_be_compared_is_named_and_the_others_stay(runs, name):
    spoil, reason = SPOILT[name]
    spoil(runs[1])
    found = compare.compare_runs(runs)
    assert [result.name for result in found.results] == [runs[0].name, runs[2].name]
    assert [refusal.name for refusal in found.refused] == [runs[1].name]
    assert found.refused[0].reason.startswith(f"Run '{runs[1].name}'")
    assert re.search(reason, found.refused[0].reason)


def test_the_test_set_of_most_runs_wins(runs, tmp_path):
    first = write_random_run(
        tmp_path / "first", random_faces(50, seed=9), model="densenet121", epochs=1
    )
    found = compare.compare_runs([first, *runs])
    assert len(found.results) == 3
    assert "another test set (random, 50 images)" in found.refused[0].reason


def test_nothing_comparable_is_an_error_with_each_reason(runs):
    for run in runs:
        run.predictions_path.unlink()
    with pytest.raises(DataError, match=r"nothing to compare\. Run 'resnet18' has no predictions"):
        compare.compare_runs(runs)


def test_a_broken_config_is_named_through_the_run_list(runs, tmp_path):
    (runs[0].path / "config.json").write_text("{")
    found = compare.compare_runs(list_runs(tmp_path))
    assert len(found.results) == 2
    assert "config.json cannot be read" in found.refused[0].reason


def test_table_row_takes_peak_and_gap_from_the_best_epoch(runs):
    result = compare.compare_runs(runs[:1]).results[0]
    row = compare.table_row(result)
    best = max(result.rows, key=lambda item: item["val_accuracy"])
    assert (row["val_peak"], row["val_peak_epoch"]) == (best["val_accuracy"], best["epoch"])
    assert row["gap"] == pytest.approx(best["train_accuracy"] - best["val_accuracy"])
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]


def test_the_usual_mistake_is_the_largest_share_of_an_emotion_not_of_its_mistakes(runs):
    matrix = np.zeros((7, 7), int)
    np.fill_diagonal(matrix, 36)
    matrix[0, 0] = 42  # 300 faces in all
    matrix[3, 4] = 2  # the only mistake with happy
    matrix[5, 2], matrix[5, 4] = 20, 20  # sad is missed most
    change_report(runs[0], {"test.confusion": matrix.tolist()})
    result = compare.load_results(runs)[0][0]
    panel = confusion_panel(result, share=True, scale_max=1.0)
    assert panel.reading == "resnet18 most often takes sad for fear: 20 of 76 faces."


def test_a_copy_of_a_run_is_left_out_by_name(runs, tmp_path):
    copy = Run(shutil.copytree(runs[0].path, tmp_path / "elsewhere" / runs[0].id))
    found = compare.compare_runs([runs[0], copy, runs[1]])
    assert [result.name for result in found.results] == [runs[0].name, runs[1].name]
    assert found.refused[0].reason.startswith(f"Two runs are called '{runs[0].id}'")
    assert "ahead of block_cnn" in accuracy_panel(found).reading


def test_runs_with_the_same_answers_are_level_in_words(runs, tmp_path):
    twin = Run(shutil.copytree(runs[0].path, tmp_path / "20250101-000000-twin-s0"))
    found = compare.compare_runs([runs[0], twin])
    assert ", level with " in accuracy_panel(found).reading
    assert agreement_panel(found).reading == "The answers to all faces are the same."


def test_a_copied_folder_is_told_by_its_folders_name(runs, tmp_path):
    twin = Run(shutil.copytree(runs[0].path, tmp_path / "my copy"))
    labels = [result.label for result in compare.load_results([runs[0], twin])[0]]
    assert labels == ["resnet18", "my copy"]


def test_an_ensemble_without_shared_validation_is_told_as_uncalibrated(runs):
    assert compare.UNCALIBRATED not in ensemble_sentence(compare.compare_runs(runs))
    arrays = runs[0].predictions()
    other = np.char.add("x", arrays["val_ids"].astype(str))
    np.savez(runs[0].predictions_path, **(arrays | {"val_ids": other}))
    assert compare.UNCALIBRATED in ensemble_sentence(compare.compare_runs(runs))
    assert "(not calibrated)" in markdown_table(runs)


def test_members_are_chosen_on_the_validation_faces_that_most_runs_share(runs):
    arrays = runs[0].predictions()
    other = np.char.add("x", arrays["val_ids"].astype(str))
    np.savez(runs[0].predictions_path, **(arrays | {"val_ids": other}))
    results, _ = compare.load_results(runs)
    assert {r.name for r in compare.choose_members(results)} <= {runs[1].name, runs[2].name}
    assert compare.choose_members(results)


def test_the_result_table_names_the_data_of_a_run_on_other_faces(runs):
    other = {"data.test_fingerprint": "0", "data.name": "own photos", "data.synthetic": False}
    change_report(runs[1], other | {"test.accuracy": 1.0})
    rows = [line for line in markdown_table(runs).splitlines() if "recipe" in line]
    assert ["(on own photos)" in row for row in rows] == [False, False, True]
