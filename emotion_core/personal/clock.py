"""Wall-clock time as the diary stores it: UTC and the offset of that moment."""

from datetime import UTC, datetime, timedelta, tzinfo


def offset_at(at: float, zone: tzinfo | None = None) -> int:
    """Minutes that the wall clock is east of UTC at a moment.

    Args:
        at: UTC seconds since 1970.
        zone: Whose clock; by default this computer's.
    """
    moment = datetime.fromtimestamp(at, UTC).astimezone(zone)
    return round((moment.utcoffset() or timedelta()).total_seconds() / 60)


def local_time(at: float, offset: int) -> datetime:
    """What the wall clock showed, without a zone.

    Args:
        at: UTC seconds since 1970.
        offset: Minutes east of UTC at that moment.
    """
    return datetime.fromtimestamp(at + 60 * offset, UTC).replace(tzinfo=None)


def iso_time(at: float, offset: int) -> str:
    """The same with its offset, such as ``2026-03-29T03:30:00+02:00``."""
    sign = "-" if offset < 0 else "+"
    hours, minutes = divmod(abs(offset), 60)
    shown = local_time(at, offset).isoformat(timespec="seconds")
    return f"{shown}{sign}{hours:02d}:{minutes:02d}"
