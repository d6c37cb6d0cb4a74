"""The sentences of every result: headline, comparison, mistakes, how a run was trained."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from emotion_core import units
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.ensemble import UNCALIBRATED, share_validation
from emotion_core.evaluation.pairs import PairTest
from emotion_core.evaluation.study import load_study
from emotion_core.labels import EMOTIONS
from emotion_core.models.options import pretrained_on
from emotion_core.models.titles import model_title, recipe_title
from emotion_core.recipes import TrainConfig, listed
from emotion_core.runs.catalog import known_as
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.runs.scores import Scores

LEFT_OUT = "Not shown:"
SYNTHETIC = "Measured on synthetic faces, drawn by code: it says nothing about photographs."


def run_labels(runs: Mapping[str, tuple[TrainConfig, Report | None]]) -> dict[str, str]:
    """Runs in a few words, such as ``Block CNN · study recipe · 61.4 %``; no two are the same.

    Args:
        runs: Settings and, where it is finished, report of each run by its name.

    Returns:
        By name; where two would read the same, the name follows.
    """
    labels = {name: _run_label(config, report) for name, (config, report) in runs.items()}
    taken = list(labels.values())
    return {
        name: label if taken.count(label) == 1 else f"{label} · {name}"
        for name, label in labels.items()
    }


def _run_label(config: TrainConfig, report: Report | None) -> str:
    parts = [model_title(config.model)]
    if not (report and report.fitted):  # the classical baseline has no recipe
        parts.append(recipe_title(config.recipe))
    if report:
        parts.append(units.percent(report.test.accuracy))
    if config.tag:
        parts.append(config.tag)
    return " · ".join(parts)


def generated_words(report: Report) -> str:
    """How many of the learned faces a generator made; empty where none was."""
    if not report.data.generated:
        return ""
    return f"{units.percent(report.data.generated)} of its training faces are generated."


def how_trained(run: Run, report: Report, runs: Sequence[Run] | None = None) -> str:
    """Recipe, epochs and what came from earlier runs; empty for the classical baseline.

    Args:
        run: The run.
        report: Its report.
        runs: What ``list_runs`` gave, if it was asked already.
    """
    if report.fitted or not report.epochs:
        return ""
    config = run.config()
    epochs = units.several(report.epochs, "epoch")
    recipe = recipe_title(report.recipe)
    parts = [recipe[0].upper() + recipe[1:]]
    if config.start_from:
        names = [known_as(name, run.path.parent, runs) for name in listed(config.start_from)]
        parts.append(f"fine-tuned {epochs} from {units.join_names(names)}")
    else:
        parts.append(epochs)
    if config.options.get("pretrained"):
        parts.append(f"from {pretrained_on(config.model)} weights")
    parts += ["taught by earlier runs"] if config.teacher else []
    parts += ["trained with FER+ votes"] if config.votes else []
    parts += ["weights averaged"] if run.status().averaged_with else []
    parts += ["retrained on training + validation"] if config.final else []
    return " · ".join(parts)


def headline(comparison: Comparison) -> str:
    """The answer first: who is best, by how much, and how sure that is."""
    best, *others = comparison.ranked
    accuracy = units.percent(best.test.accuracy)
    if not others:
        return (
            f"{best.label} classifies {accuracy} of {units.faces(best.test.n)} correctly "
            f"(95 % CI {units.percent_range(best.test.accuracy_ci95)})."
        )
    names = [result.name for result in comparison.results]
    pair = comparison.pair(names.index(best.name), names.index(others[0].name))
    gap = abs(pair.accuracy)
    if pair.only_a == pair.only_b:
        return f"{best.label} and {others[0].label} are equally accurate: {accuracy}."
    return (
        f"{best.label} is most accurate: {accuracy}, {units.points(gap)} ahead of "
        f"{others[0].label}{_interval(pair)}. The lead is {verdict(comparison, pair)}."
    )


def pair_sentence(comparison: Comparison, pair: PairTest) -> str:
    """A pair test in the words of someone who has to decide."""
    a, b = (comparison.results[index].label for index in (pair.a, pair.b))
    if pair.only_a == pair.only_b:
        ends = units.percent_range(pair.accuracy_ci95)
        return f"{a} and {b} are equally accurate (95 % CI of the difference {ends} points)."
    if pair.accuracy < 0:
        a, b = b, a
    return (
        f"{a} is {units.points(abs(pair.accuracy))} more accurate than {b}{_interval(pair)}; the "
        f"difference is {verdict(comparison, pair)}."
    )


def verdict(comparison: Comparison, pair: PairTest) -> str:
    """Whether a pair's difference is statistically significant, and after which correction."""
    p, count = units.p_value(pair.p_holm), len(comparison.pairs)
    if pair.significant:
        corrected = f", corrected for {count} comparisons" if count > 1 else ""
        return f"statistically significant ({p}{corrected})"
    compared = f" when {count} pairs are compared" if count > 1 else ""
    return f"not statistically significant{compared} ({p})"


def _interval(pair: PairTest) -> str:
    """The lead's interval; left out where it excludes zero and the corrected test does not, since
    that looks like a contradiction."""
    low, high = pair.accuracy_ci95
    if not pair.significant and low * high > 0:
        return ""
    ends = (low, high) if pair.accuracy >= 0 else (-high, -low)
    return f" (95 % CI {units.percent_range(ends)})"


def mistakes(scores: Scores) -> str:
    """The most frequent mistake by count, and the emotion that is missed in the largest share."""
    wrong = np.asarray(scores.confusion, np.int64)
    totals = wrong.sum(axis=1)
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return "No face of this test set is misclassified."
    shares = wrong / np.maximum(totals, 1)[:, None]
    often = divmod(int(wrong.argmax()), len(EMOTIONS))
    worst = divmod(int(shares.argmax()), len(EMOTIONS))
    part = f"{wrong[worst]:,} of {totals[worst[0]]:,}, {units.percent(shares[worst], 0)}"
    if often == worst:
        return f"Most frequent mistake and highest error rate: {_as(often)} ({part})."
    return (
        f"Most frequent mistake: {_as(often)} ({units.faces(int(wrong[often]))}). "
        f"Highest error rate: {_as(worst)} ({part})."
    )


def _as(cell: tuple[int, int]) -> str:
    return f"{EMOTIONS[cell[0]]} classified as {EMOTIONS[cell[1]]}"


def cell_sentence(actual: str, predicted: str, counts: Mapping[str, int], both: int) -> str:
    """How many faces of an emotion each run classifies as another one.

    Args:
        actual: The faces' emotion.
        predicted: The answer.
        counts: Faces by run label.
        both: Faces that all of them share.
    """
    shown = ", ".join(f"{label} {count:,}" for label, count in counts.items())
    shared = f", {both:,} by {'both' if len(counts) == 2 else 'all'}" if len(counts) > 1 else ""
    verb = "classified correctly" if actual == predicted else f"classified as {predicted}"
    return f"{actual.capitalize()} faces {verb}: {shown}{shared}."


def ensemble_sentence(comparison: Comparison) -> str:
    """What averaging the runs' probabilities brings; empty for one run."""
    ensemble = comparison.ensemble
    if ensemble is None:
        return ""
    best, count = comparison.ranked[0], len(comparison.results)
    alone = f"the best one alone ({best.label}, {units.percent(best.test.accuracy)})"
    gap = units.points(abs(ensemble.gain))
    if ensemble.significant:
        ends = units.percent_range(ensemble.gain_ci95, sign=True)
        more = "more" if ensemble.gain > 0 else "less"
        said = f"{gap} {more} than {alone}; the difference is significant (95 % CI {ends})."
    elif ensemble.gain > 0:
        said = f"{gap} more than {alone}, but the difference is not statistically significant."
    else:
        said = f"no better than {alone}."
    said = (
        f"Averaging the {count} models gives {units.percent(ensemble.scores.accuracy)} "
        f"(macro-F1 {units.score(ensemble.scores.macro_f1)}), {said}"
    )
    if not math.isnan(ensemble.flip_accuracy):
        said += f" With mirrored faces as well: {units.percent(ensemble.flip_accuracy)}."
    return said + ("" if share_validation(comparison.results) else f" {UNCALIBRATED}")


def test_result(report: Report) -> str:
    """How many test faces the run classifies correctly."""
    test = report.test
    return (
        f"{units.percent(test.accuracy)} of {test.n:,} {report.data.name} test faces correct "
        f"(95 % CI {units.percent_range(test.accuracy_ci95)})."
    )


def best_result(report: Report) -> str:
    """What the accuracy of the best run means, without near-duplicates and beside the study."""
    test, data, study = report.test, report.data, load_study().test
    chosen = "before the final training on all faces " if report.refit else ""
    parts = [
        f"Measured on {test.n:,} {data.name} test faces that the model never saw in training; "
        f"selected by validation accuracy {chosen}({units.percent(report.val.accuracy)})."
    ]
    clean = report.subsets.leak_free
    if clean and clean.n < test.n:
        parts.append(
            f"Without the {test.n - clean.n:,} test faces that have a near-duplicate in the "
            f"training set: {units.percent(clean.accuracy)}."
        )
    if data.name == "FER-2013" and test.n == study.n:
        parts.append(
            f"The original study's best model, {model_title(study.model)}, reported "
            f"{units.percent(study.accuracy)}."
        )
    return " ".join(parts)
