"""Runs side by side from their folders alone: who is better, by how much, and how sure that is.

Only results on the same test set are compared; every other run is refused by name with the reason.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from emotion_core.errors import DataError
from emotion_core.evaluation.ensemble import Ensemble, ensemble_probs, score_ensemble
from emotion_core.evaluation.pairs import PairTest, paired_tests
from emotion_core.evaluation.results import Refusal, Result, load_results
from emotion_core.evaluation.scores import Bootstrap, bootstrap
from emotion_core.evaluation.study import load_study
from emotion_core.labels import EMOTIONS
from emotion_core.runs.run import Run


@dataclass(frozen=True)
class Comparison:
    """Results on one test set with all pair tests.

    Attributes:
        results: In the order asked for.
        refused: Runs left out.
        samples: Shared bootstrap; column i belongs to ``results[i]``.
        pairs: Every pair once, ``a < b``.
        ensemble: Of all results; None for fewer than two.
    """

    results: tuple[Result, ...]
    refused: tuple[Refusal, ...]
    samples: Bootstrap
    pairs: tuple[PairTest, ...]
    ensemble: Ensemble | None

    @property
    def labels(self) -> np.ndarray:
        """``(n,)`` truths."""
        return self.results[0].labels

    @property
    def synthetic(self) -> bool:
        """Whether the test faces are drawn by code."""
        return self.results[0].report.data.synthetic

    @property
    def on_fer2013(self) -> bool:
        """Whether the test set has FER-2013's counts, so that the study's figures belong beside it."""
        expected = load_study().counts["test"]
        counts = np.bincount(self.labels, minlength=len(EMOTIONS))
        return not self.synthetic and list(counts) == [expected[emotion] for emotion in EMOTIONS]

    @property
    def ranked(self) -> list[Result]:
        """The results, most accurate first; of equals the first."""
        return sorted(self.results, key=lambda result: -result.test.accuracy)

    def pair(self, a: int, b: int) -> PairTest:
        """The test of two runs, in the order of ``pairs``."""
        return next(p for p in self.pairs if (p.a, p.b) == (min(a, b), max(a, b)))


def compare_runs(runs: Iterable[Run]) -> Comparison:
    """Compare runs on their shared test set.

    Raises:
        DataError: not one run can be used; the message gives each reason.
    """
    results, refused = load_results(runs)
    if not results:
        reasons = " ".join(item.reason for item in refused)
        raise DataError(f"There is nothing to compare. {reasons or 'Choose at least one run.'}")
    labels, answers = results[0].labels, [result.predicted for result in results]
    ensemble = None
    if len(results) == 1:
        samples = bootstrap(labels, np.stack(answers))
    else:
        mixed = ensemble_probs(results)
        samples = bootstrap(labels, np.stack([*answers, mixed.argmax(axis=1)]))
        ensemble = score_ensemble(results, mixed, samples)
        samples = Bootstrap(samples.accuracy[:, :-1], samples.macro_f1[:, :-1], samples.f1[:, :-1])
    return Comparison(
        tuple(results), tuple(refused), samples, paired_tests(results, samples), ensemble
    )


@dataclass(frozen=True)
class Agreement:
    """How the runs' answers overlap, as positions into the test set.

    Attributes:
        matrix: ``(runs, runs)`` share of images with the same prediction.
        all_correct: Every run is correct.
        wrong_together: Every run gives the same wrong answer; the label may be the mistake.
        wrong_apart: Every run is wrong, with different answers.
        only_correct: For each run, the images that it alone classifies correctly.
    """

    matrix: np.ndarray
    all_correct: np.ndarray
    wrong_together: np.ndarray
    wrong_apart: np.ndarray
    only_correct: tuple[np.ndarray, ...]


def agreement(results: Sequence[Result]) -> Agreement:
    """Overlap of the answers of results on one test set."""
    predicted = np.stack([result.predicted for result in results])
    correct = predicted == results[0].labels
    count, same = correct.sum(axis=0), (predicted == predicted[0]).all(axis=0)
    return Agreement(
        matrix=(predicted[:, None] == predicted[None]).mean(axis=2),
        all_correct=np.flatnonzero(count == len(results)),
        wrong_together=np.flatnonzero((count == 0) & same),
        wrong_apart=np.flatnonzero((count == 0) & ~same),
        only_correct=tuple(np.flatnonzero(row & (count == 1)) for row in correct),
    )


def pareto_front(cost: Sequence[float], value: Sequence[float]) -> list[int]:
    """Positions that no other beats in both: cheaper and not worse, or better and not dearer.

    Sorted by cost. Of equals all are kept; NaN is never on the front.
    """
    points = [
        (c, v, i)
        for i, (c, v) in enumerate(zip(cost, value, strict=True))
        if not (math.isnan(c) or math.isnan(v))
    ]
    front = [
        (c, i)
        for c, v, i in points
        if not any(oc <= c and ov >= v and (oc < c or ov > v) for oc, ov, _ in points)
    ]
    return [i for _, i in sorted(front)]
