"""A comparison of runs: its overlap, its trade-offs, and what one run alone is."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_core.evaluation.compare import agreement, compare_runs, pareto_front


@given(
    st.lists(
        st.tuples(st.floats(0, 10) | st.just(math.nan), st.floats(0, 1)), min_size=0, max_size=12
    )
)
def test_pareto_front_holds_exactly_the_points_that_nothing_dominates(points):
    cost, value = [c for c, _ in points], [v for _, v in points]
    front = pareto_front(cost, value)
    assert [cost[i] for i in front] == sorted(cost[i] for i in front)
    for i, (c, v) in enumerate(points):
        if math.isnan(c):
            assert i not in front
            continue
        dominated = any(
            oc <= c and ov >= v and (oc, ov) != (c, v) for oc, ov in points if not math.isnan(oc)
        )
        assert (i in front) != dominated


def test_one_run_has_no_pairs_and_no_ensemble(runs):
    found = compare_runs(runs[:1])
    assert found.pairs == ()
    assert found.ensemble is None


def test_agreement_sorts_every_image_into_one_group(runs):
    results = compare_runs(runs).results
    found = agreement(results)
    groups = [found.all_correct, found.wrong_together, found.wrong_apart, *found.only_correct]
    together = np.concatenate(groups)
    assert len(set(together.tolist())) == len(together)
    some_right = sum(result.correct for result in results)
    assert len(together) == (some_right != 2).sum()
    for image in found.wrong_together:
        answers = {int(result.predicted[image]) for result in results}
        assert len(answers) == 1
        assert answers != {int(results[0].labels[image])}
    same = (results[0].predicted == results[2].predicted).mean()
    assert found.matrix[0, 2] == pytest.approx(same)
