"""The diary's figures against sums made by plain loops over the same minutes."""

from collections import defaultdict
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from emotion_core.labels import EMOTIONS
from emotion_core.personal import days, differences
from emotion_core.personal.entries import CheckIn, Minute
from tests.unit.personal import fortnight

ITEMS = fortnight.minutes()
FRAME = days.minutes_frame(fortnight.rows(ITEMS))
EMPTY = days.minutes_frame([])


def seconds(items) -> list[float]:
    return [sum(item.seen * item.probs[label] for item in items) for label in range(7)]


def grouped(key) -> dict:
    found = defaultdict(list)
    for item in ITEMS:
        found[key(item)].append(item)
    return found


def a_frame(*parts) -> pd.DataFrame:
    """Minutes given as (minute, offset, seconds, emotion)."""
    made = []
    for minute, offset, seen, emotion in parts:
        probs = tuple(0.7 if label == emotion else 0.05 for label in range(7))
        made.append(Minute(minute, offset, seen, probs, model="m"))
    return days.minutes_frame(fortnight.rows(made))


def test_time_per_expression_adds_up_to_the_time_seen():
    found = days.time_per_expression(FRAME)
    assert list(found) == pytest.approx(seconds(ITEMS))
    assert found.sum() == pytest.approx(sum(item.seen for item in ITEMS))


def test_days_are_those_of_the_wall_clock():
    expected = grouped(lambda item: fortnight.wall(item).date())
    found = days.by_day(FRAME)
    assert [stamp.date() for stamp in found.index] == sorted(expected)
    for stamp, row in found.iterrows():
        items = expected[stamp.date()]
        assert list(row[list(EMOTIONS)]) == pytest.approx(seconds(items))
        assert row["seen"] == pytest.approx(sum(item.seen for item in items))
        assert row["changes"] == sum(item.changes for item in items)


def test_the_heat_map_has_each_hour_of_the_wall_clock():
    expected = grouped(lambda item: (fortnight.wall(item).date(), fortnight.wall(item).hour))
    found = days.heat_map(FRAME, "happy")
    assert found.shape == (14, 24)
    filled = 0
    for stamp, row in found.iterrows():
        for hour, value in row.items():
            items = expected.get((stamp.date(), hour), [])
            seen = sum(item.seen for item in items)
            if seen < 60:
                assert np.isnan(value)
            else:
                filled += 1
                assert value == pytest.approx(seconds(items)[3] / seen)
    assert filled > 60
    spring = found.loc[pd.Timestamp(2026, 3, 29)]
    assert np.isnan(spring[2]) and not np.isnan(spring[3])  # that night had no hour from 2 to 3


def test_the_hour_that_winter_time_repeats_is_one_cell():
    start = int(datetime(2026, 10, 25, 0, 0, tzinfo=fortnight.BERLIN).timestamp()) // 60
    parts = [(start + n, 120 if n < 180 else 60, 60.0, 3 if n < 180 else 5) for n in range(300)]
    frame = a_frame(*parts)
    hours = days.by_hour(frame)["seen"]
    assert list(hours.index.get_level_values("hour")) == [0, 1, 2, 3]
    assert list(hours) == [3600, 3600, 7200, 3600]
    assert len(days.by_day(frame)) == 1
    (first, second) = days.stretches(frame)["minutes"]
    assert (first, second) == (180, 120)


def test_weeks_begin_on_monday_and_months_on_the_first():
    expected = grouped(
        lambda i: fortnight.wall(i).date() - timedelta(days=fortnight.wall(i).weekday())
    )
    found = days.by_week(FRAME)
    assert [stamp.date() for stamp in found.index] == sorted(expected)
    assert list(found["sad"]) == pytest.approx([seconds(expected[k])[5] for k in sorted(expected)])
    expected = grouped(lambda item: fortnight.wall(item).date().replace(day=1))
    found = days.by_month(FRAME)
    assert [stamp.date() for stamp in found.index] == [date(2026, 3, 1), date(2026, 4, 1)]
    assert list(found["fear"]) == pytest.approx([seconds(expected[k])[2] for k in sorted(expected)])


def test_the_longest_stretches_run_over_midnight_and_over_a_change_of_the_clock():
    expected = []
    for item in ITEMS:
        top = EMOTIONS[max(range(7), key=lambda label: item.probs[label])]
        if expected and expected[-1][1:] == (item.minute, top):
            expected[-1] = (expected[-1][0], item.minute + 1, top)
        else:
            expected.append((item.minute, item.minute + 1, top))
    lengths = sorted((end - start for start, end, _ in expected), reverse=True)[:5]
    assert list(days.stretches(FRAME)["minutes"]) == lengths
    night = int(datetime(2026, 3, 29, 1, 30, tzinfo=fortnight.BERLIN).timestamp()) // 60
    frame = a_frame(*[(night + n, 60 if n < 30 else 120, 30.0, 5) for n in range(60)])
    (row,) = days.stretches(frame).itertuples()
    assert (row.start, row.expression, row.minutes) == (pd.Timestamp(2026, 3, 29, 1, 30), "sad", 60)


def test_a_flight_moves_no_minute_that_was_written():
    frame = a_frame((600_000, 60, 60.0, 3), (600_001, -300, 60.0, 3))
    assert list(frame["hour"]) == [17, 11]
    assert days.stretches(frame)["minutes"].tolist() == [2]


def test_two_streams_in_one_minute_count_for_sixty_seconds():
    first, second = (
        Minute(1000, 0, 45.0, tuple(0.7 if k == e else 0.05 for k in range(7)), model=name)
        for e, name in ((3, "a"), (5, "b"))
    )
    frame = days.minutes_frame(fortnight.rows([first, second]))
    assert frame["seen"].sum() == pytest.approx(60)
    assert days.time_per_expression(frame)["happy"] == pytest.approx(30 * 0.75)
    assert len(days.stretches(frame)) == 1


def test_changes_per_hour():
    seen = sum(item.seen for item in ITEMS) / 3600
    expected = sum(item.changes for item in ITEMS) / seen
    assert days.changes_per_hour(FRAME) == pytest.approx(expected)
    assert np.isnan(days.changes_per_hour(a_frame((1, 0, 30.0, 3))))


def test_tags_stand_for_the_minutes_around_their_check_in():
    own = fortnight.check_ins(ITEMS)
    expected = defaultdict(list)
    for item in ITEMS:
        distance, place = min(
            ((abs(entry.at // 60 - item.minute), entry.at), entry.place) for entry in own
        )
        if distance[0] <= 60:
            expected[place].append(item)
    found = days.by_tag(FRAME, own, "place")
    assert set(found.index) == {"home", "office"}
    for place, row in found.iterrows():
        assert row["seen"] == pytest.approx(sum(item.seen for item in expected[place]))
        assert row["happy"] == pytest.approx(seconds(expected[place])[3])
        assert row["days"] == len({fortnight.wall(item).date() for item in expected[place]})


def test_an_empty_diary_has_empty_figures():
    assert days.time_per_expression(EMPTY).sum() == 0
    assert days.by_day(EMPTY).empty and days.by_week(EMPTY).empty and days.by_month(EMPTY).empty
    assert days.heat_map(EMPTY, "sad").shape == (0, 24) and days.stretches(EMPTY).empty
    assert np.isnan(days.changes_per_hour(EMPTY))
    assert days.by_tag(EMPTY, [CheckIn(1, 0, word="sad", place="x")], "place").empty
    assert days.by_tag(FRAME, [], "place").empty


def test_weekends_differ_and_the_interval_is_known_for_means():
    weekend = differences.weekend_rows(FRAME)
    found = differences.compare_days(FRAME, weekend, ~weekend)
    groups = {True: [], False: []}
    for day, items in grouped(lambda item: fortnight.wall(item).date()).items():
        seen = sum(item.seen for item in items)
        if seen >= 300:
            groups[day.weekday() >= 5].append([value / seen for value in seconds(items)])
    ours, others = np.array(groups[True]), np.array(groups[False])
    assert found.days == (len(ours), len(others)) and not found.reason
    expected = ours.mean(axis=0) - others.mean(axis=0)
    assert found.difference == pytest.approx(expected)
    assert "happy" in found.clear
    error = np.sqrt(ours.var(axis=0, ddof=1) / len(ours) + others.var(axis=0, ddof=1) / len(others))
    wide = scipy.stats.t.ppf(1 - 0.05 / 14, min(found.days) - 1) * error
    assert found.low == pytest.approx(expected - wide, abs=0.1 * wide.max())
    assert found.high == pytest.approx(expected + wide, abs=0.1 * wide.max())


def test_too_few_days_give_no_interval_but_the_reason():
    few = FRAME["day"] < pd.Timestamp(2026, 3, 24)
    found = differences.compare_days(FRAME, few, ~few)
    assert found.days[0] < 4 and "needs 4 on each side" in found.reason
    assert np.isnan(found.low).all() and found.clear == []
    empty = differences.weekend_rows(EMPTY)
    assert differences.compare_days(EMPTY, empty, ~empty).days == (0, 0)
    with pytest.raises(ValueError, match="must not overlap"):
        differences.compare_days(FRAME, few, few)


def test_equal_days_do_not_differ():
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(40):
        parts = [
            Minute(1440 * day + 600 + n, 0, 60.0, tuple(rng.dirichlet(np.ones(7))), model="m")
            for day in range(8)
            for n in range(6)
        ]
        frame = days.minutes_frame(fortnight.rows(parts))
        half = frame["day"] < frame["day"].min() + pd.Timedelta(days=4)
        wrong += bool(differences.compare_days(frame, half, ~half).clear)
    assert wrong <= 5  # 2 are expected: 5 % of 40


def test_recent_rows():
    last = pd.Timestamp(2026, 4, 4)
    rows = differences.recent_rows(FRAME, 7, last)
    picked = {stamp.date() for stamp in FRAME["day"][rows]}
    assert picked == {date(2026, 3, 29) + timedelta(days=n) for n in range(7)}
