"""What the diary shows: hours, days, stretches, tags, differences, and agreement with one's own word."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from emotion_core.labels import EMOTIONS
from emotion_core.personal import agreement, days, differences
from emotion_core.personal.entries import TAGS, CheckIn
from emotion_core.plots import diary as plots
from emotion_core.units import minutes, number, percent
from pages._ui.widgets import show_figure, show_metrics

_RANGES = {"7 days": 7, "30 days": 30, "90 days": 90, "All": 36_500}
_HEAT_DAYS = 31  # rows that can still be read


def show_figures(frame: pd.DataFrame, own: Sequence[CheckIn]) -> None:
    """All figures of the chosen range.

    Args:
        frame: Of ``days.minutes_frame``.
        own: Check-ins in order of time.
    """
    if frame.empty:
        st.info(
            "No minute has been recorded yet. Start the camera on the Live page with its diary "
            "switch on; the first figure is here a minute later.",
            icon=":material/hourglass_empty:",
        )
        _show_agreement(frame, own)
        return
    chosen = st.segmented_control("Range", list(_RANGES), default="30 days", key="diary-range")
    last = frame["day"].max()
    span = _RANGES[chosen or "30 days"]
    part = frame[differences.recent_rows(frame, span, last)]
    since = last - pd.Timedelta(days=span)
    said = [i for i in own if pd.Timestamp(i.at + 60 * i.offset, unit="s") > since]
    _show_totals(part, said)
    _show_hours(part)
    _show_strips(part)
    left, right = st.columns([3, 2], gap="medium")
    seconds = days.time_per_expression(part)
    with left:
        rows = [{"expression": k, "seconds": round(v, 1)} for k, v in seconds.items()]
        show_figure(plots.time_bars(seconds), "diary-time", csv=rows)
    with right:
        _show_stretches(part)
    _show_tags(part, said)
    _show_differences(frame)
    _show_agreement(frame, own)


def _show_totals(frame: pd.DataFrame, own: Sequence[CheckIn]) -> None:
    count = int(frame["day"].nunique())
    changes = days.changes_per_hour(frame)
    dark = float((frame["seen"] * (frame["light"] < 45)).sum() / frame["seen"].sum())
    aside = float(
        (frame["seen"] * ((frame["turn"] > 0.35) | (frame["tilt"] > 20))).sum()
        / frame["seen"].sum()
    )
    show_metrics(
        [
            (
                "Time seen",
                minutes(frame["seen"].sum()),
                f"on {count} day{'s' * int(count != 1)}",
                "",
            ),
            ("Check-ins", str(len(own)), "", ""),
            (
                "Changes per hour",
                number(changes, 0) or "–",
                "of the named expression",
                "How often the expression that Live names changed, per hour in view.",
            ),
            (
                "Good view",
                percent(1 - max(dark, aside), 0),
                "light and pose",
                "Share of the time with enough light and a face that looks forward.",
            ),
        ]
    )


def _show_hours(frame: pd.DataFrame) -> None:
    emotion = st.selectbox("Expression", EMOTIONS, index=3, key="diary-expression", width=220)
    newest = frame[differences.recent_rows(frame, _HEAT_DAYS, frame["day"].max())]
    shares = days.heat_map(newest, emotion)
    cut = ", the newest 31 days" if frame["day"].min() < newest["day"].min() else ""
    rows = [
        {"day": f"{day:%Y-%m-%d}", "hour": hour, "share": round(value, 4)}
        for day, row in shares.iterrows()
        for hour, value in row.items()
        if not np.isnan(value)
    ]
    reading = f"Empty squares: less than a minute in view{cut}."
    show_figure(plots.heat_map(shares, emotion), "diary-hours", reading, csv=rows)


def _show_strips(frame: pd.DataFrame) -> None:
    forms = {"Days": (days.by_day, "%a %d %b"), "Weeks": (days.by_week, "week of %d %b")}
    forms["Months"] = (days.by_month, "%B %Y")
    unit = st.segmented_control("Sum by", list(forms), default="Days", key="diary-unit") or "Days"
    group, form = forms[unit]
    table = group(frame)
    rows = [
        {"from": f"{day:%Y-%m-%d}"} | {name: round(float(v), 1) for name, v in row.items()}
        for day, row in table.iterrows()
    ]
    show_figure(
        plots.strip(table, f"{unit} in minutes per expression", form), "diary-strip", csv=rows
    )


def _show_stretches(frame: pd.DataFrame) -> None:
    st.subheader("Longest stretches", anchor=False)
    st.caption("Consecutive minutes with the same most probable expression.")
    st.dataframe(
        pd.DataFrame(plots.stretch_rows(days.stretches(frame))),
        hide_index=True,
        key="diary-stretches",
    )


def _show_tags(frame: pd.DataFrame, own: Sequence[CheckIn]) -> None:
    st.header("Context", anchor=False)
    used = [tag for tag in TAGS if any(getattr(item, tag) for item in own)]
    if not used:
        st.info(
            "Add a place, company or activity to a check-in to see expressions by context.",
            icon=":material/sell:",
        )
        return
    tag = st.segmented_control("Tag", used, default=used[0], key="diary-tag") or used[0]
    groups = days.by_tag(frame, own, tag)
    groups = groups[groups["seen"] >= days.LEAST_SECONDS]
    if groups.empty:
        st.info(f"No face was in view within an hour of a check-in with a {tag}.")
        return
    reading = (
        "Minutes within an hour of a check-in. Few days say little: the number of days stands "
        "beside each."
    )
    rows = [{tag: name} | row.round(1).to_dict() for name, row in groups.iterrows()]
    show_figure(plots.tag_bars(groups, tag), "diary-tags-figure", reading, csv=rows)


def _show_differences(frame: pd.DataFrame) -> None:
    st.header("Do days differ?", anchor=False)
    week, weekend = "Last 7 days and the 7 before", "Weekends and weekdays"
    kind = st.segmented_control("Compare", [week, weekend], default=week, key="diary-compare")
    last = frame["day"].max()
    if kind == weekend:
        first = differences.weekend_rows(frame)
        second = ~first
    else:
        first = differences.recent_rows(frame, 7, last)
        second = differences.recent_rows(frame, 7, last - pd.Timedelta(days=7))
    found = differences.compare_days(frame, first, second)
    if found.reason:
        st.info(f"No comparison yet. {found.reason}", icon=":material/hourglass_empty:")
        return
    told = (
        f"The interval excludes no difference for {', '.join(found.clear)}."
        if found.clear
        else "No expression differs by more than days differ from each other anyway."
    )
    reading = f"{found.days[0]} against {found.days[1]} days. {told} An interval is no cause."
    show_figure(plots.difference_intervals(found), "diary-difference", reading)


def _show_agreement(frame: pd.DataFrame, own: Sequence[CheckIn]) -> None:
    st.header("Face and own word", anchor=False)
    pairs = agreement.pair_up(frame, own)
    rows = [
        ("Same word", "kappa", agreement.kappa_of_words(pairs)),
        ("Pleasantness", "correlation", agreement.correlation_of_valence(pairs)),
        ("Activation", "correlation", agreement.correlation_of_arousal(pairs)),
    ]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_metrics(
            [
                (name, number(item.value, 2) or "–", f"{kind}: {_told(item)}", "")
                for name, kind, item in rows
            ]
        )
        st.caption(
            "Pairs: check-ins with your face in view from ten minutes before to two after. "
            "Pleasantness and activation of the face are *derived*: the mean of seven published "
            "points (Russell & Mehrabian 1977) under the calibrated probabilities. 0 means no more "
            "agreement than random answers, 1 full agreement."
        )
    with right:
        st.info(agreement.PUBLISHED, icon=":material/menu_book:")


def _told(item: agreement.Estimate) -> str:
    if np.isnan(item.value):
        return item.reason
    ends = f"{number(item.low, 2)} to {number(item.high, 2)}" if item.low == item.low else ""
    interval = f"95 % interval {ends}" if ends else item.reason
    return f"{interval}, {item.pairs} pairs on {item.days} days"
