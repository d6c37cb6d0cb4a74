"""Which emotion is classified as which."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from emotion_core import units
from emotion_core.evaluation.results import Result
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.plots.theme import style
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.panel import BETTER, SHADES, Panel, Scale, heatmap
from emotion_core.reporting.words import mistakes


def confusion_panel(result: Result, *, share: bool, scale_max: float) -> Panel:
    """One run's confusion matrix; ``scale_max`` is shared so that colours compare between runs."""
    matrix = np.asarray(result.test.confusion, np.int64)
    z = row_share(matrix) if share else matrix.astype(np.float64)
    text = [[units.percent(v, 0) if share else f"{v:,.0f}" for v in row] for row in z]
    hover = [[units.faces(int(count)) for count in row] for row in matrix]
    fig = _confusion(z, text, hover, SHADES, 0.0, scale_max)
    key = f"confusion-{result.label}"
    return Panel(key, result.label, fig, mistakes(result.test), _matrix_rows(matrix))


def difference_panel(a: Result, b: Result, *, share: bool) -> Panel:
    """Confusion of ``a`` minus that of ``b``; green cells are better for ``a``, red ones worse.

    More faces on the diagonal are better, more elsewhere are worse.
    """
    first, second = (np.asarray(r.test.confusion, np.int64) for r in (a, b))
    z = 100 * (row_share(first) - row_share(second)) if share else (first - second).astype(float)
    better = np.where(np.eye(NUM_CLASSES, dtype=bool), z, -z)
    limit = max(float(np.abs(z).max()), 1.0)
    text = [[units.number(value, 0, sign=abs(value) >= 0.5) for value in row] for row in z]
    unit = "points" if share else "faces"
    hover = [[units.number(value, 1, unit, sign=True) for value in row] for row in z]
    fig = _confusion(better, text, hover, BETTER, -limit, limit)
    gain = row_share(first).diagonal() - row_share(second).diagonal()
    up, down = int(gain.argmax()), int(gain.argmin())
    parts = []
    if gain[up] > 0:
        parts.append(f"{units.points(gain[up])} more of {EMOTIONS[up]}")
    if gain[down] < 0:
        parts.append(f"{units.points(-gain[down])} less of {EMOTIONS[down]}")
    reading = (
        f"{a.label} finds {' and '.join(parts)} than {b.label}. "
        "Green: the first model is better in this cell. Red: it is worse."
        if parts
        else f"{a.label} and {b.label} find equally much of every emotion."
    )
    title = f"{a.label} compared with {b.label}"
    return Panel("confusion-difference", title, fig, reading, _matrix_rows(first - second))


def row_share(matrix: np.ndarray) -> np.ndarray:
    """Rows of counts divided by their sum; an empty row stays 0."""
    total = matrix.sum(axis=1, keepdims=True)
    share: np.ndarray = np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)
    return share


def _confusion(
    z: np.ndarray,
    text: Sequence[Sequence[str]],
    hover: list[list[str]],
    scale: Scale,
    low: float,
    high: float,
) -> go.Figure:
    fig = heatmap(z, text, EMOTIONS, EMOTIONS, scale, low, high)
    fig.update_traces(hoverinfo="skip")
    # A heat map cannot be clicked; one transparent square per cell can.
    cells = [(row, column) for row in range(NUM_CLASSES) for column in range(NUM_CLASSES)]
    fig.add_scatter(
        x=[EMOTIONS[column] for _, column in cells],
        y=[EMOTIONS[row] for row, _ in cells],
        mode="markers",
        marker={"symbol": "square", "size": 34, "color": "rgba(128,128,128,0)"},
        customdata=[[EMOTIONS[row], EMOTIONS[column], hover[row][column]] for row, column in cells],
        hovertemplate="%{customdata[0]} classified as %{customdata[1]}: %{customdata[2]}"
        "<extra></extra>",
        showlegend=False,
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )
    # Fixed, or the squares' size would widen the axes.
    fig.update_xaxes(title="predicted", tickangle=-40, range=[-0.5, NUM_CLASSES - 0.5])
    fig.update_yaxes(title="actual", autorange=False, range=[NUM_CLASSES - 0.5, -0.5])
    style(fig, height=440)
    return fig


def _matrix_rows(matrix: np.ndarray) -> list[TableRow]:
    return [
        {"actual": emotion} | dict(zip(EMOTIONS, map(int, row), strict=True))
        for emotion, row in zip(EMOTIONS, matrix, strict=True)
    ]
