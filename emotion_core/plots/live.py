"""A session before the camera as figures."""

from collections.abc import Sequence

import plotly.graph_objects as go

from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.live.summary import Stretch, Summary
from emotion_core.plots.theme import LEGEND_BELOW, TITLE_SIZE, UNCERTAIN_COLOR, style
from emotion_core.units import percent


def emotion_color(emotion: str) -> str:
    """CSS colour of an emotion or of ``uncertain``."""
    return COLORS.get(emotion, UNCERTAIN_COLOR)


def session_timeline(stretches: Sequence[Stretch]) -> go.Figure:
    """Which face showed what and when: a lane per face, a bar per stretch."""
    faces = sorted({item.face for item in stretches})
    fig = go.Figure()
    for emotion in (*EMOTIONS, UNCERTAIN):
        own = [item for item in stretches if item.emotion == emotion]
        if not own:
            continue
        fig.add_bar(
            name=emotion,
            orientation="h",
            y=[f"face {item.face}" for item in own],
            base=[item.start for item in own],
            x=[item.seconds for item in own],
            marker={"color": emotion_color(emotion), "line": {"width": 0}},
            hovertemplate="%{y}: " + emotion + " for %{x} s from %{base} s<extra></extra>",
        )
    fig.update_layout(
        barmode="overlay",
        bargap=0.35,
        title={"text": "Expressions over time", "font": {"size": TITLE_SIZE}},
        legend=LEGEND_BELOW,
    )
    fig.update_xaxes(title_text="seconds since Start", rangemode="tozero")
    fig.update_yaxes(
        categoryorder="array",
        categoryarray=[f"face {face}" for face in faces],
        autorange="reversed",
    )
    return style(fig, height=180 + 34 * max(3, len(faces)))


def emotion_seconds(summary: Summary) -> go.Figure:
    """Seconds per expression, all faces summed; what never occurred is left out."""
    shown = [(name, value) for name, value in summary.emotion_seconds.items() if value > 0]
    shown.sort(key=lambda item: item[1])
    fig = go.Figure(
        go.Bar(
            orientation="h",
            y=[name for name, _ in shown],
            x=[value for _, value in shown],
            text=[f"{value:.0f} s" for _, value in shown],
            textposition="auto",
            marker={"color": [emotion_color(name) for name, _ in shown]},
            hovertemplate="%{y}: %{x:.1f} s<extra></extra>",
        )
    )
    fig.update_layout(
        title={"text": "Time per expression", "font": {"size": TITLE_SIZE}},
        showlegend=False,
        bargap=0.3,
    )
    fig.update_xaxes(title_text="seconds" + (", all faces summed" if summary.faces > 1 else ""))
    return style(fig, height=150 + 34 * max(3, len(shown)))


def session_reading(summary: Summary) -> str:
    """One sentence that says what the session's figures show."""
    length = _length(summary.seconds)
    if not summary.faces:
        return f"Session of {length}: no face was seen."
    people = "" if summary.faces == 1 else f", {summary.faces} faces"
    parts = []
    watched = {name: value for name, value in summary.emotion_seconds.items() if value > 0}
    if watched:
        most = max(watched, key=lambda name: watched[name])
        longest = max(summary.longest, key=lambda name: summary.longest[name])
        whole = "the" if summary.faces == 1 else "all faces'"
        whose = "" if longest == most else f" ({longest})"
        share = percent(watched[most] / sum(watched.values()), 0)
        parts = [
            f"{most} {share} of {whole} time",
            f"longest stretch {_length(summary.longest[longest])}{whose}",
        ]
    changes = {0: "no change", 1: "1 change"}.get(summary.changes, f"{summary.changes} changes")
    return f"Session of {length}{people}: {', '.join([*parts, f'{changes} of expression'])}."


def _length(seconds: float) -> str:
    """158.2 as ``2 min 38 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
