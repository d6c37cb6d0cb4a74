"""How good each run is, overall, against each other and on each emotion."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.metrics import interval, one_vs_rest, wilson_interval
from emotion_core.evaluation.study import MARK, load_study
from emotion_core.labels import COLORS, EMOTIONS
from emotion_core.plots.theme import style
from emotion_core.reporting.panels.panel import (
    CURVE_POINTS,
    DIVERGING,
    Panel,
    colors_of,
    dash,
    heatmap,
    is_fer2013,
    percent,
    style_with_legend,
    wrapped,
)

_NUMBERED = 10  # runs up to which the cells of a matrix have room for numbers


def accuracy_panel(comparison: Comparison, *, study: bool = True) -> Panel:
    """Accuracy with its 95 % interval and macro-F1 of each run, best at the top."""
    results = sorted(comparison.results, key=lambda result: result.test.accuracy)
    colors = colors_of(comparison)
    fig = go.Figure()
    table: list[dict[str, Any]] = []
    for result in results:
        test = result.test
        low, high = test.accuracy_ci95
        fig.add_scatter(
            x=[test.accuracy],
            y=[result.label],
            error_x={
                "array": [high - test.accuracy],
                "arrayminus": [test.accuracy - low],
                "thickness": 2,
                "width": 6,
            },
            marker={"size": 13, "color": colors[result.label]},
            mode="markers",
            showlegend=False,
            hovertemplate=f"%{{y}}: %{{x:.2%}}, 95 % interval {low:.2%} to {high:.2%}<extra></extra>",
        )
        table.append(
            {"run": result.name, "accuracy": test.accuracy, "low": low, "high": high}
            | {"macro_f1": test.macro_f1, "published": False}
        )
    fig.add_scatter(
        x=[result.test.macro_f1 for result in results],
        y=[result.label for result in results],
        mode="markers",
        name="macro-F1",
        marker={"symbol": "diamond-open", "size": 10, "color": "#8A8A8A", "line": {"width": 2}},
        hovertemplate="%{y}: macro-F1 %{x:.2%}<extra></extra>",
    )
    if study and is_fer2013(comparison):
        published = load_study().test
        name = f"{published.model}, study"
        fig.add_scatter(
            x=[published.accuracy, published.macro_f1],
            y=[name, name],
            mode="markers",
            name=MARK,
            marker={"symbol": ["x-thin", "diamond-open"], "size": 12, "color": "#8A8A8A"}
            | {"line": {"width": 3, "color": "#8A8A8A"}},
            hovertemplate=f"%{{y}}: %{{x:.1%}}, {MARK}<extra></extra>",
        )
        table.append(
            {"run": f"study {published.model}", "accuracy": published.accuracy, "low": None}
            | {"high": None, "macro_f1": published.macro_f1, "published": True}
        )
    fig.update_xaxes(tickformat=".1~%", title="accuracy on test, with 95 % interval")
    rows = list(dict.fromkeys(name for trace in fig.data for name in trace.y))
    fig.update_yaxes(tickvals=list(range(len(rows))), ticktext=wrapped(rows))
    best = results[-1]
    low, high = best.test.accuracy_ci95
    reading = (
        f"{best.label} is right on {percent(best.test.accuracy)} of {best.test.n:,} test faces "
        f"(95 % interval {percent(low)} to {percent(high)})"
    )
    if len(results) > 1:
        names = [result.name for result in comparison.results]
        pair = comparison.pair(names.index(best.name), names.index(results[-2].name))
        verdict = "not chance" if pair.significant else "a difference that may be chance"
        gap = 100 * abs(pair.accuracy)
        reading += (
            f", {gap:.1f} points ahead of {results[-2].label}, {verdict}"
            if gap
            else f", level with {results[-2].label}"
        )
    style_with_legend(fig, 100 + 40 * len(rows), above=True)
    return Panel("accuracy", "Accuracy", fig, reading + ".", table)


def pairs_panel(comparison: Comparison) -> Panel:
    """Difference of accuracy of every two runs in points, row minus column."""
    order = np.argsort([-result.test.accuracy for result in comparison.results], kind="stable")
    labels = [comparison.results[index].label for index in order]
    size = len(labels)
    z, text = np.full((size, size), np.nan), np.full((size, size), "", dtype=object)
    table = []
    for pair in comparison.pairs:
        for a, b, sign in ((pair.a, pair.b, 1), (pair.b, pair.a, -1)):
            z[a, b] = sign * 100 * pair.accuracy
            text[a, b] = f"{z[a, b]:+.1f}" + ("" if pair.significant else "?")
        table.append(
            {
                "a": comparison.results[pair.a].name,
                "b": comparison.results[pair.b].name,
                "accuracy_difference": pair.accuracy,
                "accuracy_low": pair.accuracy_ci95[0],
                "accuracy_high": pair.accuracy_ci95[1],
                "macro_f1_difference": pair.macro_f1,
                "macro_f1_low": pair.macro_f1_ci95[0],
                "macro_f1_high": pair.macro_f1_ci95[1],
                "only_a_right": pair.only_a,
                "only_b_right": pair.only_b,
                "mcnemar_p": pair.p_value,
                "holm_p": pair.p_holm,
            }
        )
    z, text = z[np.ix_(order, order)], text[np.ix_(order, order)]
    limit = float(np.nanmax(np.abs(z), initial=1.0))
    fig = heatmap(z, text, labels, labels, DIVERGING, -limit, limit)
    fig.update_traces(
        hovertemplate="%{y} minus %{x}: %{z:+.2f} points<extra></extra>", hoverongaps=False
    )
    if size > _NUMBERED:
        fig.update_traces(text=np.where(np.char.endswith(text.astype(str), "?"), "?", ""))
    fig.update_xaxes(title="compared with")
    real = sum(pair.significant for pair in comparison.pairs)
    total = len(comparison.pairs)
    if total == 1:
        reading = comparison.sentence(comparison.pairs[0])
    else:
        reading = (
            f"{real} of {total} differences are more than chance (McNemar's exact test, Holm's "
            f"correction for {total} comparisons, p below 0.05); a question mark stands where it "
            "may be chance."
        )
    style(fig, height=230 + 40 * size)
    return Panel("pairs", "Who beats whom", fig, reading, table)


def per_emotion_panel(comparison: Comparison, metric: str = "f1") -> Panel:
    """Precision, recall or F1 of each emotion with 95 % intervals, support beside it."""
    fig = make_subplots(
        rows=1, cols=2, shared_yaxes=True, column_widths=[0.78, 0.22], horizontal_spacing=0.08
    )
    colors, table = colors_of(comparison), []
    for index, result in enumerate(comparison.results):
        values = [getattr(result.test.per_emotion[emotion], metric) for emotion in EMOTIONS]
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
                "color": "#8A8A8A",
            },
            hovertemplate=f"{result.label}, %{{y}}: %{{x:.1%}}<extra></extra>",
        )
        for emotion, value, (low, high) in zip(EMOTIONS, values, bounds, strict=True):
            faces = result.test.per_emotion[emotion].support
            table.append(
                {"run": result.name, "emotion": emotion, metric: value, "low": low, "high": high}
                | {"support": faces}
            )
    support = np.bincount(comparison.labels, minlength=len(EMOTIONS))
    fig.add_bar(
        y=list(EMOTIONS),
        x=support,
        orientation="h",
        marker={"color": list(COLORS.values())},
        text=[f"{count:,}" for count in support],
        textposition="outside",
        cliponaxis=False,
        showlegend=False,
        hovertemplate="%{y}: %{x:,} test faces<extra></extra>",
        row=1,
        col=2,
    )
    name = {"f1": "F1", "precision": "precision", "recall": "recall"}[metric]
    fig.update_xaxes(
        tickformat=".0%",
        tickvals=[0, 0.5, 1],
        range=[0, 1],
        title=f"{name}, 95 % interval",
        row=1,
        col=1,
    )
    fig.update_xaxes(
        title="test faces", showticklabels=False, range=[0, 1.5 * support.max()], row=1, col=2
    )
    fig.update_yaxes(autorange="reversed")
    mean = {
        emotion: float(
            np.mean([getattr(r.test.per_emotion[emotion], metric) for r in comparison.results])
        )
        for emotion, count in zip(EMOTIONS, support, strict=True)
        if count
    }
    worst, best = min(mean, key=lambda e: mean[e]), max(mean, key=lambda e: mean[e])
    whose = "" if len(comparison.results) == 1 else "on average over the runs "
    reading = (
        f"Hardest is {worst} and easiest {best}: {whose}{name} is {percent(mean[worst], 0)} "
        f"({support[EMOTIONS.index(worst)]:,} test faces) against {percent(mean[best], 0)} "
        f"({support[EMOTIONS.index(best)]:,})."
        if len(mean) > 1
        else f"Every test face is {best}: {whose}{name} is {percent(mean[best], 0)}."
    )
    height = 150 + len(EMOTIONS) * max(34, 15 * len(comparison.results))
    style_with_legend(fig, height, above=True)
    title = f"{name[0].upper()}{name[1:]} of each emotion"
    return Panel(f"per-emotion-{metric}", title, fig, reading, table)


def one_vs_rest_panel(comparison: Comparison, emotion: str, *, roc: bool) -> Panel:
    """Precision over recall, or the ROC curve, of one emotion against the rest."""
    code, fig, table = EMOTIONS.index(emotion), go.Figure(), []
    truth, colors = comparison.labels == code, colors_of(comparison)
    scores = []
    for index, result in enumerate(comparison.results):
        curve = one_vs_rest(truth, result.probs[:, code])
        area = curve.auc if roc else curve.average_precision
        scores.append(area)
        x, y = (curve.fall_out, curve.recall) if roc else (curve.recall, curve.precision)
        keep = _thinned(x, y)
        fig.add_scatter(
            x=x[keep],
            y=y[keep],
            mode="lines",
            name=f"{result.label} ({area:.3f})",
            line={"color": colors[result.label], "dash": dash(index), "width": 2.5},
        )
        names = ("fall_out", "recall") if roc else ("recall", "precision")
        table += [
            {"run": result.name, "emotion": emotion, names[0]: float(a), names[1]: float(b)}
            for a, b in zip(x[keep], y[keep], strict=True)
        ]
    share = float(truth.mean())
    if roc:
        chance_x, chance_y, chance = [0.0, 1.0], [0.0, 1.0], 0.5
        fig.update_xaxes(title="share of other faces taken for it")
        fig.update_yaxes(title=f"share of {emotion} found")
    else:
        chance_x, chance_y, chance = [0.0, 1.0], [share, share], share
        fig.update_xaxes(title=f"share of {emotion} found (recall)")
        fig.update_yaxes(title="share that is right (precision)")
    fig.add_scatter(
        x=chance_x,
        y=chance_y,
        mode="lines",
        name="guessing",
        line={"color": "#8A8A8A", "dash": "dot"},
    )
    fig.update_xaxes(tickformat=".0%", dtick=0.25, range=[0, 1])
    fig.update_yaxes(tickformat=".0%", range=[0, 1.02])
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
            f"{scores[best]:.3f}, where guessing gives {chance:.3f}."
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
