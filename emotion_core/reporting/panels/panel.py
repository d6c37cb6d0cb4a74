"""What the figures of a comparison share.

Axes of rates are in per cent, tables hold rates 0..1; run colours are joined by marker shapes and
dashes, so that no figure depends on colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from emotion_core.evaluation.results import Result
from emotion_core.plots.theme import LEGEND_BELOW, run_colors, style
from emotion_core.reporting.columns import TableRow

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "triangle-down")
_LEGEND_ROW = 19
# Light tones under dark text: the numbers in the cells stay readable on either theme.
SHADES = ((0.0, "#F2F7FC"), (1.0, "#5BA4D9"))
# Worse, equal, better; apart for colour-blind people too.
BETTER = ((0.0, "#EF8A62"), (0.5, "#F7F7F7"), (1.0, "#66C2A5"))
CELL_TEXT = "#16202A"
# More points than this cannot be told apart on a screen and only slow it down.
CURVE_POINTS = 250
GRAY = "#8A8A8A"

Scale = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Panel:
    """One figure with what belongs to it.

    Attributes:
        key: Stable name, used for downloads and links.
        title: Heading.
        figure: The plot.
        reading: One sentence computed from the numbers.
        table: The figure's data, one mapping per row.
    """

    key: str
    title: str
    figure: go.Figure
    reading: str
    table: list[TableRow]


def colors_of(results: Sequence[Result]) -> dict[str, str]:
    """Each run's colour by label."""
    colors = run_colors([result.id for result in results])
    return {result.label: colors[result.id] for result in results}


def symbol(index: int) -> str:
    """A marker shape that meets each colour of the palette once in 64 runs."""
    return _SYMBOLS[(index + index // len(_SYMBOLS)) % len(_SYMBOLS)]


def dash(index: int) -> str:
    """A dash that meets each colour of the palette once in 24 runs, as 6 and 8 do not divide."""
    return ("solid", "dash", "dashdot", "longdash", "longdashdot", "dot")[index % 6]


def percents(shares: Sequence[float] | np.ndarray) -> list[float]:
    """Shares 0..1 as the numbers of an axis in per cent."""
    return [100 * float(share) for share in shares]


def heatmap(
    z: np.ndarray,
    text: Sequence[Sequence[str]] | np.ndarray,
    x: Sequence[str],
    y: Sequence[str],
    scale: Scale,
    low: float,
    high: float,
) -> go.Figure:
    """A grid of coloured cells with a text in each, the first row at the top."""
    fig = go.Figure(
        go.Heatmap(
            z=z,
            x=list(x),
            y=list(y),
            text=text,
            texttemplate="%{text}",
            colorscale=[list(stop) for stop in scale],
            textfont={"color": CELL_TEXT},
            showscale=False,
            zmin=low,
            zmax=high,
            xgap=2,
            ygap=2,
        )
    )
    rows = list(range(len(y)))
    fig.update_yaxes(autorange="reversed", showgrid=False, tickvals=rows, ticktext=wrapped(y))
    fig.update_xaxes(showgrid=False, dtick=1, tickangle=-35 if len(x) <= 5 else -90)
    return fig


def style_with_legend(fig: go.Figure, height: int, *, above: bool = False) -> None:
    """Style a figure and give its legend room: one row per entry, which is what a phone needs.

    Args:
        fig: The figure, complete.
        height: Pixels without the legend.
        above: Put it over the plot, below the toolbar, instead of at the foot.
    """
    height += _LEGEND_ROW * sum(trace.showlegend is not False for trace in fig.data)
    look = {"maxheight": height, "itemsizing": "constant", "tracegroupgap": 0}
    fig.update_layout(legend=LEGEND_BELOW | look)
    if above:
        fig.update_layout(legend={"y": 1 - 26 / height, "yanchor": "top"})
    style(fig, height=height)


def wrapped(labels: Sequence[str]) -> list[str]:
    """Run labels on two lines: the model, and below it what else tells it apart."""
    return [label.replace(" (", "<br>(", 1) for label in labels]
