"""What a viewer draws below a film: stretches of expressions, and where two models differ."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emotion_core.errors import RecordingError
from emotion_core.labels import EMOTIONS
from emotion_core.live.rows import SECOND
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.live.summary import Second, Session
from emotion_core.recording.facts import Notes
from emotion_core.recording.rows import NO_FACE

if TYPE_CHECKING:
    import pyarrow as pa

DIFFER = "differ"
GAP = 1.0  # seconds without a sight of the face that end a stretch
_LAST = 1 / 15  # seconds that the last frame of a stretch is shown


@dataclass(frozen=True)
class Bar:
    """From when to when, in seconds, something was shown: an emotion, ``uncertain``, ``differ``."""

    start: float
    end: float
    what: str


@dataclass(frozen=True)
class Lane:
    """A line of the viewer.

    Attributes:
        title: A model, or ``models differ``.
        bars: In order of time, none over another.
    """

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Told:
    """A recording in numbers, without its excluded parts.

    Attributes:
        seconds: Time per expression, of each model.
        both: Seconds in which both models named an expression; 0 with one model.
        differ: Share of them in which they named two different ones; NaN where ``both`` is 0.
    """

    seconds: tuple[dict[str, float], ...]
    both: float
    differ: float


def faces_of(table: "pa.Table") -> list[tuple[int, float]]:
    """Numbers of the faces with the seconds each was seen, the longest first.

    Args:
        table: Columns as ``rows.columns()``.
    """
    face, time = table["face"].to_numpy(), table["time"].to_numpy()
    found = []
    for number in np.unique(face[face != NO_FACE]).tolist():
        found.append((int(number), float(_durations(time[face == number]).sum())))
    return sorted(found, key=lambda item: -item[1])


def recording_lanes(
    table: "pa.Table", titles: Sequence[str], faces: Collection[int]
) -> tuple[Lane, ...]:
    """A lane per model, and one of where they differ.

    Args:
        table: Columns as ``rows.columns()``, in order of time.
        titles: Of one or two models.
        faces: Whose rows count as one person's.

    Raises:
        RecordingError: the table has an emotion that there is not.
    """
    time, said = _person(table, faces)
    ends = time + _durations(time)
    readings = said[: len(titles)]
    lanes = [
        Lane(title, _bars(zip(time, ends, names, strict=True)))
        for title, names in zip(titles, readings, strict=True)
    ]
    if len(readings) == 2:
        marks = [DIFFER if _differ(*pair) else "" for pair in zip(*readings, strict=True)]
        lanes.append(Lane("models differ", _bars(zip(time, ends, marks, strict=True))))
    return tuple(lanes)


def session_lanes(
    seconds: Sequence[Second], titles: Sequence[str], step: int = 1
) -> tuple[Lane, ...]:
    """The same of a live session, by whole seconds.

    Args:
        seconds: Of one person, in order.
        titles: Of one or two models; of the second one only where it said something.
        step: Seconds that each of them stands for, see ``coarse``.
    """
    first = _bars((s.second, s.second + step, s.emotion) for s in seconds)
    lanes = [Lane(titles[0] if titles else "model", first)]
    if len(titles) > 1 and any(item.other for item in seconds):
        lanes.append(Lane(titles[1], _bars((s.second, s.second + step, s.other) for s in seconds)))
        marks = (
            (s.second, s.second + step, DIFFER if _differ(s.emotion, s.other) else "")
            for s in seconds
        )
        lanes.append(Lane("models differ", _bars(marks)))
    return tuple(lanes)


def coarse(seconds: Sequence[Second], step: int) -> list[Second]:
    """Seconds joined to parts of ``step``: each says what most of its seconds said."""
    if step <= 1:
        return list(seconds)
    found = []
    for part, inside in itertools.groupby(seconds, key=lambda item: item.second // step):
        items = list(inside)
        said, other = (
            Counter(names).most_common(1)[0][0]
            for names in ([item.emotion for item in items], [item.other for item in items])
        )
        found.append(replace(items[0], second=part * step, emotion=said, other=other))
    return found


def lanes_of(session: Session, titles: Sequence[str]) -> tuple[Lane, ...]:
    """Of whichever face was the largest in a session; none where no face was seen."""
    return session_lanes(session.largest, titles) if session.largest else ()


def told(lanes: Sequence[Lane], notes: Notes) -> Told:
    """Lanes in numbers.

    Args:
        lanes: Of ``recording_lanes`` or ``session_lanes``.
        notes: Whose excluded parts count for nothing.
    """
    models = [lane for lane in lanes if lane.title != "models differ"][:2]
    seconds: tuple[dict[str, float], ...] = tuple({} for _ in models)
    for lane, found in zip(models, seconds, strict=True):
        for bar in lane.bars:
            found[bar.what] = found.get(bar.what, 0.0) + _kept(bar, notes)
    both = differ = 0.0
    if len(models) == 2:
        for bar in _common(*(lane.bars for lane in models)):
            if UNCERTAIN not in bar.what.split("|"):
                both += _kept(bar, notes)
        differ = sum(_kept(bar, notes) for bar in lanes[len(models)].bars)
    return Told(seconds, both, differ / both if both else float("nan"))


def _person(table: "pa.Table", faces: Collection[int]) -> tuple[np.ndarray, list[list[str]]]:
    """Times ``(n,)`` at which one of the faces was seen, and what each model said then."""
    face, time = table["face"].to_numpy(), table["time"].to_numpy()
    rows = np.flatnonzero(np.isin(face, list(faces)))
    rows = rows[np.unique(time[rows], return_index=True)[1]]  # one row per moment
    said = []
    for name in ("emotion", f"{SECOND}emotion"):
        names = [item or "" for item in table[name].take(rows).to_pylist()]
        if wrong := set(names) - {*EMOTIONS, UNCERTAIN, ""}:
            raise RecordingError(f"The recording's column {name} has '{min(wrong)}'.")
        said.append(names)
    return time[rows], said


def _durations(time: np.ndarray) -> np.ndarray:
    """Seconds that each frame of a face lasts: to its next one, unless the face is away."""
    steps = np.diff(time, append=np.inf)
    found: np.ndarray = np.where(steps > GAP, _LAST, steps)
    return found


def _bars(items: Iterable[tuple[float, float, str]]) -> tuple[Bar, ...]:
    """Neighbours of the same name joined; those without a name left out."""
    found: list[Bar] = []
    for start, end, what in items:
        if not what:
            continue
        last = found[-1] if found else None
        if last and last.what == what and start - last.end < 1e-6:
            found[-1] = Bar(last.start, float(end), what)
        else:
            found.append(Bar(float(start), float(end), what))
    return tuple(found)


def _differ(first: str, second: str) -> bool:
    """Two expressions were named, and not the same; a model that is uncertain claims nothing."""
    return first != second and UNCERTAIN not in (first, second) and "" not in (first, second)


def _common(first: Sequence[Bar], second: Sequence[Bar]) -> Iterable[Bar]:
    """Where bars of both lanes lie over each other; their names joined by ``|``."""
    i = j = 0
    while i < len(first) and j < len(second):
        start, end = max(first[i].start, second[j].start), min(first[i].end, second[j].end)
        if end > start:
            yield Bar(start, end, f"{first[i].what}|{second[j].what}")
        if first[i].end <= second[j].end:
            i += 1
        else:
            j += 1


def _kept(bar: Bar, notes: Notes) -> float:
    """Seconds of a bar that no excluded part covers."""
    away = sum(
        max(0.0, min(bar.end, part.end) - max(bar.start, part.start)) for part in notes.excluded
    )
    return max(0.0, bar.end - bar.start - away)
