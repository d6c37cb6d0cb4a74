"""A video's or recording's expressions over time: who, when, how sure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from emotion_core import units
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.plots.theme import LEGEND_BELOW, UNCERTAIN_COLOR, style

Rows = Sequence[Mapping[str, Any]]


def timeline(rows: Rows, *, step: float) -> go.Figure:
    """Every face of a video as a band over time, coloured by its emotion.

    Args:
        rows: As ``live.videos.VideoResult.rows``.
        step: Seconds between two looked-at frames; a longer gap leaves the band open.
    """
    fig = go.Figure()
    spans = emotion_spans(rows, step=step)
    for emotion, color in (COLORS | {UNCERTAIN: UNCERTAIN_COLOR}).items():
        own = [span for span in spans if span.emotion == emotion]
        if not own:
            continue
        fig.add_bar(
            orientation="h",
            base=[span.start for span in own],
            x=[span.end - span.start for span in own],
            y=[f"face {span.face}" for span in own],
            name=emotion,
            marker={"color": color, "line": {"width": 0}},
            text=[emotion] * len(own),
            textposition="inside",
            insidetextanchor="middle",
            constraintext="inside",
            customdata=[[span.start, span.end, 100 * span.confidence] for span in own],
            hovertemplate="%{y}: " + emotion + ", %{customdata[0]:.1f} to %{customdata[1]:.1f} s, "
            "confidence %{customdata[2]:.0f} %<extra></extra>",
        )
    names = [f"face {number}" for number in sorted({row["face"] for row in rows})]
    fig.update_layout(
        barmode="overlay",
        xaxis={"title": "seconds"},
        yaxis={"categoryorder": "array", "categoryarray": names[::-1], "type": "category"},
        legend=LEGEND_BELOW,
        bargap=0.25,
    )
    return style(fig, height=180 + 36 * len(names))


@dataclass
class Span:
    """A stretch in which a face keeps its emotion; times in seconds."""

    face: int
    emotion: str
    start: float
    end: float
    confidences: list[float]

    @property
    def confidence(self) -> float:
        """The mean over its frames."""
        return sum(self.confidences) / len(self.confidences)


def emotion_spans(rows: Rows, *, step: float) -> list[Span]:
    """The stretches of every face, in the order in which they begin.

    Args:
        rows: As ``live.videos.VideoResult.rows``.
        step: Seconds between two looked-at frames; a longer gap ends a stretch.
    """
    spans: list[Span] = []
    last: dict[int, Span] = {}
    for row in rows:
        span = last.get(row["face"])
        if span and row["time"] - span.end > 0.6 * step:
            span = None
        if span and span.emotion == row["emotion"]:
            span.end = row["time"] + step
            span.confidences.append(row["confidence"])
        else:
            start = span.end if span else row["time"]
            made = Span(row["face"], row["emotion"], start, row["time"] + step, [row["confidence"]])
            last[row["face"]] = made
            spans.append(made)
    return spans


def track_probabilities(rows: Rows, face: int) -> go.Figure:
    """One face's seven probabilities over time.

    Args:
        rows: As ``live.videos.VideoResult.rows``.
        face: Number of its track.
    """
    own = [row for row in rows if row["face"] == face]
    dashes = ("solid", "dot", "dash", "longdash", "dashdot", "longdashdot", "5px,2px")
    fig = go.Figure()
    for (emotion, color), dash in zip(COLORS.items(), dashes, strict=True):
        fig.add_scatter(
            x=[row["time"] for row in own],
            y=[100 * row[emotion] for row in own],
            name=emotion,
            mode="lines",
            line={"color": color, "dash": dash, "width": 2},
            hovertemplate=emotion + " %{y:.0f} % at %{x:.1f} s<extra></extra>",
        )
    fig.update_layout(
        xaxis={"title": "seconds"},
        yaxis={"title": "probability", "range": [0, 100], "ticksuffix": " %"},
        legend=LEGEND_BELOW,
    )
    return style(fig, height=320)


def timeline_reading(rows: Rows, *, step: float) -> str:
    """One sentence: how many faces, and what the longest-seen one showed most."""
    if not rows:
        return "No face was found."
    faces = [row["face"] for row in rows]
    longest = max(set(faces), key=faces.count)
    own = [row["emotion"] for row in rows if row["face"] == longest]
    most = max((*EMOTIONS, UNCERTAIN), key=own.count)
    count, share = len(set(faces)), own.count(most) / len(own)
    seen = f"{most} {units.percent(share, 0)} of its {units.number(len(own) * step, 1, 's')}"
    if count == 1:
        return f"1 face: {seen}."
    return f"{count} faces. Face {longest} was seen longest: {seen}."
