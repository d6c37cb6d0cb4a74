"""The diary as figures."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.personal.differences import Difference
from emotion_core.personal.entries import on_grid
from emotion_core.plots.theme import LEGEND_BELOW, TITLE_SIZE, UNCERTAIN_COLOR, style
from emotion_core.units import number, percent

_IN_ORDER = {"traceorder": "normal"}
_STEPS = 9  # of the affect grid in each direction, as Russell, Weiss & Mendelsohn (1989) drew it


def heat_map(shares: pd.DataFrame, expression: str) -> go.Figure:
    """An expression's share of the time seen, a row per day and a column per hour."""
    days = [f"{day:%a %d %b}" for day in shares.index]
    highest = np.nanmax(shares.to_numpy(np.float64), initial=0.0)
    fig = go.Figure(
        go.Heatmap(
            z=100 * shares.to_numpy(np.float64),
            x=[f"{hour:02d}" for hour in shares.columns],
            y=days,
            colorscale=[[0, "rgba(128,128,128,0.12)"], [1, COLORS[expression]]],
            zmin=0,
            zmax=max(20, 10 * np.ceil(10 * highest)),
            xgap=2,
            ygap=2,
            hoverongaps=False,
            colorbar={"title": {"text": "%"}, "thickness": 12, "len": 0.9},
            hovertemplate="%{y}, %{x} h: %{z:.0f} %<extra></extra>",
        )
    )
    _titled(fig, f"Share of {expression} by day and hour")
    fig.update_xaxes(title_text="hour of the day", showgrid=False, type="category")
    fig.update_yaxes(autorange="reversed", showgrid=False, type="category")
    return style(fig, height=130 + 22 * max(4, len(days)))


def strip(days: pd.DataFrame, title: str, form: str) -> go.Figure:
    """Time per expression of each day, week or month, as stacked bars.

    Args:
        days: Of ``days.by_day``, ``by_week`` or ``by_month``.
        title: Of the figure.
        form: How to write a date, for ``strftime``.
    """
    fig = go.Figure()
    names = [f"{day:{form}}" for day in days.index]
    for emotion in EMOTIONS:
        fig.add_bar(
            name=emotion,
            x=names,
            y=days[emotion] / 60,
            marker={"color": COLORS[emotion], "line": {"width": 0}},
            hovertemplate="%{x}: " + emotion + " %{y:.0f} min<extra></extra>",
        )
    _titled(fig, title)
    fig.update_layout(barmode="stack", bargap=0.25, legend=LEGEND_BELOW | _IN_ORDER)
    fig.update_xaxes(type="category", showgrid=False)
    fig.update_yaxes(title_text="minutes seen")
    return style(fig, height=330)


def time_bars(seconds: pd.Series) -> go.Figure:
    """Minutes per expression, longest on top."""
    shown = seconds[seconds > 0].sort_values()
    total = shown.sum()
    fig = go.Figure(
        go.Bar(
            orientation="h",
            y=list(shown.index),
            x=shown / 60,
            text=[f"{value / 60:.0f} min · {percent(value / total, 0)}" for value in shown],
            textposition="outside",
            cliponaxis=False,
            marker={"color": [COLORS[name] for name in shown.index]},
            hovertemplate="%{y}: %{x:.1f} min<extra></extra>",
        )
    )
    _titled(fig, "Time per expression")
    fig.update_layout(showlegend=False, bargap=0.3)
    # Room for the text beside the longest bar.
    fig.update_xaxes(title_text="minutes", range=[0, 1.3 * max(shown.max() / 60, 1)])
    return style(fig, height=320)


def tag_bars(groups: pd.DataFrame, tag: str) -> go.Figure:
    """Shares of the expressions around check-ins with each value of a tag."""
    shown = groups.iloc[::-1]
    names = [
        f"{name} ({row.seen / 60:.0f} min, {row.days:.0f} day{'s' * int(row.days != 1)})"
        for name, row in shown.iterrows()
    ]
    fig = go.Figure()
    for emotion in EMOTIONS:
        fig.add_bar(
            name=emotion,
            orientation="h",
            y=names,
            x=100 * shown[emotion] / shown["seen"],
            marker={"color": COLORS[emotion], "line": {"width": 0}},
            hovertemplate="%{y}: " + emotion + " %{x:.0f} %<extra></extra>",
        )
    _titled(fig, f"Expressions by {tag}")
    fig.update_layout(barmode="stack", bargap=0.35, legend=LEGEND_BELOW | _IN_ORDER)
    fig.update_xaxes(title_text="% of the time seen", range=[0, 100])
    return style(fig, height=150 + 42 * max(2, len(names)))


def difference_intervals(found: Difference) -> go.Figure:
    """Each expression's difference with its interval around zero, in points."""
    order = list(range(len(EMOTIONS)))[::-1]
    clear = set(found.clear)
    fig = go.Figure(
        go.Scatter(
            x=100 * found.difference[order],
            y=[EMOTIONS[i] for i in order],
            mode="markers",
            marker={
                "size": 11,
                "color": [
                    COLORS[EMOTIONS[i]] if EMOTIONS[i] in clear else UNCERTAIN_COLOR for i in order
                ],
                "line": {"width": 1, "color": "#8A8A8A"},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": 100 * (found.high - found.difference)[order],
                "arrayminus": 100 * (found.difference - found.low)[order],
                "color": "#8A8A8A",
            },
            customdata=[number(100 * value, 1, sign=True) for value in found.difference[order]],
            hovertemplate="%{y}: %{customdata} points<extra></extra>",
        )
    )
    fig.add_vline(x=0, line={"color": "#8A8A8A", "width": 1, "dash": "dash"})
    _titled(fig, "Difference in share of the time seen")
    fig.update_xaxes(title_text="points, with a 95 % interval for all seven together")
    return style(fig, height=330)


def affect_grid(valence: float, arousal: float) -> go.Figure:
    """The affect grid, nine by nine squares to click on, with the chosen one marked.

    Each square's ``customdata`` has its valence, its arousal and both in words.
    """
    values = np.linspace(-1, 1, _STEPS)
    places = [(x, y) for y in values for x in values]
    chosen = [np.hypot(x - valence, y - arousal) < 0.01 for x, y in places]
    fig = go.Figure(
        go.Scatter(
            x=[x for x, _ in places],
            y=[y for _, y in places],
            customdata=[[float(x), float(y), on_grid(x, y)] for x, y in places],
            mode="markers",
            marker={
                "symbol": "square",
                "size": 25,
                "color": ["#0077BB" if hit else "rgba(128,128,128,0.22)" for hit in chosen],
            },
            hovertemplate="%{customdata[2]}<extra></extra>",
        )
    )
    for x, y, text in ((0.0, 1.24, "activated"), (0.0, -1.24, "sleepy")):
        fig.add_annotation(x=x, y=y, text=text, showarrow=False)
    for x, text in ((-1.24, "unpleasant"), (1.24, "pleasant")):
        fig.add_annotation(x=x, y=0, text=text, showarrow=False, textangle=-90 if x < 0 else 90)
    fig.update_layout(showlegend=False)
    fig.update_xaxes(visible=False, range=[-1.36, 1.36], fixedrange=True)
    fig.update_yaxes(visible=False, range=[-1.36, 1.36], fixedrange=True)
    styled = style(fig, height=330)
    styled.update_layout(margin={"l": 0, "r": 0, "t": 4, "b": 4})
    return styled


def stretch_rows(found: pd.DataFrame) -> Sequence[dict[str, object]]:
    """The longest stretches as rows of a table."""
    return [
        {
            "expression": row.expression,
            "minutes": int(row.minutes),
            "from": f"{row.start:%a %d %b, %H:%M}",
        }
        for row in found.itertuples()
    ]


def _titled(fig: go.Figure, title: str) -> None:
    fig.update_layout(title={"text": title, "font": {"size": TITLE_SIZE}})
