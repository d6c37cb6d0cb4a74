"""Two weeks of drawn diary, so that its page can be seen: in memory alone, never in the diary."""

from datetime import datetime, timedelta

import numpy as np

from emotion_core.labels import EMOTIONS
from emotion_core.personal.clock import offset_at
from emotion_core.personal.entries import CheckIn, Minute, minute_row

DAYS = 14
_PLACES = (
    ("office", "colleagues", "work"),
    ("home", "alone", "reading"),
    ("home", "family", "meal"),
)
_HOURS = ((9, 50), (11, 45), (14, 55), (17, 30), (20, 40))  # from, minutes
_BASE = np.array([0.07, 0.03, 0.05, 0.22, 0.42, 0.12, 0.09])


def drawn_diary(today: datetime) -> tuple[list[tuple[object, ...]], list[CheckIn]]:
    """Minutes and check-ins of the fourteen days before ``today``, drawn by a fixed seed.

    Args:
        today: Local time, without a zone.

    Returns:
        Rows as ``diary.minutes_table`` gives them, and check-ins in order of time.
    """
    rng = np.random.default_rng(20)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes: list[Minute] = []
    own: list[CheckIn] = []
    for number in range(DAYS):
        day = midnight - timedelta(days=DAYS - number)
        weekend = day.weekday() >= 5
        for hour, length in _HOURS:
            if (weekend and hour < 17) or rng.random() < 0.12:
                continue
            start = int((day + timedelta(hours=hour)).timestamp()) // 60
            place = _PLACES[0 if hour < 18 and not weekend else int(rng.integers(1, 3))]
            drawn = _sitting(rng, start, length, family=place[1] == "family", weekend=weekend)
            minutes += drawn
            own.append(_said(rng, drawn[int(0.7 * length)], place, len(own) + 1))
    rows = [tuple(minute_row(item).values()) for item in minutes]
    return rows, own


def _sitting(
    rng: np.random.Generator, start: int, length: int, *, family: bool, weekend: bool
) -> list[Minute]:
    """Minutes of one sitting; an expression lasts a few of them."""
    weights = _BASE.copy()
    weights[3] += 0.25 * family + 0.08 * weekend
    found = []
    held = rng.dirichlet(14 * weights)
    offset = offset_at(60.0 * start)
    for minute in range(start, start + length):
        if rng.random() < 0.2:
            held = rng.dirichlet(7 * weights)
        probs = 0.75 * held + 0.25 * rng.dirichlet(20 * weights)
        seen = float(np.clip(rng.normal(48, 12), 5, 60))
        found.append(
            Minute(
                minute,
                offset,
                seen,
                tuple(probs / probs.sum()),
                int(rng.poisson(2.2)),
                light=float(rng.normal(118, 8)),
                size=float(rng.normal(150, 8)),
                tilt=float(abs(rng.normal(0, 5))),
                turn=float(abs(rng.normal(0, 0.08))),
                model="drawn",
            )
        )
    return found


def _said(
    rng: np.random.Generator, item: Minute, tags: tuple[str, str, str], number: int
) -> CheckIn:
    """A word that is the face's in about half of the cases, and a place on the grid near it."""
    label = int(np.argmax(item.probs)) if rng.random() < 0.5 else int(rng.choice(7, p=_BASE))
    middle = {"happy": (0.5, 0.25), "neutral": (0.1, -0.1), "sad": (-0.5, -0.25)}.get(
        EMOTIONS[label], (-0.4, 0.5)
    )
    valence, arousal = (
        float(np.clip(round(4 * rng.normal(value, 0.3)) / 4, -1, 1)) for value in middle
    )
    return CheckIn(
        60 * item.minute, item.offset, valence, arousal, EMOTIONS[label], "", *tags, id=number
    )
