"""How good each run is on each emotion."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_core import units
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.metrics import one_vs_rest, wilson_interval
from emotion_core.evaluation.results import Result
from emotion_core.evaluation.scores import interval
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.panel import (
    CURVE_POINTS,
    GRAY,
    Panel,
    colors_of,
    dash,
    percents,
    style_with_legend,
)


def per_emotion_panel(comparison: Comparison, metric: str = "f1") -> Panel:
    """Precision, recall or F1 of each emotion with 95 % intervals, support beside it."""
    fig = make_subplots(
        rows=1, cols=2, shared_yaxes=True, column_widths=[0.78, 0.22], horizontal_spacing=0.08
    )
    colors = colors_of(comparison.results)
    table: list[TableRow] = []
    support = np.bincount(comparison.labels, minlength=len(EMOTIONS))
    for index, result in enumerate(comparison.results):
        values = [
            v if n else math.nan
            for v, n in zip(_emotion_values(result, metric), support, strict=True)
        ]
        bounds = _metric_intervals(comparison, index, metric)
        fig.add_bar(
            y=list(EMOTIONS),
            x=values,
            orientation="h",
            name=result.label,
            # Runs of one colour differ in their hatching.
            marker={"color": colors[result.label], "pattern": {"shape": "/x."[: index // 8][-1:]}},
            error_x={
                "array": [high - v for v, (_, high) in zip(values, bounds, strict=True)],
                "arrayminus": [v - low for v, (low, _) in zip(values, bounds, strict=True)],
                "thickness": 1,
                "width": 3,
                "color": GRAY,
            },
            hovertemplate=f"{result.label}, %{{y}}: %{{x:.3f}}<extra></extra>",
        )
        for emotion, value, (low, high) in zip(EMOTIONS, values, bounds, strict=True):
            faces = result.test.per_emotion[emotion].support
            figures = (value, low, high) if faces else (None, None, None)
            table.append(
                {
                    "run": result.name,
                    "emotion": emotion,
                    **dict(zip((metric, "low", "high"), figures, strict=True)),
                    "support": faces,
                }
            )
    _add_support(fig, support)
    name = "F1" if metric == "f1" else metric
    title = f"{name}, 95 % interval"
    fig.update_xaxes(tickvals=[0, 0.5, 1], range=[0, 1], title=title, row=1, col=1)
    fig.update_yaxes(autorange="reversed")
    height = 150 + len(EMOTIONS) * max(34, 15 * len(comparison.results))
    style_with_legend(fig, height, above=True)
    reading = _hardest(comparison.results, metric, name, support)
    title = f"{name[0].upper()}{name[1:]} of each emotion"
    return Panel(f"per-emotion-{metric}", title, fig, reading, table)


def _emotion_values(result: Result, metric: str) -> list[float]:
    return [float(getattr(scores, metric)) for scores in result.test.per_emotion.values()]


def _add_support(fig: go.Figure, support: np.ndarray) -> None:
    fig.add_bar(
        y=list(EMOTIONS),
        x=support,
        orientation="h",
        marker={"color": list(COLORS.values())},
        text=[f"{count:,}" if count else "no faces" for count in support],
        textposition="outside",
        cliponaxis=False,
        showlegend=False,
        hovertemplate="%{y}: %{x:,} test faces<extra></extra>",
        row=1,
        col=2,
    )
    fig.update_xaxes(
        title="test faces", showticklabels=False, range=[0, 1.5 * support.max()], row=1, col=2
    )


def _hardest(results: Sequence[Result], metric: str, name: str, support: np.ndarray) -> str:
    """Which of the emotions that occur is hardest, and which easiest."""
    mean = np.mean([_emotion_values(result, metric) for result in results], axis=0)
    occurs = np.flatnonzero(support)
    average = "" if len(results) == 1 else "average "
    if len(occurs) == 1:
        only = EMOTIONS[occurs[0]]
        return f"Every test face is {only}: {average}{name} is {units.number(mean[occurs[0]], 2)}."
    worst, best = occurs[mean[occurs].argmin()], occurs[mean[occurs].argmax()]
    missing = [name for name, count in zip(EMOTIONS, support, strict=True) if not count]
    none = f" The test has no faces of {units.join_names(missing)}." if missing else ""
    return (
        f"{EMOTIONS[worst].capitalize()} is hardest ({average}{name} "
        f"{units.number(mean[worst], 2)}), {EMOTIONS[best]} is easiest "
        f"({units.number(mean[best], 2)}).{none}"
    )


def one_vs_rest_panel(comparison: Comparison, emotion: str, *, roc: bool) -> Panel:
    """Precision over recall, or the ROC curve, of one emotion against the rest."""
    code, fig = EMOTIONS.index(emotion), go.Figure()
    table: list[TableRow] = []
    truth, colors = comparison.labels == code, colors_of(comparison.results)
    scores = []
    for index, result in enumerate(comparison.results):
        curve = one_vs_rest(truth, result.probs[:, code])
        area = curve.auc if roc else curve.average_precision
        scores.append(area)
        x, y = (curve.fall_out, curve.recall) if roc else (curve.recall, curve.precision)
        keep = _thinned(x, y)
        fig.add_scatter(
            x=percents(x[keep]),
            y=percents(y[keep]),
            mode="lines",
            name=f"{result.label} ({units.score(area)})",
            line={"color": colors[result.label], "dash": dash(index), "width": 2.5},
        )
        names = ("fall_out", "recall") if roc else ("recall", "precision")
        table += [
            {"run": result.name, "emotion": emotion, names[0]: float(a), names[1]: float(b)}
            for a, b in zip(x[keep], y[keep], strict=True)
        ]
    share = float(truth.mean())
    if roc:
        chance_y, chance = [0.0, 100.0], 0.5
        fig.update_xaxes(title="share of other faces classified so")
        fig.update_yaxes(title=f"share of {emotion} found")
    else:
        chance_y, chance = [100 * share, 100 * share], share
        fig.update_xaxes(title=f"share of {emotion} found (recall)")
        fig.update_yaxes(title="share that is correct (precision)")
    fig.add_scatter(
        x=[0.0, 100.0],
        y=chance_y,
        mode="lines",
        name="guessing",
        line={"color": GRAY, "dash": "dot"},
    )
    fig.update_xaxes(ticksuffix=" %", dtick=25, range=[0, 100])
    fig.update_yaxes(ticksuffix=" %", range=[0, 102])
    style_with_legend(fig, 340)
    kind = "ROC" if roc else "Precision and recall"
    measure = "area under the ROC curve" if roc else "average precision"
    if not truth.any():
        reading = f"The test set has no {emotion} faces, so there is nothing to find."
    elif truth.all():
        reading = f"Every test face is {emotion}; nothing can be confused with it."
    else:
        best = int(np.nanargmax(scores))
        reading = (
            f"{comparison.results[best].label} separates {emotion} from the rest best: {measure} "
            f"{units.score(scores[best])}, where guessing gives {units.score(chance)}."
        )
    return Panel(f"{'roc' if roc else 'pr'}-{emotion}", f"{kind}: {emotion}", fig, reading, table)


def _thinned(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positions evenly along the curve; evenly over ranks a rare emotion's would have few points."""
    path = np.cumsum(np.abs(np.diff(x, prepend=x[0])) + np.abs(np.diff(y, prepend=y[0])))
    found = np.searchsorted(path, np.linspace(0, path[-1], CURVE_POINTS))
    return np.unique([*found.clip(max=len(x) - 1), len(x) - 1])


def _metric_intervals(comparison: Comparison, index: int, metric: str) -> list[tuple[float, float]]:
    if metric == "f1":
        low, high = interval(comparison.samples.f1[:, index])
        return list(zip(map(float, low), map(float, high), strict=True))
    matrix = np.asarray(comparison.results[index].test.confusion)
    totals = matrix.sum(axis=1 if metric == "recall" else 0)
    return [
        wilson_interval(int(hits), int(total))
        for hits, total in zip(matrix.diagonal(), totals, strict=True)
    ]
