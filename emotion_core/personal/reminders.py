"""When the open dashboard asks for a check-in: a few times per day, never at night."""

from datetime import datetime, timedelta

FIRST_HOUR, LAST_HOUR = 9, 21
_QUIET = timedelta(minutes=60)  # after a check-in or a reminder


def is_due(
    now: datetime, per_day: int, checked_in: list[datetime], reminded: datetime | None = None
) -> bool:
    """Whether to ask now.

    The hours from 9 to 21 are cut into as many equal parts as there are reminders per day; each part
    asks once, unless somebody checked in during it.

    Args:
        now: Wall-clock time without a zone, as all times here.
        per_day: How often per day to ask; 0 for never.
        checked_in: Times of today's check-ins.
        reminded: When somebody was last asked; None if nobody was.
    """
    if per_day < 1 or not FIRST_HOUR <= now.hour < LAST_HOUR:
        return False
    length = timedelta(hours=LAST_HOUR - FIRST_HOUR) / per_day
    first = now.replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0)
    begins = first + length * ((now - first) // length)
    answered = [*checked_in, *([reminded] if reminded else [])]
    return not any(begins <= at <= now or now - at < _QUIET for at in answered if at <= now)
