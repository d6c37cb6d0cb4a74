"""Whether one run is better than another: exact paired tests, corrected for how many are made."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import bdtr

from emotion_core.evaluation.results import Result
from emotion_core.evaluation.scores import Bootstrap, ends

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class PairTest:
    """Run ``a`` against run ``b`` on the same images; differences are a minus b.

    Attributes:
        a: Position of the first run.
        b: Position of the second.
        only_a: Images that only a classifies correctly.
        only_b: Images that only b classifies correctly.
        accuracy: Difference of accuracy, -1..1.
        accuracy_ci95: Paired bootstrap interval of it.
        macro_f1: Difference of macro-F1.
        macro_f1_ci95: Paired bootstrap interval of it.
        p_value: McNemar's exact test of equal accuracy.
        p_holm: The same after Holm's correction for all pairs of the comparison.
    """

    a: int
    b: int
    only_a: int
    only_b: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    macro_f1: float
    macro_f1_ci95: tuple[float, float]
    p_value: float
    p_holm: float

    @property
    def significant(self) -> bool:
        """Whether the corrected p-value is below 0.05."""
        return self.p_holm < SIGNIFICANCE


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided exact p-value that two classifiers err equally often (McNemar 1947).

    Under the hypothesis each image that only one classifies correctly is a fair coin.

    Args:
        only_a: Images that only the first classifies correctly.
        only_b: Images that only the second classifies correctly.
    """
    # As scipy.stats.binomtest, whose import takes a page half a second.
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for testing all of them (Holm 1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def paired_tests(results: Sequence[Result], samples: Bootstrap) -> tuple[PairTest, ...]:
    """Every pair of results once, ``a < b``.

    Args:
        results: On one test set.
        samples: Their bootstrap; column i belongs to ``results[i]``.
    """
    pairs = []
    for a, b in itertools.combinations(range(len(results)), 2):
        first, second = results[a].correct, results[b].correct
        only_a, only_b = int((first & ~second).sum()), int((second & ~first).sum())
        p_value = mcnemar_exact(only_a, only_b)
        pairs.append(
            PairTest(
                a=a,
                b=b,
                only_a=only_a,
                only_b=only_b,
                accuracy=(only_a - only_b) / len(first),
                accuracy_ci95=ends(samples.accuracy[:, a] - samples.accuracy[:, b]),
                macro_f1=results[a].test.macro_f1 - results[b].test.macro_f1,
                macro_f1_ci95=ends(samples.macro_f1[:, a] - samples.macro_f1[:, b]),
                p_value=p_value,
                p_holm=p_value,
            )
        )
    corrected = holm([pair.p_value for pair in pairs])
    return tuple(replace(pair, p_holm=p) for pair, p in zip(pairs, corrected, strict=True))
