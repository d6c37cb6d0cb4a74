"""What the diary is made of: a minute that was seen, and what a person says of themselves."""

from dataclasses import dataclass
from typing import Any

from emotion_core.errors import DiaryError, unknown
from emotion_core.labels import EMOTIONS
from emotion_core.units import number

KEPT_DAYS = 90  # by default
MOST_NOTE, MOST_TAG = 500, 40  # letters
TAGS = ("place", "company", "activity")
AVERAGED = (*EMOTIONS, "light", "size", "tilt", "turn")
MINUTE_COLUMNS = ("minute", "model", "profile", "offset", "seen", *AVERAGED, "changes")
CHECK_IN_COLUMNS = ("at", "offset", "valence", "arousal", "word", "note", *TAGS)


@dataclass(frozen=True)
class Minute:
    """What was seen of one face in one minute.

    Attributes:
        minute: UTC, in whole minutes since 1970.
        offset: Of the wall clock, in minutes east of UTC.
        seen: Seconds in which the face was seen, above 0 and at most 60.
        probs: Seven means of calibrated probabilities, in the order of ``EMOTIONS``.
        changes: How often the named expression changed.
        light: Mean gray level of the picture, 0..255.
        size: Side of the face's box in pixels.
        tilt: Angle of the line through the eyes, in degrees either way; 0 where nobody knows.
        turn: How far the nose stands from the middle of the eyes, as a share of their distance:
            0 for a frontal face, 0.5 and more for a half profile; 0 where nobody knows.
        model: Name of the run that classified.
        profile: Name of the personal profile in use; empty for none.
    """

    minute: int
    offset: int
    seen: float
    probs: tuple[float, ...]
    changes: int = 0
    light: float = 0.0
    size: float = 0.0
    tilt: float = 0.0
    turn: float = 0.0
    model: str = ""
    profile: str = ""


@dataclass(frozen=True)
class CheckIn:
    """What a person says of themselves: a place on the affect grid, one of seven words, or both.

    The grid is that of Russell, Weiss & Mendelsohn (1989).

    Attributes:
        at: UTC seconds since 1970.
        offset: Of the wall clock, in minutes east of UTC.
        valence: -1 unpleasant to 1 pleasant; None without a place on the grid.
        arousal: -1 sleepy to 1 highly activated; None without a place on the grid.
        word: One of ``EMOTIONS``, or empty.
        note: Free text.
        place, company, activity: Tags; empty for none.
        id: Number in the diary; 0 before it is written.
    """

    at: int
    offset: int
    valence: float | None = None
    arousal: float | None = None
    word: str = ""
    note: str = ""
    place: str = ""
    company: str = ""
    activity: str = ""
    id: int = 0


@dataclass(frozen=True)
class DiaryStatus:
    """How the diary stands.

    Attributes:
        on: Whether minutes and check-ins are written.
        exists: Whether there is anything on the disk.
        kept_days: After so many days entries are deleted.
        reminders: How often per day the open dashboard asks for a check-in.
        minutes, check_ins: How many are stored.
        first, last: UTC seconds of the oldest and the newest entry; 0 without one.
        size_bytes: Of the files.
    """

    on: bool = False
    exists: bool = False
    kept_days: int = KEPT_DAYS
    reminders: int = 0
    minutes: int = 0
    check_ins: int = 0
    first: int = 0
    last: int = 0
    size_bytes: int = 0


def minute_row(item: Minute) -> dict[str, Any]:
    """A minute as ``MINUTE_COLUMNS``.

    Raises:
        DiaryError: it is none.
    """
    total = sum(item.probs)
    if len(item.probs) != len(EMOTIONS) or not abs(total - 1) < 0.01 or min(item.probs) < 0:
        raise DiaryError(f"A minute needs {len(EMOTIONS)} probabilities that sum to 1.")
    if not 0 < item.seen <= 60:
        raise DiaryError(f"A face is seen for up to 60 s in a minute, got {item.seen:g}.")
    means = {name: p / total for name, p in zip(EMOTIONS, item.probs, strict=True)}
    return {n: means[n] if n in means else getattr(item, n) for n in MINUTE_COLUMNS}


def on_grid(valence: float, arousal: float) -> str:
    """A place on the affect grid (-1..1 each) in words, such as ``pleasant +0.50, activated −0.25``."""
    return f"pleasant {number(valence, 2, sign=True)}, activated {number(arousal, 2, sign=True)}"


def check_entry(entry: CheckIn) -> None:
    """Refuse a check-in that cannot be one.

    Raises:
        DiaryError: it says nothing, too much, or what is not on the grid.
    """
    if (entry.valence is None) != (entry.arousal is None):
        raise DiaryError("A place on the grid needs both its values: pleasant and activated.")
    for value in (entry.valence, entry.arousal):
        if value is not None and not -1 <= value <= 1:
            raise DiaryError(f"A value on the grid must be from -1 to 1, got {value:g}.")
    if entry.word and entry.word not in EMOTIONS:
        raise DiaryError(unknown("word", entry.word, EMOTIONS))
    if not entry.word and entry.valence is None:
        raise DiaryError("Choose a place on the grid or a word first.")
    for name, most in (("note", MOST_NOTE), *((tag, MOST_TAG) for tag in TAGS)):
        if len(getattr(entry, name)) > most:
            raise DiaryError(f"The {name} may have {most} letters at most.")
