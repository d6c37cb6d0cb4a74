"""Pair tests equal statsmodels' and SciPy's."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from emotion_core.evaluation.compare import compare_runs
from emotion_core.evaluation.pairs import holm, mcnemar_exact


@given(st.integers(0, 900), st.integers(0, 900))
def test_mcnemar_equals_statsmodels_and_the_binomial_test(only_a, only_b):
    found = mcnemar_exact(only_a, only_b)
    if only_a + only_b:
        assert found == pytest.approx(binomtest(only_a, only_a + only_b).pvalue, rel=1e-9)
        expected = mcnemar([[5, only_a], [only_b, 5]], exact=True).pvalue
        assert found == pytest.approx(expected, rel=1e-9)
    else:
        assert found == 1.0


def test_mcnemar_stays_exact_far_in_the_tail():
    assert mcnemar_exact(0, 1000) == pytest.approx(math.ldexp(1, -999), rel=1e-9)
    assert mcnemar_exact(0, 7178) == 0.0  # below the smallest float


@settings(max_examples=8)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(holm(p_values), expected, rtol=1e-9, atol=1e-12)


def test_holm_of_nothing_is_nothing():
    assert holm([]) == []


def test_pairs_agree_with_a_direct_count(runs):
    found = compare_runs(runs)
    assert [(p.a, p.b) for p in found.pairs] == list(itertools.combinations(range(3), 2))
    for pair in found.pairs:
        right_a, right_b = found.results[pair.a].correct, found.results[pair.b].correct
        assert pair.only_a == (right_a & ~right_b).sum()
        assert pair.accuracy == pytest.approx(right_a.mean() - right_b.mean())
        low, high = pair.accuracy_ci95
        assert low <= pair.accuracy <= high
        assert pair.p_holm >= pair.p_value
    better, worse = found.pairs[0], found.pairs[1]
    assert better.significant
    assert not worse.significant
