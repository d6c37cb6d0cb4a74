"""A simulated fortnight around the change to summer time, as plain rows, for independent sums."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from emotion_core.labels import EMOTIONS
from emotion_core.personal.entries import CheckIn, Minute, minute_row

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2026, 3, 22, tzinfo=BERLIN)  # clocks change on Sunday 29 March
DAYS = 14


def minutes(seed: int = 0) -> list[Minute]:
    """Morning, afternoon and around midnight of each day, in the zone's own wall clock."""
    rng = random.Random(seed)
    found = []
    for number in range(DAYS):
        for hour, length in ((0, 40), (1, 150), (9, 45), (15, 30), (23, 59)):
            day = FIRST.date() + timedelta(days=number)
            start = datetime(day.year, day.month, day.day, hour, 1, tzinfo=BERLIN)
            first = int(start.timestamp()) // 60
            for minute in range(first, first + length):
                values = [rng.random() ** 3 for _ in EMOTIONS]
                values[4] += 0.5 + (hour == 9)
                values[minute // 23 * 7919 % 7] += 1.2  # a mood of some minutes
                if day.weekday() >= 5:
                    values[3] += 1.5
                probs = tuple(value / sum(values) for value in values)
                moment = datetime.fromtimestamp(60 * minute, UTC).astimezone(BERLIN)
                offset = round(moment.utcoffset().total_seconds() / 60)
                found.append(
                    Minute(minute, offset, rng.uniform(5, 60), probs, rng.randrange(4), model="m")
                )
    unique = {item.minute: item for item in found}
    return [unique[minute] for minute in sorted(unique)]


def rows(items) -> list[tuple]:
    """As ``diary.minutes_table`` gives them."""
    return [tuple(minute_row(item).values()) for item in items]


def wall(item: Minute) -> datetime:
    """What the wall clock showed, by the zone's rules and not by the stored offset."""
    return datetime.fromtimestamp(60 * item.minute, UTC).astimezone(BERLIN).replace(tzinfo=None)


def check_ins(items, every: int = 100) -> list[CheckIn]:
    """One for each ``every`` minutes, whose word is what the face shows in two of three."""
    rng, found = random.Random(1), []
    for number, item in enumerate(items[50::every]):
        top = max(range(7), key=lambda label: item.probs[label])
        label = top if rng.random() < 2 / 3 else rng.randrange(7)
        found.append(
            CheckIn(
                60 * item.minute,
                item.offset,
                rng.uniform(-1, 1),
                rng.uniform(-1, 1),
                EMOTIONS[label],
                place=("home", "office")[number % 2],
                id=number + 1,
            )
        )
    return found


def wall_day(entry: CheckIn):
    """The day on which somebody checked in, by the zone's rules."""
    return datetime.fromtimestamp(entry.at, UTC).astimezone(BERLIN).date()
