"""Which emotion is taken for which."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from emotion_core.evaluation.compare import Result
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.plots.theme import style
from emotion_core.reporting.panels.panel import DIVERGING, SHADES, Panel, Scale, heatmap


def confusion_panel(result: Result, *, share: bool, scale_max: float) -> Panel:
    """One run's confusion matrix; ``scale_max`` is shared so that colours compare between runs."""
    matrix = np.asarray(result.test.confusion, np.int64)
    z = row_share(matrix) if share else matrix.astype(np.float64)
    text = [[f"{value:.0%}" if share else f"{value:,.0f}" for value in row] for row in z]
    hover = [[f"{count:,} faces" for count in row] for row in matrix]
    fig = _confusion(z, text, hover, SHADES, 0.0, scale_max)
    mistaken = row_share(matrix)
    np.fill_diagonal(mistaken, 0.0)
    row, column = np.unravel_index(int(mistaken.argmax()), mistaken.shape)
    if not mistaken.any():
        reading = f"{result.label} makes no mistake on this test set."
    else:
        reading = (
            f"{result.label} most often takes {EMOTIONS[row]} for {EMOTIONS[column]}: "
            f"{matrix[row, column]:,} of {matrix[row].sum():,} faces."
        )
    return Panel(f"confusion-{result.label}", result.label, fig, reading, _matrix_rows(matrix))


def difference_panel(a: Result, b: Result, *, share: bool) -> Panel:
    """Confusion of ``a`` minus that of ``b``; on the diagonal blue is better, off it worse."""
    first, second = (np.asarray(r.test.confusion, np.int64) for r in (a, b))
    z = 100 * (row_share(first) - row_share(second)) if share else (first - second).astype(float)
    limit = max(float(np.abs(z).max()), 1.0)
    text = [[f"{value:+.0f}" if abs(value) >= 0.5 else "0" for value in row] for row in z]
    unit = "points" if share else "faces"
    hover = [[f"{value:+.1f} {unit}" for value in row] for row in z]
    fig = _confusion(z, text, hover, DIVERGING, -limit, limit)
    gain = row_share(first).diagonal() - row_share(second).diagonal()
    up, down = int(gain.argmax()), int(gain.argmin())
    parts = []
    if gain[up] > 0:
        parts.append(f"{100 * gain[up]:.1f} points more of {EMOTIONS[up]}")
    if gain[down] < 0:
        parts.append(f"{-100 * gain[down]:.1f} points less of {EMOTIONS[down]}")
    found = " and ".join(parts)
    reading = (
        f"{a.label} finds {found} than {b.label}."
        if found
        else f"{a.label} and {b.label} find equally much of every emotion."
    )
    title = f"{a.label} minus {b.label}"
    return Panel("confusion-difference", title, fig, reading, _matrix_rows(first - second))


def row_share(matrix: np.ndarray) -> np.ndarray:
    """Rows of counts divided by their sum; an empty row stays 0."""
    total = matrix.sum(axis=1, keepdims=True)
    share: np.ndarray = np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)
    return share


def _confusion(
    z: np.ndarray, text: Any, hover: list[list[str]], scale: Scale, low: float, high: float
) -> go.Figure:
    fig = heatmap(z, text, EMOTIONS, EMOTIONS, scale, low, high)
    fig.update_traces(hoverinfo="skip")
    # A heat map cannot be clicked; one transparent square a cell can.
    cells = [(row, column) for row in range(NUM_CLASSES) for column in range(NUM_CLASSES)]
    fig.add_scatter(
        x=[EMOTIONS[column] for _, column in cells],
        y=[EMOTIONS[row] for row, _ in cells],
        mode="markers",
        marker={"symbol": "square", "size": 34, "color": "rgba(128,128,128,0)"},
        customdata=[[EMOTIONS[row], EMOTIONS[column], hover[row][column]] for row, column in cells],
        hovertemplate="%{customdata[0]} taken for %{customdata[1]}: %{customdata[2]}<extra></extra>",
        showlegend=False,
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )
    # Fixed, or the squares' size would widen the axes.
    fig.update_xaxes(title="predicted", tickangle=-40, range=[-0.5, NUM_CLASSES - 0.5])
    fig.update_yaxes(title="actual", autorange=False, range=[NUM_CLASSES - 0.5, -0.5])
    style(fig, height=440)
    return fig


def _matrix_rows(matrix: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"actual": emotion} | dict(zip(EMOTIONS, map(int, row), strict=True))
        for emotion, row in zip(EMOTIONS, matrix, strict=True)
    ]
