"""The diary as files for other programs: CSV, JSON, and iCalendar (RFC 5545)."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

from emotion_core.errors import DiaryError, unknown
from emotion_core.labels import EMOTIONS
from emotion_core.personal.clock import iso_time, local_time
from emotion_core.personal.diary import check_ins, minutes_table, status
from emotion_core.personal.entries import CHECK_IN_COLUMNS, MINUTE_COLUMNS, TAGS, CheckIn, on_grid
from emotion_core.text import csv_text, plain

FORMATS = {"csv": "zip", "json": "json", "ics": "ics"}  # suffix of each
NOTICE = (
    "Expressions as a model classified them, which are not feelings; check-ins in one's own words."
)
_LINE = 75  # bytes of a line of iCalendar


def export_diary(form: str) -> bytes:
    """The whole diary as a file.

    Args:
        form: ``csv``, a zip of two tables; ``json``; or ``ics``, check-ins as events and, for each
            day, the time per expression as an all-day event.

    Raises:
        DiaryError: the form is unknown, or there is no diary.
    """
    if form not in FORMATS:
        raise DiaryError(unknown("format", form, FORMATS))
    if not status().exists:
        raise DiaryError("There is no diary, so there is nothing to export.")
    minutes = [dict(zip(MINUTE_COLUMNS, row, strict=True)) for row in minutes_table()]
    own = check_ins()
    if form == "csv":
        return _zip(minutes, own)
    if form == "json":
        tables = {"minutes": _minute_rows(minutes), "check_ins": _check_in_rows(own)}
        text = json.dumps({"notice": NOTICE, **tables}, indent=1, ensure_ascii=False)
        return f"{text}\n".encode("utf-8", "backslashreplace")
    return _calendar(minutes, own)


def _minute_rows(minutes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"time": iso_time(60 * row["minute"], row["offset"])}
        | {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in row.items()
            if key not in ("minute", "offset")
        }
        for row in minutes
    ]


def _check_in_rows(own: Sequence[CheckIn]) -> list[dict[str, Any]]:
    return [
        {"time": iso_time(item.at, item.offset)}
        | {k: v for k, v in asdict(item).items() if k not in ("at", "offset", "id")}
        for item in own
    ]


def _zip(minutes: Sequence[dict[str, Any]], own: Sequence[CheckIn]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        names = ["time", *(name for name in MINUTE_COLUMNS if name not in ("minute", "offset"))]
        archive.writestr("diary-minutes.csv", csv_text(_minute_rows(minutes), names))
        names = ["time", *(name for name in CHECK_IN_COLUMNS if name not in ("at", "offset"))]
        archive.writestr("diary-check-ins.csv", csv_text(_check_in_rows(own), names))
    return out.getvalue()


def _calendar(minutes: Sequence[dict[str, Any]], own: Sequence[CheckIn]) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Emotion Core//Diary//EN"]
    now = _moment(datetime.now(UTC).timestamp())
    for item in own:
        lines += [
            *("BEGIN:VEVENT", f"UID:check-in-{item.id}-{item.at}@emotion-core", f"DTSTAMP:{now}"),
            *(f"DTSTART:{_moment(item.at)}", f"DTEND:{_moment(item.at + 60)}"),
            f"SUMMARY:{_escaped(f'Check-in: {_said(item)}')}",
        ]
        tags = [getattr(item, tag) for tag in TAGS if getattr(item, tag)]
        if tags:
            lines.append(f"CATEGORIES:{','.join(map(_escaped, tags))}")
        if item.note:
            lines.append(f"DESCRIPTION:{_escaped(item.note)}")
        lines.append("END:VEVENT")
    for day, seconds in _days(minutes).items():
        told = ", ".join(f"{name} {value / 60:.0f} min" for name, value in seconds.items())
        lines += [
            *("BEGIN:VEVENT", f"UID:day-{day:%Y%m%d}@emotion-core", f"DTSTAMP:{now}"),
            f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_escaped(f'Expressions: {told}')}",
            *(f"DESCRIPTION:{_escaped(NOTICE)}", "TRANSP:TRANSPARENT", "END:VEVENT"),
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode("utf-8", "backslashreplace")


def _days(minutes: Sequence[dict[str, Any]]) -> dict[date, dict[str, float]]:
    """Seconds per expression of each day, those of half a minute and more, longest first."""
    days: dict[date, dict[str, float]] = {}
    for row in minutes:
        day = local_time(60 * row["minute"], row["offset"]).date()
        own = days.setdefault(day, dict.fromkeys(EMOTIONS, 0.0))
        for name in EMOTIONS:
            own[name] += row["seen"] * row[name]
    return {
        day: {name: own[name] for name in sorted(own, key=lambda n: -own[n]) if own[name] >= 30}
        for day, own in days.items()
    }


def _said(item: CheckIn) -> str:
    grid = ""
    if item.valence is not None and item.arousal is not None:
        grid = on_grid(item.valence, item.arousal)
    return ", ".join(filter(None, (item.word, grid)))


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """A text as iCalendar wants it: line ends, commas, semicolons and backslashes escaped."""
    lines = (plain(line) for line in text.splitlines())
    marked = "\0".join(lines).replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return marked.replace("\0", "\\n")


def _folded(line: str) -> str:
    """A line cut into pieces of at most 75 bytes, none within a letter."""
    pieces: list[str] = []
    piece = ""
    for letter in line:
        if len((piece + letter).encode("utf-8", "backslashreplace")) > _LINE - bool(pieces):
            pieces.append(piece)
            piece = ""
        piece += letter
    return "\r\n ".join([*pieces, piece])
