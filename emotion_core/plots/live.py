"""A session before the camera as figures."""

from collections.abc import Sequence

import plotly.graph_objects as go

from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.live.session import Stretch, Summary
from emotion_core.live.smooth import UNCERTAIN
from emotion_core.plots.theme import LEGEND_BELOW, UNCERTAIN_COLOR, style


def emotion_color(emotion: str) -> str:
    """CSS colour of an emotion or of ``uncertain``."""
    return COLORS.get(emotion, UNCERTAIN_COLOR)


def session_timeline(stretches: Sequence[Stretch]) -> go.Figure:
    """Who was called what and when: a lane a face, a bar a stretch."""
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
        title={"text": "Who looked how, and when", "font": {"size": 15}},
        legend=LEGEND_BELOW,
    )
    fig.update_xaxes(title_text="seconds since START", rangemode="tozero")
    fig.update_yaxes(
        categoryorder="array",
        categoryarray=[f"face {face}" for face in faces],
        autorange="reversed",
    )
    return style(fig, height=180 + 34 * max(3, len(faces)))


def emotion_seconds(summary: Summary) -> go.Figure:
    """Seconds an emotion, all faces summed; what never occurred is left out."""
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
        title={"text": "Time an emotion", "font": {"size": 15}}, showlegend=False, bargap=0.3
    )
    fig.update_xaxes(title_text="seconds" + (", all faces summed" if summary.faces > 1 else ""))
    return style(fig, height=150 + 34 * max(3, len(shown)))


def session_reading(summary: Summary) -> str:
    """One or two sentences that say what the session's figures show."""
    if not summary.faces:
        return f"No face was seen in {summary.seconds:.0f} seconds."
    watched = {name: value for name, value in summary.emotion_seconds.items() if value > 0}
    people = "1 face" if summary.faces == 1 else f"{summary.faces} faces"
    text = f"{summary.seconds:.0f} seconds, {people}"
    if watched:
        whose = "the" if summary.faces == 1 else "all faces'"
        most = max(watched, key=lambda name: watched[name])
        longest = max(summary.longest, key=lambda name: summary.longest[name])
        text += (
            f"; most often {most} ({watched[most] / sum(watched.values()):.0%} of {whose} time), "
            f"longest without a break {longest} ({summary.longest[longest]:.1f} s)"
        )
    changes = "1 change" if summary.changes == 1 else f"{summary.changes} changes"
    return f"{text}; {changes} of emotion."
