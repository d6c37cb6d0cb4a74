"""An ensemble is the calibrated mean of its members, which validation alone chooses."""

from dataclasses import replace

import numpy as np
import pytest

from emotion_core.evaluation.calibrate import fit_temperature
from emotion_core.evaluation.compare import compare_runs
from emotion_core.evaluation.ensemble import (
    choose_members,
    ensemble_probs,
    flip_ensemble_probs,
    share_validation,
)
from emotion_core.evaluation.results import Result, load_results
from emotion_core.probabilities import softmax
from emotion_core.recipes import TrainConfig


def test_ensemble_is_the_mean_and_its_gain_is_against_the_best_member(runs):
    found = compare_runs(runs)
    mean = sum(result.probs for result in found.results) / 3
    pooled = np.log(sum(result.val_probs for result in found.results) / 3)
    temperature = fit_temperature(pooled, found.results[0].val_labels)
    expected = softmax(np.log(mean), temperature)
    np.testing.assert_allclose(found.ensemble.probs, expected, atol=1e-12)
    accuracy = (mean.argmax(axis=1) == found.labels).mean()
    best = max(result.correct.mean() for result in found.results)
    assert found.ensemble.scores.accuracy == pytest.approx(accuracy)
    assert found.ensemble.gain == pytest.approx(accuracy - best)
    flipped = flip_ensemble_probs(found.results).argmax(axis=1) == found.labels
    assert found.ensemble.flip_accuracy == flipped.mean()


def test_an_ensemble_with_flip_needs_answers_to_mirrored_faces(runs):
    results, _ = load_results(runs)
    bare = [replace(result, flip_probs=None) for result in results[:1]]
    assert flip_ensemble_probs([*bare, *results[1:]]) is None
    turned = [replace(result, flip_probs=result.probs[:, ::-1]) for result in results]
    mean = sum(result.probs[:, ::-1] for result in results)
    found = flip_ensemble_probs(turned)
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
    probs = ensemble_probs(results)
    accuracy = (probs.argmax(1) == labels).mean()
    np.testing.assert_array_equal(probs.argmax(1), mean.argmax(1))
    assert mean.max(1).mean() < accuracy - 0.03
    assert probs.max(1).mean() == pytest.approx(accuracy, abs=1e-6)
    # Without shared validation faces there is nothing to calibrate on.
    alone = [results[0], replace(results[1], val_ids=results[1].val_ids[::-1])]
    both = (results[0].probs + results[1].probs) / 2
    np.testing.assert_allclose(ensemble_probs(alone), both, atol=1e-12)


def test_members_are_chosen_by_validation_alone(runs):
    results, _ = load_results(runs)
    chosen = choose_members(results)
    losses = [_val_loss([result]) for result in results]
    assert chosen[0] is results[int(np.argmin(losses))]
    ladder = [_val_loss(chosen[:count]) for count in range(1, len(chosen) + 1)]
    assert ladder == sorted(ladder, reverse=True)
    for result in results:
        assert result in chosen or _val_loss([*chosen, result]) >= ladder[-1]
    # What test says is not asked.
    turned = [replace(result, probs=result.probs[:, ::-1]) for result in results]
    assert [r.name for r in choose_members(turned)] == [r.name for r in chosen]


def test_a_run_without_validation_is_no_member(runs):
    results, _ = load_results(runs)
    bare = replace(results[1], val_ids=np.array([]), val_probs=np.zeros((0, 7)))
    assert bare.name not in {r.name for r in choose_members([results[0], bare])}
    assert choose_members([bare]) == []


def _val_loss(results):
    labels = results[0].val_labels
    logs = np.log(np.mean([result.val_probs for result in results], axis=0))
    probs = softmax(logs, fit_temperature(logs, labels) if len(results) > 1 else 1.0)
    return -np.log(probs[np.arange(len(probs)), labels]).mean()


def _result(name, labels, probs):
    """A run that answers alike on validation and test."""
    ids = np.arange(len(labels))
    return Result(
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


def test_members_are_chosen_on_the_validation_faces_that_most_runs_share(runs):
    arrays = runs[0].predictions()
    other = np.char.add("x", arrays["val_ids"].astype(str))
    np.savez(runs[0].predictions_path, **(arrays | {"val_ids": other}))
    results, _ = load_results(runs)
    assert {r.name for r in choose_members(results)} <= {runs[1].name, runs[2].name}
    assert choose_members(results)


def test_an_ensemble_is_calibrated_only_on_shared_validation_faces(runs):
    assert share_validation(load_results(runs)[0])
    arrays = runs[0].predictions()
    other = np.char.add("x", arrays["val_ids"].astype(str))
    np.savez(runs[0].predictions_path, **(arrays | {"val_ids": other}))
    assert not share_validation(load_results(runs)[0])
