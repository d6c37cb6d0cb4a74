"""Figures of the diary as plain tables: hours, days, weeks, stretches, changes, tags.

Everything is computed from a frame of minutes (``minutes_frame``), without a page or a database. Time
per expression is the time seen times its calibrated probability, so it adds up to the time seen. A
day and an hour are those that the wall clock showed at that moment.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emotion_core.labels import EMOTIONS
from emotion_core.personal.entries import MINUTE_COLUMNS, TAGS, CheckIn

LEAST_SECONDS = 60.0  # seen in a cell or a day, below which no share is shown
_TAG_MINUTES = 60  # a check-in's tags stand for the minutes this far before and after it


def minutes_frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows of ``diary.minutes_table`` as a frame in order of time.

    Beside the numbers of ``MINUTE_COLUMNS``: ``local``, what the wall clock showed (datetime64, without a zone),
    ``day`` (its midnight) and ``hour``. A minute in which two streams saw the face for more than
    60 s together counts for 60 s.
    """
    values = np.array([row[:1] + row[3:] for row in rows], np.float64)
    names = [name for name in MINUTE_COLUMNS if name not in ("model", "profile")]
    frame = pd.DataFrame(values.reshape(-1, len(names)), columns=names)
    local = (60 * (frame["minute"] + frame["offset"])).to_numpy().astype("datetime64[s]")
    frame["local"] = local
    frame["day"] = local.astype("datetime64[D]").astype("datetime64[s]")
    frame["hour"] = (local.astype("datetime64[h]").astype(np.int64)) % 24
    if not frame["minute"].is_unique:
        together = frame.groupby("minute")["seen"].transform("sum")
        frame["seen"] *= np.minimum(1.0, 60.0 / together)
    return frame


def time_per_expression(frame: pd.DataFrame) -> pd.Series:
    """Seconds per expression, in the order of ``EMOTIONS``; they sum to the time seen."""
    return pd.Series(_seconds(frame).sum(axis=0), index=list(EMOTIONS))


def by_day(frame: pd.DataFrame) -> pd.DataFrame:
    """Each day on which a face was seen: ``seen``, ``changes`` and seconds per expression."""
    return _grouped(frame, ["day"])


def by_week(frame: pd.DataFrame) -> pd.DataFrame:
    """The same for weeks, named by their Monday."""
    return _grouped(frame.assign(day=_mondays(frame["day"])), ["day"])


def by_month(frame: pd.DataFrame) -> pd.DataFrame:
    """The same for months, named by their first day."""
    months = frame["day"].to_numpy().astype("datetime64[M]").astype("datetime64[s]")
    return _grouped(frame.assign(day=months), ["day"])


def by_hour(frame: pd.DataFrame) -> pd.DataFrame:
    """The same for each hour of each day, with the index ``(day, hour)``.

    The hour that a change to winter time repeats is one cell with up to 7,200 s.
    """
    return _grouped(frame, ["day", "hour"])


def heat_map(frame: pd.DataFrame, expression: str) -> pd.DataFrame:
    """An expression's share of the time seen, days as rows and the 24 hours as columns.

    NaN where the face was seen for less than ``LEAST_SECONDS``. Days without a face between the
    first and the last are there, empty.
    """
    cells = by_hour(frame)
    if cells.empty:
        return pd.DataFrame(columns=range(24), dtype=np.float64)
    share = (cells[expression] / cells["seen"]).where(cells["seen"] >= LEAST_SECONDS)
    days = pd.date_range(frame["day"].min(), frame["day"].max(), freq="D")
    return share.unstack("hour").reindex(index=days, columns=range(24))


def stretches(frame: pd.DataFrame, most: int = 5) -> pd.DataFrame:
    """Longest runs of consecutive minutes with the same most probable expression, longest first.

    Minutes follow each other by UTC, so that a change of the clock makes no gap. Columns: ``start``
    (wall clock), ``expression``, ``minutes``.
    """
    columns = ["start", "expression", "minutes"]
    if frame.empty:
        return pd.DataFrame(columns=columns)
    one = _one_per_minute(frame)
    top = one[list(EMOTIONS)].to_numpy().argmax(axis=1)
    minute = one["minute"].to_numpy()
    begins = np.ones(len(one), bool)
    begins[1:] = (np.diff(minute) != 1) | (np.diff(top) != 0)
    first = np.flatnonzero(begins)
    length = np.diff(np.append(first, len(one)))
    found = pd.DataFrame(
        {
            "start": one["local"].to_numpy()[first],
            "expression": [EMOTIONS[label] for label in top[first]],
            "minutes": length,
        }
    )
    return found.sort_values(["minutes", "start"], ascending=[False, True]).head(most)


def changes_per_hour(frame: pd.DataFrame) -> float:
    """Changes of the named expression per hour in which the face was seen; NaN below a minute."""
    seen = frame["seen"].sum()
    return 3600 * frame["changes"].sum() / seen if seen >= LEAST_SECONDS else np.nan


def by_tag(frame: pd.DataFrame, own: Sequence[CheckIn], tag: str) -> pd.DataFrame:
    """Time per expression around check-ins with each value of a tag, longest first.

    A minute belongs to the nearest check-in that has the tag, at most an hour away. Columns:
    ``seen``, ``changes``, seconds per expression, ``days`` and ``check_ins`` (how many of each).

    Args:
        frame: Of ``minutes_frame``.
        own: Check-ins in order of time.
        tag: One of ``TAGS``.
    """
    assert tag in TAGS
    said = [(item.at // 60, getattr(item, tag)) for item in own if getattr(item, tag)]
    if frame.empty or not said:
        return pd.DataFrame(columns=["seen", "changes", *EMOTIONS, "days", "check_ins"])
    at = np.array([minute for minute, _ in said], np.float64)
    names = np.array([name for _, name in said], object)
    minute = frame["minute"].to_numpy()
    after = np.searchsorted(at, minute).clip(0, len(at) - 1)
    before = (after - 1).clip(0)
    nearest = np.where(abs(at[before] - minute) <= abs(at[after] - minute), before, after)
    near = abs(at[nearest] - minute) <= _TAG_MINUTES
    inside = frame[near].assign(tag=names[nearest[near]], check_in=nearest[near])
    found = _grouped(inside, ["tag"])
    groups = inside.groupby("tag")
    found["days"] = groups["day"].nunique()
    found["check_ins"] = groups["check_in"].nunique()
    return found.sort_values("seen", ascending=False)


def _one_per_minute(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per minute: several models' rows of it become their mean, weighted by time seen."""
    if frame["minute"].is_unique:
        return frame
    weighted = frame[["minute", "seen", "local"]].copy()
    for name in EMOTIONS:
        weighted[name] = frame[name] * frame["seen"]
    how: dict[str, Any] = {"seen": "sum", "local": "first"} | dict.fromkeys(EMOTIONS, "sum")
    joined = weighted.groupby("minute", as_index=False).agg(how)
    joined[list(EMOTIONS)] = joined[list(EMOTIONS)].div(joined["seen"], axis=0)
    return joined


def _seconds(frame: pd.DataFrame) -> np.ndarray:
    """``(rows, 7)`` seconds of each expression."""
    found: np.ndarray = frame[list(EMOTIONS)].to_numpy() * frame["seen"].to_numpy()[:, None]
    return found


def _grouped(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    values = pd.DataFrame(_seconds(frame), columns=list(EMOTIONS), index=frame.index)
    values.insert(0, "changes", frame["changes"])
    values.insert(0, "seen", frame["seen"])
    return values.groupby([frame[key] for key in keys]).sum()


def _mondays(days: pd.Series) -> pd.Series:
    return days - pd.to_timedelta(days.dt.day_of_week, unit="D")
