"""Which emotion is classified as which."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_core import units
from emotion_core.evaluation.results import Result
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.plots.theme import FONT_SIZE, style
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.panel import BETTER, CELL_TEXT, SHADES, Panel, Scale, heatmap
from emotion_core.reporting.words import mistakes
from emotion_core.runs.scores import Scores

# Errors have a scale of their own, or 2 % and 23 % would look alike beside 89 %.
_ERRORS: Scale = ((0.0, "#FFFAF5"), (0.25, "#FDD9B5"), (1.0, "#EE7F2D"))
_LEAST_SCALE = 0.25  # share of errors that has the full colour, or more where there is more
_MOST_IN_ROW, _LEAST_IN_ROW = 5, 3
_MATRIX_HEIGHT, _TITLE_HEIGHT, _NAMES_HEIGHT = 216, 44, 72  # pixels
_HIT = 24  # pixels of the square that a click on a cell meets


@dataclass(frozen=True)
class Cell:
    """One cell of one run's matrix: the run's name, the actual and the predicted emotion."""

    run: str
    actual: str
    predicted: str


def top_confusions(scores: Scores, count: int = 5) -> list[tuple[str, str, int]]:
    """The most frequent mistakes: actual emotion, predicted one, faces; fewer where there are fewer."""
    wrong = np.asarray(scores.confusion, np.int64)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    cells = [divmod(int(place), NUM_CLASSES) for place in order]
    return [(EMOTIONS[a], EMOTIONS[b], int(wrong[a, b])) for a, b in cells if wrong[a, b]]


def matrices_panel(results: Sequence[Result], *, share: bool, marked: Cell | None = None) -> Panel:
    """The confusion matrices of runs on one scale, three to five in a row.

    Args:
        results: Of the runs, best first.
        share: Whether cells show the share of their row in %, or counts.
        marked: A cell to mark: strongly in its run's matrix, weakly in the others.
    """
    rows, columns = grid(len(results))
    titles = [f"<b>{r.label}</b><br>{units.percent(r.test.accuracy)}" for r in results]
    plot = rows * (_MATRIX_HEIGHT + _NAMES_HEIGHT) + (rows - 1) * _TITLE_HEIGHT
    fig = make_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes=True,
        subplot_titles=titles,
        horizontal_spacing=0.012,
        vertical_spacing=(_NAMES_HEIGHT + _TITLE_HEIGHT) / plot if rows > 1 else 0,
    )
    values = [_values(result, share) for result in results]
    errors = [z[~np.eye(NUM_CLASSES, dtype=bool)].max() for z in values]
    tops = (
        (1.0, max(_LEAST_SCALE, *errors)) if share else (max(z.max() for z in values), max(errors))
    )
    for index, (result, z) in enumerate(zip(results, values, strict=True)):
        place = {"row": index // columns + 1, "col": index % columns + 1}
        for trace in _traces(result, z, tops, share):
            fig.add_trace(trace, **place)
        if marked:
            _mark(fig, marked, strong=marked.run == result.name, place=place)
    fig.update_annotations(font={"size": FONT_SIZE}, yanchor="bottom")
    fig.update_xaxes(showgrid=False, tickangle=-90, range=[-0.5, NUM_CLASSES - 0.5], ticks="")
    fig.update_yaxes(showgrid=False, autorange=False, range=[NUM_CLASSES - 0.5, -0.5], ticks="")
    style(fig, height=plot + _TITLE_HEIGHT)
    fig.update_layout(margin={"t": _TITLE_HEIGHT}, showlegend=False)
    unit = "% of each row" if share else "faces"
    title = "Confusion matrix" if len(results) == 1 else "Confusion matrices, best model first"
    best = "" if len(results) == 1 else f"{results[0].label}: "
    reading = f"{best}{mistakes(results[0].test)} Rows are actual, columns predicted; in {unit}."
    table = [row for result in results for row in _matrix_rows(result)]
    return Panel("confusion", title, fig, reading, table)


def grid(count: int) -> tuple[int, int]:
    """Rows and columns of so many matrices: three to five in a row, rows as full as they can be."""
    rows = math.ceil(count / _MOST_IN_ROW)
    return rows, max(_LEAST_IN_ROW, math.ceil(count / rows))


def _values(result: Result, share: bool) -> np.ndarray:
    matrix = np.asarray(result.test.confusion, np.int64)
    return row_share(matrix) if share else matrix.astype(np.float64)


def _traces(
    result: Result, z: np.ndarray, tops: tuple[float, float], share: bool
) -> list[go.Heatmap | go.Scatter]:
    """Correct cells, wrong cells, and a transparent square on each, since a heat map cannot be
    clicked."""
    shown = [[_number(value, share) for value in row] for row in z]
    correct = np.eye(NUM_CLASSES, dtype=bool)
    traces = [
        heatmap(np.where(kind, z, np.nan), shown, EMOTIONS, EMOTIONS, scale, 0.0, top).data[0]
        for kind, scale, top in zip((correct, ~correct), (SHADES, _ERRORS), tops, strict=True)
    ]
    for trace in traces:
        trace.update(hoverinfo="skip", xgap=1, ygap=1)
    counts = np.asarray(result.test.confusion, np.int64)
    shares = row_share(counts)
    cells = [(row, column) for row in range(NUM_CLASSES) for column in range(NUM_CLASSES)]
    squares = go.Scatter(
        x=[EMOTIONS[column] for _, column in cells],
        y=[EMOTIONS[row] for row, _ in cells],
        mode="markers",
        marker={"symbol": "square", "size": _HIT, "color": "rgba(128,128,128,0)"},
        customdata=[
            [
                *(result.name, EMOTIONS[row], EMOTIONS[column]),
                f"{units.faces(int(counts[row, column]))}, {units.percent(shares[row, column])}",
            ]
            for row, column in cells
        ],
        hovertemplate=f"{result.label}<br>%{{y}} classified as %{{x}}: %{{customdata[3]}}"
        "<extra></extra>",
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )
    return [*traces, squares]


def _number(value: float, share: bool) -> str:
    """A cell's text; nothing stands in an empty one, so that the others are found."""
    text = units.number(100 * value if share else value, 0)
    return "" if text == "0" else text


def _mark(fig: go.Figure, cell: Cell, *, strong: bool, place: dict[str, int]) -> None:
    x, y = EMOTIONS.index(cell.predicted), EMOTIONS.index(cell.actual)
    fig.add_shape(
        type="rect",
        **{"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5},
        line={"color": CELL_TEXT, "width": 3}
        if strong
        else {"color": CELL_TEXT, "width": 1.5} | {"dash": "dot"},
        **place,
    )


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
    fig = heatmap(better, text, EMOTIONS, EMOTIONS, BETTER, -limit, limit)
    fig.update_traces(
        customdata=hover, hovertemplate="%{y} classified as %{x}: %{customdata}<extra></extra>"
    )
    fig.update_xaxes(title="predicted", tickangle=-40)
    fig.update_yaxes(title="actual")
    style(fig, height=420)
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
    table: list[TableRow] = [
        {"actual": emotion} | dict(zip(EMOTIONS, map(int, row), strict=True))
        for emotion, row in zip(EMOTIONS, first - second, strict=True)
    ]
    return Panel("confusion-difference", title, fig, reading, table)


def row_share(matrix: np.ndarray) -> np.ndarray:
    """Rows of counts divided by their sum; an empty row stays 0."""
    total = matrix.sum(axis=1, keepdims=True)
    share: np.ndarray = np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)
    return share


def _matrix_rows(result: Result) -> list[TableRow]:
    matrix = np.asarray(result.test.confusion, np.int64)
    return [
        {"run": result.name, "actual": emotion} | dict(zip(EMOTIONS, map(int, row), strict=True))
        for emotion, row in zip(EMOTIONS, matrix, strict=True)
    ]
