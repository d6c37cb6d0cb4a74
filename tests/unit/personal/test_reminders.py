"""When the dashboard asks for a check-in."""

import itertools
from datetime import datetime, timedelta

import pytest

from emotion_core.personal.reminders import is_due

DAY = datetime(2026, 11, 30)


@pytest.mark.parametrize("per_day", [0, 1, 2, 3, 4])
def test_somebody_who_never_answers_is_asked_so_often_per_day_and_never_at_night(per_day):
    asked, last = [], None
    for minute in range(0, 24 * 60, 2):
        now = DAY + timedelta(minutes=minute)
        if is_due(now, per_day, [], last):
            asked.append(now)
            last = now
    assert len(asked) == per_day
    assert all(9 <= at.hour < 21 for at in asked)
    assert all(b - a >= timedelta(hours=1) for a, b in itertools.pairwise(asked))


def test_whoever_has_checked_in_is_not_asked_in_that_part_of_the_day():
    own = [DAY + timedelta(hours=9, minutes=30)]
    assert not is_due(DAY + timedelta(hours=14), 2, own)
    assert is_due(DAY + timedelta(hours=15, minutes=1), 2, own)
    late = [DAY + timedelta(hours=14, minutes=50)]
    assert not is_due(DAY + timedelta(hours=15, minutes=1), 2, late)


def test_a_reminder_of_another_tab_or_day_in_the_future_does_not_count():
    assert is_due(DAY + timedelta(hours=10), 1, [DAY + timedelta(hours=20)])
    assert is_due(DAY + timedelta(hours=10), 1, [], DAY - timedelta(hours=20))
