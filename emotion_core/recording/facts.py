"""What a recording says about itself, and what its owner has marked in it."""

from dataclasses import dataclass
from typing import Annotated

from emotion_core.records import Amount, Count, Record, Rule

FACTS, NOTES = "recording.json", "notes.json"
VIDEO, LINES, ROWS, LOCK = "video.webm", "rows.jsonl", "rows.parquet", "recording.lock"
MAX_NOTE = 200  # characters


@dataclass(frozen=True)
class Facts(Record):
    """The file ``recording.json``.

    Attributes:
        started: Local time as ISO 8601.
        models: Names of the runs that read the faces, one or two.
        titles: What the page called them.
        source: ``camera``, ``video`` or ``drawn faces``.
        width, height: Of the video in pixels.
        frames: In the video, each with its rows.
        seconds: From the first frame to the last.
        whole: False while it is being made; a crash leaves it so.
        cut: A crash ended it; what came up to about a second before is there.
    """

    started: str
    models: tuple[str, ...]
    titles: tuple[str, ...]
    source: str
    width: Count = 0
    height: Count = 0
    frames: Count = 0
    seconds: Amount = 0.0
    whole: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Mark(Record):
    """A moment that a person marked.

    Attributes:
        time: Seconds from the start.
        note: What they wrote; may be empty.
    """

    time: Amount
    note: Annotated[str, Rule(f"at most {MAX_NOTE} characters", lambda v: len(v) <= MAX_NOTE)] = ""


@dataclass(frozen=True)
class Span(Record):
    """A part of the time, in seconds from the start."""

    start: Amount
    end: Amount


@dataclass(frozen=True)
class Notes(Record):
    """The file ``notes.json``.

    Attributes:
        marks: In order of time.
        excluded: Parts that count for nothing, in order of time, none touching another.
    """

    marks: tuple[Mark, ...] = ()
    excluded: tuple[Span, ...] = ()

    def with_mark(self, mark: Mark) -> "Notes":
        """With one more mark."""
        marks = sorted((*self.marks, mark), key=lambda item: item.time)
        return Notes(tuple(marks), self.excluded)

    def with_excluded(self, span: Span) -> "Notes":
        """With one more part left out, joined with those that it touches."""
        start, end = min(span.start, span.end), max(span.start, span.end)
        kept = []
        for item in self.excluded:
            if item.end < start or item.start > end:
                kept.append(item)
            else:
                start, end = min(start, item.start), max(end, item.end)
        spans = sorted([*kept, Span(start, end)], key=lambda item: item.start)
        return Notes(self.marks, tuple(spans))

    def leaves_out(self, time: float) -> bool:
        """Whether a time lies in an excluded part."""
        return any(item.start <= time <= item.end for item in self.excluded)
