"""Whether days differ: a difference with its interval, or the reason why none is shown."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.personal.days import by_day

LEAST_DAYS = 4  # on each side; with fewer a resampled interval says nothing
LEAST_SECONDS_OF_A_DAY = 300.0
_RESAMPLES = 2_000
_LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """Two groups of days compared, in shares of the time seen.

    Attributes:
        first, second: ``(7,)`` mean share of each expression per day; NaN without a day.
        difference: ``(7,)`` first minus second.
        low, high: ``(7,)`` ends of its interval: 95 % for all seven together (each 1 - 0.05 / 7,
            after Bonferroni); NaN with too few days. The standard error comes from resampled days
            and Student's t with the smaller group's degrees of freedom widens it, since
            percentiles of few resampled days are too narrow (Hesterberg 2015).
        days: How many days there are on each side.
        reason: Why there is no interval; empty where there is one.
    """

    first: np.ndarray
    second: np.ndarray
    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    days: tuple[int, int]
    reason: str = ""

    @property
    def clear(self) -> list[str]:
        """Expressions whose interval excludes zero."""
        sure = (self.low > 0) | (self.high < 0)
        return [name for name, holds in zip(EMOTIONS, sure, strict=True) if holds]


def compare_days(
    frame: pd.DataFrame, first: pd.Series, second: pd.Series, seed: int = 0
) -> Difference:
    """Compare the days of two parts of a diary.

    A day is one observation however long the face was seen, since minutes of one day are alike. A day
    with less than five minutes is left out.

    Args:
        frame: Of ``minutes_frame``.
        first: Which of its rows belong to the first group, bool.
        second: The same for the second; a row in both is allowed in neither.
        seed: Of the resampling.
    """
    if bool((first & second).any()):
        raise ValueError("The two groups of days must not overlap.")
    shares = [_daily_shares(frame[group]) for group in (first, second)]
    days = (len(shares[0]), len(shares[1]))
    means = [part.mean(axis=0) if len(part) else np.full(NUM_CLASSES, np.nan) for part in shares]
    nothing = np.full(NUM_CLASSES, np.nan)
    if min(days) < LEAST_DAYS:
        reason = (
            f"There are {days[0]} and {days[1]} days with five minutes or more; a comparison "
            f"needs {LEAST_DAYS} on each side."
        )
        return Difference(means[0], means[1], means[0] - means[1], nothing, nothing, days, reason)
    rng = np.random.default_rng(seed)
    drawn = [
        part[rng.integers(0, len(part), (_RESAMPLES, len(part)))].mean(axis=1) for part in shares
    ]
    error = np.sqrt(sum(d.var(axis=0) * n / (n - 1) for d, n in zip(drawn, days, strict=True)))
    wide = _quantile((1 - _LEVEL) / NUM_CLASSES / 2, min(days) - 1) * error
    difference = means[0] - means[1]
    low, high = difference - wide, difference + wide
    return Difference(means[0], means[1], difference, low, high, days)


def weekend_rows(frame: pd.DataFrame) -> pd.Series:
    """Which rows are of a Saturday or Sunday."""
    return frame["day"].dt.day_of_week >= 5


def recent_rows(frame: pd.DataFrame, days: int, last: pd.Timestamp) -> pd.Series:
    """Which rows are of the ``days`` days up to ``last``."""
    return (frame["day"] > last - pd.Timedelta(days=days)) & (frame["day"] <= last)


def _quantile(tail: float, freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(1 - tail, freedom))


def _daily_shares(frame: pd.DataFrame) -> np.ndarray:
    days = by_day(frame)
    days = days[days["seen"] >= LEAST_SECONDS_OF_A_DAY]
    shares: np.ndarray = days[list(EMOTIONS)].to_numpy() / days[["seen"]].to_numpy()
    return shares
