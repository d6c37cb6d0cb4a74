"""What the figures of a comparison share.

Rates are drawn as percentages; run colours are joined by marker shapes and dashes, so that no
figure depends on colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.study import load_study
from emotion_core.labels import EMOTIONS
from emotion_core.plots.theme import LEGEND_BELOW, run_colors, style

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "triangle-down")


_LEGEND_ROW = 19


# Light tones under dark text: the numbers in the cells stay readable on either theme.
SHADES = ((0.0, "#F2F7FC"), (1.0, "#5BA4D9"))


DIVERGING = ((0.0, "#EF8A62"), (0.5, "#F7F7F7"), (1.0, "#67A9CF"))


_CELL_TEXT = "#16202A"


# More points than this cannot be told apart on a screen and only slow it down.
CURVE_POINTS = 250


Scale = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Panel:
    """One figure with what belongs to it.

    Attributes:
        key: Stable name, used for downloads and links.
        title: Heading.
        figure: The plot.
        reading: One sentence computed from the numbers.
        table: The figure's data, a dict a row.
    """

    key: str
    title: str
    figure: go.Figure
    reading: str
    table: list[dict[str, Any]]


def percent(value: float, digits: int = 1) -> str:
    """0.7321 as ``73.2 %``, unbreakable."""
    return f"{100 * value:.{digits}f}\u00a0%"


def is_fer2013(comparison: Comparison) -> bool:
    """Whether the test set has FER-2013's counts, so that the study's figures belong beside it."""
    expected = load_study().counts["test"]
    counts = np.bincount(comparison.labels, minlength=len(EMOTIONS))
    return not comparison.synthetic and list(counts) == [expected[e] for e in EMOTIONS]


def colors_of(comparison: Comparison) -> dict[str, str]:
    return dict(run_colors([result.label for result in comparison.results]))


def symbol(index: int) -> str:
    """A marker shape that meets each colour of the palette once in 64 runs."""
    return _SYMBOLS[(index + index // len(_SYMBOLS)) % len(_SYMBOLS)]


def dash(index: int) -> str:
    """A dash that meets each colour of the palette once in 24 runs, as 6 and 8 do not divide."""
    return ("solid", "dash", "dashdot", "longdash", "longdashdot", "dot")[index % 6]


def heatmap(
    z: Any,
    text: Any,
    x: Sequence[str],
    y: Sequence[str],
    scale: Scale,
    low: float,
    high: float,
) -> go.Figure:
    fig = go.Figure(
        go.Heatmap(
            z=z,
            x=list(x),
            y=list(y),
            text=text,
            texttemplate="%{text}",
            colorscale=[list(stop) for stop in scale],
            textfont={"color": _CELL_TEXT},
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
    """Style a figure and give its legend room: one row an entry, which is what a phone needs.

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


def join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
