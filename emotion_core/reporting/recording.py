"""A recording, or a live session, as one HTML file that needs nothing else; and a recording as CSV."""

import base64
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import jinja2

from emotion_core import units
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.live.summary import Session
from emotion_core.plots.live import session_reading
from emotion_core.plots.theme import UNCERTAIN_COLOR
from emotion_core.recording.facts import Mark, Notes
from emotion_core.recording.lanes import Lane, Told, lanes_of, told
from emotion_core.recording.store import Recording
from emotion_core.text import csv_text

if TYPE_CHECKING:
    import pyarrow as pa

HERE = Path(__file__).parent
LANES_JS, LANES_CSS = HERE / "lanes.js", HERE / "lanes.css"
USE = (
    "Models estimate expressions, not feelings. Show this file only with the consent of everybody "
    "who can be seen in it."
)
_CSV_ROWS = 4096


class ViewerData(TypedDict):
    """What ``lanes.js`` draws."""

    seconds: float
    lanes: list[dict[str, object]]
    marks: list[tuple[float, str]]
    excluded: list[tuple[float, float]]
    colors: dict[str, str]
    editable: bool


@dataclass(frozen=True)
class _Table:
    titles: tuple[str, ...]
    rows: list[list[str]]


def viewer_data(
    lanes: Sequence[Lane], notes: Notes, seconds: float, *, editable: bool = False
) -> ViewerData:
    """What ``lanes.js`` draws.

    Args:
        lanes: From top to bottom.
        notes: Marks and excluded parts.
        seconds: Of the film or session.
        editable: Offer to mark and to leave out.
    """
    return {
        "seconds": round(seconds, 3),
        "lanes": [
            {
                "title": lane.title,
                "bars": [[round(bar.start, 3), round(bar.end, 3), bar.what] for bar in lane.bars],
            }
            for lane in lanes
        ],
        "marks": [(mark.time, mark.note) for mark in notes.marks],
        "excluded": [(part.start, part.end) for part in notes.excluded],
        "colors": COLORS | {UNCERTAIN: UNCERTAIN_COLOR},
        "editable": editable,
    }


def recording_reading(found: Told, titles: Sequence[str]) -> str:
    """One or two sentences: what was shown longest, and how often two models agree."""
    parts = []
    for title, seconds in zip(titles, found.seconds, strict=False):
        if seconds and sum(seconds.values()):
            most = max(seconds, key=lambda name: seconds[name])
            share = units.percent(seconds[most] / sum(seconds.values()), 0)
            parts.append(f"{title}: {most} for {share} of the time")
    if not parts:
        return "No face was seen."
    return " ".join(filter(None, ("; ".join(parts) + ".", agreement_reading(found))))


def agreement_reading(found: Told) -> str:
    """How often two models differ, in one sentence; empty with one model."""
    if not found.both:
        return ""
    return (
        f"Both models name an expression in {units.number(found.both, 1)} s, and they agree in "
        f"{units.percent(1 - found.differ, 0)} of that time."
    )


def recording_html(
    recording: Recording, lanes: Sequence[Lane], notes: Notes, titles: Sequence[str]
) -> str:
    """One HTML document with the film, its lanes and figures.

    Args:
        recording: Whose film it is.
        lanes: Of ``recording_lanes``.
        notes: Marks and excluded parts.
        titles: Of the models.

    Raises:
        OSError: the film cannot be read.
    """
    facts, found = recording.facts, told(lanes, notes)
    return _document(
        title=f"Recording {recording.name}",
        about=f"{facts.started.replace('T', ' ')}, {facts.seconds:.1f} s, {facts.source}, "
        f"{facts.frames:,} frames. Models: {', '.join(titles)}.",
        reading=recording_reading(found, titles),
        data=viewer_data(lanes, notes, facts.seconds),
        table=_seconds_table(found, titles),
        notes=notes,
        video=base64.b64encode(recording.video.read_bytes()).decode(),
    )


def session_html(session: Session, titles: Sequence[str]) -> str:
    """One HTML document with a live session's lanes and figures; it has no picture."""
    notes = Notes(tuple(Mark(item.time, item.note) for item in session.marks))
    lanes = lanes_of(session, titles)
    found = told(lanes, notes)
    return _document(
        title="Live session",
        about=f"Models: {', '.join(titles)}. Lanes are of the largest face, by whole seconds.",
        reading=" ".join(
            filter(None, (session_reading(session.summary), agreement_reading(found)))
        ),
        data=viewer_data(lanes, notes, session.summary.seconds),
        table=_seconds_table(found, titles),
        notes=notes,
        video="",
    )


def csv_parts(table: "pa.Table", notes: Notes, faces: Collection[int] = ()) -> Iterator[str]:
    """A recording's rows as CSV, some thousand at a time; ``excluded`` is 1 in excluded parts.

    Args:
        table: Columns as ``rows.columns()``.
        notes: Whose excluded parts are meant.
        faces: Only these; empty for all.
    """
    names = ("time", "excluded", *(name for name in table.column_names if name != "time"))
    first = True
    for batch in table.to_batches(max_chunksize=_CSV_ROWS):
        rows = [
            {**row, "excluded": int(notes.leaves_out(row["time"]))}
            for row in batch.to_pylist()
            if not faces or row["face"] in faces
        ]
        text = csv_text([_short(row) for row in rows], names)
        yield text if first else text.partition("\n")[2]
        first = False


def _short(row: dict[str, object]) -> dict[str, object]:
    """32-bit numbers without the digits that they do not have."""
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}


def _seconds_table(found: Told, titles: Sequence[str]) -> _Table | None:
    if not found.seconds:
        return None
    rows = [
        [name, *(units.number(seconds.get(name, 0.0), 1, "s") for seconds in found.seconds)]
        for name in (*EMOTIONS, UNCERTAIN)
        if any(seconds.get(name) for seconds in found.seconds)
    ]
    return _Table(tuple(titles[: len(found.seconds)]), rows)


def _document(
    *,
    title: str,
    about: str,
    reading: str,
    data: ViewerData,
    table: _Table | None,
    notes: Notes,
    video: str,
) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    # Inside a script element only "</" and "<!--" would mean something.
    inside = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    return environment.get_template("recording.html").render(
        title=title,
        about=about,
        reading=reading,
        data=inside,
        table=table,
        marks=[(f"{mark.time:.1f} s", mark.note) for mark in notes.marks],
        use=USE,
        video=video,
        css=LANES_CSS.read_text(encoding="utf-8"),
        js=LANES_JS.read_text(encoding="utf-8"),
    )
