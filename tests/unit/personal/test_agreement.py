"""Agreement of face and own word against scikit-learn and SciPy."""

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import cohen_kappa_score

from emotion_core.labels import EMOTIONS
from emotion_core.personal import agreement, days
from emotion_core.personal.entries import CheckIn
from tests.unit.personal import fortnight

ITEMS = fortnight.minutes()
FRAME = days.minutes_frame(fortnight.rows(ITEMS))
OWN = fortnight.check_ins(ITEMS)


def faces_around() -> tuple[list[CheckIn], np.ndarray]:
    """The face of each check-in, by a plain loop."""
    kept, faces = [], []
    for item in OWN:
        near = [m for m in ITEMS if -10 <= m.minute - item.at // 60 <= 2]
        if sum(m.seen for m in near) >= 30:
            kept.append(item)
            total = sum(m.seen for m in near)
            faces.append([sum(m.seen * m.probs[k] for m in near) / total for k in range(7)])
    return kept, np.array(faces)


def test_pairs_are_the_minutes_around_each_check_in():
    pairs = agreement.pair_up(FRAME, OWN)
    kept, faces = faces_around()
    assert list(pairs.check_ins) == kept and pairs.probs == pytest.approx(faces)
    assert len(set(pairs.day)) == len({fortnight.wall_day(item) for item in kept})


def test_kappa_is_that_of_scikit_learn():
    kept, faces = faces_around()
    said, shown = [EMOTIONS.index(item.word) for item in kept], faces.argmax(axis=1)
    found = agreement.kappa_of_words(agreement.pair_up(FRAME, OWN))
    assert found.value == pytest.approx(cohen_kappa_score(said, shown))
    assert found.low < found.value < found.high and found.pairs == len(kept) and not found.reason


def test_correlations_are_those_of_scipy_on_the_derived_values():
    kept, faces = faces_around()
    pairs = agreement.pair_up(FRAME, OWN)
    anchors = {"angry": (-0.51, 0.59), "disgust": (-0.6, 0.35), "fear": (-0.64, 0.6)}
    anchors |= {"happy": (0.81, 0.51), "neutral": (0, 0), "sad": (-0.63, -0.27)}
    anchors |= {"surprise": (0.4, 0.67)}
    for axis, measure in enumerate(
        (agreement.correlation_of_valence, agreement.correlation_of_arousal)
    ):
        derived = [
            sum(p * anchors[name][axis] for p, name in zip(face, EMOTIONS, strict=True))
            for face in faces
        ]
        own = [(item.valence, item.arousal)[axis] for item in kept]
        found = measure(pairs)
        assert found.value == pytest.approx(scipy.stats.pearsonr(own, derived).statistic)
        assert found.low < found.value < found.high


def test_few_pairs_give_no_figure_but_the_number_of_pairs():
    pairs = agreement.pair_up(FRAME, OWN[:4])
    for measure in (agreement.kappa_of_words, agreement.correlation_of_valence):
        found = measure(pairs)
        assert np.isnan(found.value) and "10 are needed" in found.reason and found.pairs <= 4
    nothing = agreement.pair_up(days.minutes_frame([]), OWN)
    assert agreement.kappa_of_words(nothing).reason.startswith("0 check-ins")


def test_one_sided_words_have_no_kappa():
    own = [CheckIn(i.at, i.offset, word="happy") for i in OWN]
    found = agreement.kappa_of_words(agreement.pair_up(FRAME, own))
    assert np.isnan(found.value) and "you chose the same (happy)" in found.reason
    found = agreement.correlation_of_valence(agreement.pair_up(FRAME, own))
    assert "place on the grid" in found.reason
    own = [CheckIn(i.at, i.offset, 0.5, 0.5) for i in OWN]
    found = agreement.correlation_of_valence(agreement.pair_up(FRAME, own))
    assert "values are equal" in found.reason


def test_pairs_of_one_day_have_a_figure_but_no_interval():
    day = [m for m in ITEMS if fortnight.wall(m).day == 24 and fortnight.wall(m).month == 3]
    own = fortnight.check_ins(day, every=12)
    frame = days.minutes_frame(fortnight.rows(day))
    found = agreement.kappa_of_words(agreement.pair_up(frame, own))
    assert not np.isnan(found.value) and np.isnan(found.low) and "needs 5" in found.reason
