"""Face and own word side by side: how often they agree, how sure that is, what studies found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.personal.entries import CheckIn

LEAST_PAIRS = 10
BEFORE, AFTER = 10, 2  # minutes around a check-in whose face belongs to it
_LEAST_SECONDS = 30.0  # of the face in them
_RESAMPLES = 2_000

# Valence and arousal of the seven words as people rated them: Russell & Mehrabian (1977), "Evidence
# for a three-factor theory of emotions". Neutral is the origin.
ANCHORS = np.array(
    [
        (-0.51, 0.59),  # angry
        (-0.60, 0.35),  # disgusted
        (-0.64, 0.60),  # fearful
        (0.81, 0.51),  # happy
        (0.00, 0.00),
        (-0.63, -0.27),  # sad
        (0.40, 0.67),  # surprised
    ]
)
ANCHOR_SOURCE = "Russell & Mehrabian 1977; neutral at the origin"
PUBLISHED = (
    "Published studies found weak agreement. In a meta-analysis the correlation between reported "
    "emotion and the predicted facial expression was 0.30 on average; expressions that matched in "
    "full or in part co-occurred with an effect of 0.23, full ones with 0.13 (Durán & "
    "Fernández-Dols 2021, Emotion 21(7)). A low figure here is therefore the usual result."
)


@dataclass(frozen=True)
class Estimate:
    """A figure of agreement.

    Attributes:
        value: The figure; NaN where there is none.
        low, high: 95 % interval, by resampling days; NaN where there is none.
        pairs: Check-ins with a face beside them.
        days: On which they were made.
        reason: Why there is no figure; empty where there is one.
    """

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    pairs: int = 0
    days: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Pairs:
    """Check-ins with the face around them.

    Attributes:
        check_ins: Those around which a face was seen for half a minute or more.
        probs: ``(n, 7)`` mean probabilities of the face, weighted by time.
        day: ``(n,)`` local days as numbers.
    """

    check_ins: tuple[CheckIn, ...]
    probs: np.ndarray
    day: np.ndarray


def pair_up(frame: pd.DataFrame, own: Sequence[CheckIn]) -> Pairs:
    """Find the face of each check-in: minutes from ten before it to two after it.

    Args:
        frame: Of ``days.minutes_frame``, in order of time.
        own: Check-ins.
    """
    minute = frame["minute"].to_numpy()
    probs, seen = frame[list(EMOTIONS)].to_numpy(), frame["seen"].to_numpy()
    kept, faces, days = [], [], []
    for item in own:
        here = item.at // 60
        part = slice(*np.searchsorted(minute, [here - BEFORE, here + AFTER + 1]))
        if seen[part].sum() >= _LEAST_SECONDS:
            kept.append(item)
            faces.append(np.average(probs[part], axis=0, weights=seen[part]))
            days.append((item.at + 60 * item.offset) // 86_400)
    return Pairs(tuple(kept), np.array(faces).reshape(-1, NUM_CLASSES), np.array(days, np.int64))


def kappa_of_words(pairs: Pairs, seed: int = 0) -> Estimate:
    """Cohen's kappa (1960) of the chosen word and the face's most probable expression."""
    used = np.array([item.word != "" for item in pairs.check_ins], bool)
    said = np.array([EMOTIONS.index(i.word) for i in pairs.check_ins if i.word], np.int64)
    shown = pairs.probs[used].argmax(axis=1) if used.any() else np.zeros(0, np.int64)
    day = pairs.day[used]
    if reason := _too_few(len(said), "with a word"):
        return Estimate(pairs=len(said), days=len(set(day)), reason=reason)
    if len(set(said)) < 2 or len(set(shown)) < 2:
        who = "you chose" if len(set(said)) < 2 else "your face showed"
        name = EMOTIONS[said[0] if len(set(said)) < 2 else shown[0]]
        reason = f"In all {len(said)} pairs {who} the same ({name}), so agreement is not defined."
        return Estimate(pairs=len(said), days=len(set(day)), reason=reason)
    return _estimate(_kappa, said, shown, day, seed)


def correlation_of_valence(pairs: Pairs, seed: int = 0) -> Estimate:
    """Pearson correlation of the chosen valence with the one derived from the face."""
    return _correlation(pairs, "valence", 0, seed)


def correlation_of_arousal(pairs: Pairs, seed: int = 0) -> Estimate:
    """Pearson correlation of the chosen arousal with the one derived from the face."""
    return _correlation(pairs, "arousal", 1, seed)


def affect_of(probs: np.ndarray) -> np.ndarray:
    """Valence and arousal ``(n, 2)`` *derived* from ``(n, 7)`` probabilities: the anchors' mean."""
    found: np.ndarray = np.asarray(probs, np.float64) @ ANCHORS
    return found


def _correlation(pairs: Pairs, name: str, axis: int, seed: int) -> Estimate:
    own = [getattr(item, name) for item in pairs.check_ins]
    used = np.array([value is not None for value in own], bool)
    said = np.array([value for value in own if value is not None], np.float64)
    shown = affect_of(pairs.probs[used])[:, axis] if used.any() else np.zeros(0)
    day = pairs.day[used]
    if reason := _too_few(len(said), "with a place on the grid"):
        return Estimate(pairs=len(said), days=len(set(day)), reason=reason)
    if np.ptp(said) == 0 or np.ptp(shown) == 0:
        reason = f"All {len(said)} values are equal, so a correlation is not defined."
        return Estimate(pairs=len(said), days=len(set(day)), reason=reason)
    return _estimate(_pearson, said, shown, day, seed)


def _too_few(count: int, what: str) -> str:
    if count >= LEAST_PAIRS:
        return ""
    checks = "check-in" if count == 1 else "check-ins"
    return f"{count} {checks} {what} and a face around it; {LEAST_PAIRS} are needed."


def _kappa(said: np.ndarray, shown: np.ndarray) -> float:
    table = np.zeros((NUM_CLASSES, NUM_CLASSES))
    np.add.at(table, (said, shown), 1 / len(said))
    expected = float(table.sum(axis=0) @ table.sum(axis=1))
    return (float(np.trace(table)) - expected) / (1 - expected) if expected < 1 else np.nan


def _pearson(said: np.ndarray, shown: np.ndarray) -> float:
    one, other = said - said.mean(), shown - shown.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 1e-12 else np.nan


def _estimate(
    measure: Callable[[np.ndarray, np.ndarray], float],
    said: np.ndarray,
    shown: np.ndarray,
    day: np.ndarray,
    seed: int,
) -> Estimate:
    """The figure with an interval by resampling whole days: entries of one day are alike."""
    value = measure(said, shown)
    names, index = np.unique(day, return_inverse=True)
    rows = [np.flatnonzero(index == number) for number in range(len(names))]
    low = high = float("nan")
    reason = ""
    if len(rows) >= 5:
        rng = np.random.default_rng(seed)
        drawn = []
        for _ in range(_RESAMPLES):
            chosen = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
            drawn.append(measure(said[chosen], shown[chosen]))
        low, high = np.nanquantile(drawn, [0.025, 0.975])
    else:
        reason = f"All pairs are of {len(rows)} days; an interval needs 5."
    return Estimate(value, float(low), float(high), len(said), len(rows), reason)
