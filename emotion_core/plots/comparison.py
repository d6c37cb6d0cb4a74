"""Figures of a comparison, each with its reading (one sentence computed from the numbers) and data.

The page and the HTML report draw the same panels. Rates are drawn as percentages; run colours are
joined by marker shapes and dashes, so that no figure depends on colour alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from emotion_core.evaluation.calibrate import Abstention, abstain_threshold, coverage_curve
from emotion_core.evaluation.compare import (
    Comparison,
    Result,
    agreement,
    pareto_front,
    table_row,
)
from emotion_core.evaluation.metrics import (
    brier_score,
    interval,
    negative_log_likelihood,
    one_vs_rest,
    reliability,
    softmax,
    wilson_interval,
)
from emotion_core.evaluation.study import MARK, load_study, study_rows, study_test
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.plots.theme import STUDY_DASH, emotion_colors, run_colors, style

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "triangle-down")
# Light tones under dark text: the numbers in the cells stay readable on either theme.
_SHADES = ((0.0, "#F2F7FC"), (1.0, "#5BA4D9"))
_DIVERGING = ((0.0, "#EF8A62"), (0.5, "#F7F7F7"), (1.0, "#67A9CF"))
_CELL_TEXT = "#16202A"
# More points than this cannot be told apart on a screen and only slow it down.
_CURVE_POINTS = 250

COSTS: dict[str, tuple[str, str, float]] = {
    "latency_ms": ("CPU latency", "ms a face", 1.0),
    "parameters": ("Parameters", "millions", 1e-6),
    "macs": ("Multiply-adds", "millions a face", 1e-6),
    "size_bytes": ("Size on disk", "MB", 1e-6),
    "train_seconds": ("Training time", "minutes", 1 / 60),
}
CURVES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Accuracy": ("accuracy", ("train_accuracy", "val_accuracy")),
    "Loss": ("cross-entropy", ("train_loss", "val_loss")),
    "Macro-F1": ("macro-F1", ("val_macro_f1",)),
    "Overfitting gap": ("train minus validation accuracy", ("gap",)),
    "Learning rate": ("learning rate", ("lr",)),
    "Time an epoch": ("seconds", ("seconds",)),
}
AXES = {"epoch": "epoch", "time": "minutes of training", "images": "images seen"}


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


def accuracy_panel(comparison: Comparison, *, study: bool = True) -> Panel:
    """Accuracy with its 95 % interval and macro-F1 of each run, best at the top."""
    results = sorted(comparison.results, key=lambda result: result.test["accuracy"])
    colors = _colors(comparison)
    fig = go.Figure()
    table: list[dict[str, Any]] = []
    for result in results:
        test = result.test
        low, high = test["accuracy_ci95"]
        fig.add_scatter(
            x=[test["accuracy"]],
            y=[result.label],
            error_x={
                "array": [high - test["accuracy"]],
                "arrayminus": [test["accuracy"] - low],
                "thickness": 2,
                "width": 6,
            },
            marker={"size": 13, "color": colors[result.label]},
            mode="markers",
            showlegend=False,
            hovertemplate=f"%{{y}}: %{{x:.2%}}, 95 % interval {low:.2%} to {high:.2%}<extra></extra>",
        )
        table.append(
            {"run": result.name, "accuracy": test["accuracy"], "low": low, "high": high}
            | {"macro_f1": test["macro_f1"], "published": False}
        )
    fig.add_scatter(
        x=[result.test["macro_f1"] for result in results],
        y=[result.label for result in results],
        mode="markers",
        name="macro-F1",
        marker={"symbol": "diamond-open", "size": 10, "color": "#8A8A8A", "line": {"width": 2}},
        hovertemplate="%{y}: macro-F1 %{x:.2%}<extra></extra>",
    )
    if study and is_fer2013(comparison):
        test = study_test()
        name = f"{test['model']}, study"
        fig.add_scatter(
            x=[test["accuracy"], test["macro_f1"]],
            y=[name, name],
            mode="markers",
            name=MARK,
            marker={"symbol": ["x-thin", "diamond-open"], "size": 12, "color": "#8A8A8A"}
            | {"line": {"width": 3, "color": "#8A8A8A"}},
            hovertemplate=f"%{{y}}: %{{x:.1%}}, {MARK}<extra></extra>",
        )
        table.append(
            {"run": f"study {test['model']}", "accuracy": test["accuracy"], "low": None}
            | {"high": None, "macro_f1": test["macro_f1"], "published": True}
        )
    fig.update_xaxes(tickformat=".0%", title="accuracy on test, with 95 % interval")
    _legend_above(fig)
    best = results[-1]
    low, high = best.test["accuracy_ci95"]
    reading = (
        f"{best.label} is right on {percent(best.test['accuracy'])} of {best.test['n']:,} test faces "
        f"(95 % interval {percent(low)} to {percent(high)})"
    )
    if len(results) > 1:
        positions = sorted(comparison.results.index(result) for result in (best, results[-2]))
        pair = comparison.pair(positions[0], positions[1])
        verdict = "not chance" if pair.significant else "a difference that may be chance"
        gap = 100 * abs(pair.accuracy)
        reading += f", {gap:.1f} points ahead of {results[-2].label}, {verdict}"
    style(fig, height=130 + 46 * (len(results) + (1 if study else 0)))
    return Panel("accuracy", "Accuracy", fig, reading + ".", table)


def pairs_panel(comparison: Comparison) -> Panel:
    """Difference of accuracy of every two runs in points, row minus column."""
    order = np.argsort([-result.test["accuracy"] for result in comparison.results], kind="stable")
    labels = [comparison.results[index].label for index in order]
    size = len(labels)
    z, text = np.full((size, size), np.nan), np.full((size, size), "", dtype=object)
    table = []
    for pair in comparison.pairs:
        for a, b, sign in ((pair.a, pair.b, 1), (pair.b, pair.a, -1)):
            z[a, b] = sign * 100 * pair.accuracy
            text[a, b] = f"{z[a, b]:+.1f}" + ("" if pair.significant else "<br>chance?")
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
    fig = _heatmap(z, text, labels, labels, _DIVERGING, -limit, limit)
    fig.update_traces(
        hovertemplate="%{y} minus %{x}: %{z:+.2f} points<extra></extra>", hoverongaps=False
    )
    fig.update_xaxes(title="compared with", tickangle=-35)
    real = sum(pair.significant for pair in comparison.pairs)
    total = len(comparison.pairs)
    if total == 1:
        reading = comparison.sentence(comparison.pairs[0])
    else:
        reading = (
            f"{real} of {total} differences are more than chance (McNemar's exact test, Holm's "
            f"correction for {total} comparisons, p below 0.05)."
        )
    style(fig, height=200 + 56 * size)
    return Panel("pairs", "Who beats whom", fig, reading, table)


def confusion_panel(result: Result, *, share: bool, scale_max: float) -> Panel:
    """One run's confusion matrix; ``scale_max`` is shared so that colours compare between runs."""
    matrix = np.asarray(result.test["confusion"], np.int64)
    z = row_share(matrix) if share else matrix.astype(np.float64)
    text = [[f"{value:.0%}" if share else f"{value:,.0f}" for value in row] for row in z]
    hover = [[f"{count:,} faces" for count in row] for row in matrix]
    fig = _confusion(z, text, hover, _SHADES, 0.0, scale_max)
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    row, column = np.unravel_index(int(row_share(matrix * (off > 0)).argmax()), off.shape)
    if off.sum() == 0:
        reading = f"{result.label} makes no mistake on this test set."
    else:
        reading = (
            f"{result.label} most often takes {EMOTIONS[row]} for {EMOTIONS[column]}: "
            f"{off[row, column]:,} of {matrix[row].sum():,} faces."
        )
    return Panel(f"confusion-{result.label}", result.label, fig, reading, _matrix_rows(matrix))


def difference_panel(a: Result, b: Result, *, share: bool) -> Panel:
    """Confusion of ``a`` minus that of ``b``; on the diagonal blue is better, off it worse."""
    first, second = (np.asarray(r.test["confusion"], np.int64) for r in (a, b))
    z = 100 * (row_share(first) - row_share(second)) if share else (first - second).astype(float)
    limit = max(float(np.abs(z).max()), 1.0)
    text = [[f"{value:+.0f}" if abs(value) >= 0.5 else "0" for value in row] for row in z]
    unit = "points" if share else "faces"
    hover = [[f"{value:+.1f} {unit}" for value in row] for row in z]
    fig = _confusion(z, text, hover, _DIVERGING, -limit, limit)
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


def per_emotion_panel(comparison: Comparison, metric: str = "f1") -> Panel:
    """Precision, recall or F1 of each emotion with 95 % intervals, support beside it."""
    fig = make_subplots(
        rows=1, cols=2, shared_yaxes=True, column_widths=[0.78, 0.22], horizontal_spacing=0.03
    )
    colors, table = _colors(comparison), []
    for index, result in enumerate(comparison.results):
        values = [result.test["per_emotion"][emotion][metric] for emotion in EMOTIONS]
        bounds = _metric_intervals(comparison, index, metric)
        fig.add_bar(
            y=list(EMOTIONS),
            x=values,
            orientation="h",
            name=result.label,
            marker={"color": colors[result.label]},
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
            support = result.test["per_emotion"][emotion]["support"]
            table.append(
                {"run": result.name, "emotion": emotion, metric: value, "low": low, "high": high}
                | {"support": support}
            )
    support = np.bincount(comparison.labels, minlength=len(EMOTIONS))
    fig.add_bar(
        y=list(EMOTIONS),
        x=support,
        orientation="h",
        marker={"color": list(emotion_colors().values())},
        text=[f"{count:,}" for count in support],
        textposition="outside",
        cliponaxis=False,
        showlegend=False,
        hovertemplate="%{y}: %{x:,} test faces<extra></extra>",
        row=1,
        col=2,
    )
    name = {"f1": "F1", "precision": "precision", "recall": "recall"}[metric]
    fig.update_xaxes(tickformat=".0%", range=[0, 1], title=f"{name}, 95 % interval", row=1, col=1)
    fig.update_xaxes(
        title="test faces", showticklabels=False, range=[0, 1.5 * support.max()], row=1, col=2
    )
    fig.update_yaxes(autorange="reversed")
    _legend_above(fig)
    mean = {
        emotion: float(
            np.mean([r.test["per_emotion"][emotion][metric] for r in comparison.results])
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
    )
    style(fig, height=220 + len(EMOTIONS) * max(34, 15 * len(comparison.results)))
    title = f"{name[0].upper()}{name[1:]} of each emotion"
    return Panel(f"per-emotion-{metric}", title, fig, reading, table)


def one_vs_rest_panel(comparison: Comparison, emotion: str, *, roc: bool) -> Panel:
    """Precision over recall, or the ROC curve, of one emotion against the rest."""
    code, fig, table = EMOTIONS.index(emotion), go.Figure(), []
    truth, colors = comparison.labels == code, _colors(comparison)
    scores = []
    for index, result in enumerate(comparison.results):
        curve = one_vs_rest(truth, result.probs[:, code])
        area = curve.auc if roc else curve.average_precision
        scores.append(area)
        x, y = (curve.fall_out, curve.recall) if roc else (curve.recall, curve.precision)
        keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), _CURVE_POINTS)).astype(int))
        fig.add_scatter(
            x=x[keep],
            y=y[keep],
            mode="lines",
            name=f"{result.label} ({area:.3f})",
            line={"color": colors[result.label], "dash": _dash(index), "width": 2.5},
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
    fig.update_xaxes(tickformat=".0%", range=[0, 1])
    fig.update_yaxes(tickformat=".0%", range=[0, 1.02])
    _legend_below(fig)
    style(fig, height=430)
    kind = "ROC" if roc else "Precision and recall"
    measure = "area under the ROC curve" if roc else "average precision"
    if not truth.any():
        reading = f"The test set has no {emotion} faces, so there is nothing to find."
    elif np.isnan(scores).all():
        reading = f"Every test face is {emotion}; nothing can be confused with it."
    else:
        best = int(np.nanargmax(scores))
        reading = (
            f"{comparison.results[best].label} separates {emotion} from the rest best: {measure} "
            f"{scores[best]:.3f}, where guessing gives {chance:.3f}."
        )
    return Panel(f"{'roc' if roc else 'pr'}-{emotion}", f"{kind}: {emotion}", fig, reading, table)


def reliability_panel(comparison: Comparison, *, before: bool = False) -> Panel:
    """Confidence against accuracy, after and on request before temperature scaling."""
    fig, colors, table = go.Figure(), _colors(comparison), []
    fig.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="perfect", line={"color": "#8A8A8A", "dash": "dot"}
    )
    errors = []
    for index, result in enumerate(comparison.results):
        stages = [("after", result.probs)] + (
            [("before", softmax(result.logits))] if before else []
        )
        for stage, probs in stages:
            bins = reliability(result.labels, probs)
            filled = bins.count > 0
            fig.add_scatter(
                x=bins.confidence[filled],
                y=bins.accuracy[filled],
                customdata=bins.count[filled],
                mode="lines+markers",
                name=result.label + (f", {stage}" if before else f" (ECE {bins.ece:.3f})"),
                opacity=1.0 if stage == "after" else 0.55,
                line={
                    "color": colors[result.label],
                    "dash": "solid" if stage == "after" else "dash",
                    "width": 2,
                },
                marker={
                    "symbol": SYMBOLS[index % len(SYMBOLS)],
                    "size": 4 + 12 * np.sqrt(bins.count[filled] / len(result.labels)),
                },
                hovertemplate=(
                    "confidence %{x:.1%}, right %{y:.1%}, %{customdata:,} faces"
                    f"<extra>{result.label}</extra>"
                ),
            )
            table += [
                {"run": result.name, "temperature": stage, "low": bins.edges[i]}
                | {"high": bins.edges[i + 1], "count": int(bins.count[i])}
                | {"confidence": float(bins.confidence[i]), "accuracy": float(bins.accuracy[i])}
                for i in np.flatnonzero(filled)
            ]
        errors.append(reliability(result.labels, result.probs).ece)
    fig.update_xaxes(tickformat=".0%", range=[0, 1], title="confidence of the answer")
    fig.update_yaxes(tickformat=".0%", range=[0, 1], title="share that is right")
    _legend_below(fig)
    style(fig, height=470)
    best = int(np.argmin(errors))
    reading = (
        f"{comparison.results[best].label} knows best how sure it may be: its confidence is off by "
        f"{100 * errors[best]:.1f} points on average after temperature scaling (ECE)."
    )
    return Panel("reliability", "Reliability", fig, reading, table)


def calibration_table(comparison: Comparison) -> list[dict[str, Any]]:
    """ECE, Brier score and negative log-likelihood of each run before and after temperature."""
    rows = []
    for result in comparison.results:
        row: dict[str, Any] = {"run": result.label, "temperature": result.report["temperature"]}
        for stage, probs in (("before", softmax(result.logits)), ("after", result.probs)):
            row[f"ece_{stage}"] = reliability(result.labels, probs).ece
            row[f"brier_{stage}"] = brier_score(result.labels, probs)
            row[f"nll_{stage}"] = negative_log_likelihood(result.labels, probs)
        rows.append(row)
    return rows


def coverage_panel(comparison: Comparison, target: float) -> tuple[Panel, list[Abstention]]:
    """Accuracy of the answers left when the least confident are withheld, and the threshold that
    gives ``target`` accuracy for each run on this test set."""
    fig, colors = go.Figure(), _colors(comparison)
    table: list[dict[str, Any]] = []
    choices = []
    for index, result in enumerate(comparison.results):
        curve = coverage_curve(result.labels, result.probs)
        choice = abstain_threshold(result.labels, result.probs, target)
        choices.append(choice)
        # The first handful of answers say nothing yet; a jagged start would hide the rest.
        start = int(np.searchsorted(curve.coverage, 0.02))
        keep = np.unique(np.linspace(start, len(curve.coverage) - 1, _CURVE_POINTS).astype(int))
        fig.add_scatter(
            x=curve.coverage[keep],
            y=curve.accuracy[keep],
            customdata=curve.threshold[keep],
            mode="lines",
            name=result.label,
            line={"color": colors[result.label], "dash": _dash(index), "width": 2.5},
            hovertemplate=(
                "answers %{x:.0%}, right %{y:.1%}, threshold %{customdata:.2f}"
                f"<extra>{result.label}</extra>"
            ),
        )
        if choice.reached:
            fig.add_scatter(
                x=[choice.coverage],
                y=[choice.accuracy],
                mode="markers",
                showlegend=False,
                marker={"size": 12, "symbol": SYMBOLS[index % len(SYMBOLS)]}
                | {"color": colors[result.label]},
                hovertemplate=f"threshold {choice.threshold:.3f}<extra>{result.label}</extra>",
            )
        table += [
            {"run": result.name, "threshold": float(curve.threshold[i])}
            | {"coverage": float(curve.coverage[i]), "accuracy": float(curve.accuracy[i])}
            for i in keep
        ]
    fig.add_hline(y=target, line={"color": "#8A8A8A", "dash": "dot"})
    fig.update_xaxes(tickformat=".0%", range=[0, 1.01], title="share of faces answered")
    fig.update_yaxes(tickformat=".0%", title="share of answers that are right")
    _legend_below(fig)
    style(fig, height=430)
    reached = [index for index, choice in enumerate(choices) if choice.reached]
    if reached:
        best = max(reached, key=lambda index: choices[index].coverage)
        reading = (
            f"To be right {percent(target, 0)} of the time, {comparison.results[best].label} may answer "
            f"{percent(choices[best].coverage, 0)} of the faces, those with a confidence of at least "
            f"{choices[best].threshold:.2f}."
        )
    else:
        reading = f"No run reaches {percent(target, 0)} on a tenth of the faces, however much it abstains."
    return Panel("coverage", "Accuracy when the model may abstain", fig, reading, table), choices


def cost_panel(
    comparison: Comparison, cost: str = "latency_ms", *, remeasured: dict[str, float] | None = None
) -> Panel:
    """Accuracy against one cost, with the Pareto front.

    Args:
        comparison: The runs.
        cost: A key of ``COSTS``.
        remeasured: CPU milliseconds a face by run name, measured on this machine just now.
    """
    title, unit, factor = COSTS[cost]
    rows = [table_row(result) for result in comparison.results]
    if cost == "latency_ms" and remeasured:
        for row in rows:
            row[cost] = remeasured.get(row["run"], row[cost])
    x = [float(row[cost]) * factor or math.nan for row in rows]
    y = [float(row["accuracy"]) for row in rows]
    front, fig, colors = pareto_front(x, y), go.Figure(), _colors(comparison)
    fig.add_scatter(
        x=[x[i] for i in front],
        y=[y[i] for i in front],
        mode="lines",
        name="Pareto front",
        line={"color": "#8A8A8A", "dash": "dash", "shape": "hv"},
        hoverinfo="skip",
    )
    for index, row in enumerate(rows):
        fig.add_scatter(
            x=[x[index]],
            y=[y[index]],
            error_y={
                "array": [row["accuracy_high"] - y[index]],
                "arrayminus": [y[index] - row["accuracy_low"]],
                "thickness": 1.5,
            },
            mode="markers",
            name=row["label"],
            marker={
                "size": 14,
                "color": colors[row["label"]],
                "symbol": SYMBOLS[index % len(SYMBOLS)],
            },
            hovertemplate=f"{row['label']}: %{{x:.3g}} {unit}, %{{y:.2%}}<extra></extra>",
        )
    fig.update_xaxes(title=f"{title}, {unit} (log scale)", **_log_axis(x))
    fig.update_yaxes(tickformat=".0%", title="accuracy on test")
    _legend_below(fig)
    style(fig, height=440)
    if not front:
        reading = f"No run here has a measured {title.lower()}."
    else:
        cheap, known = rows[front[0]], sum(not math.isnan(value) for value in x)
        price = f"{x[front[0]]:.3g} {unit}"
        if len(front) == 1 and known > 1:
            reading = (
                f"{cheap['label']} is both cheapest ({price}) and most accurate "
                f"({percent(cheap['accuracy'])}): nothing speaks for another run here."
            )
        else:
            names = _join([rows[i]["label"] for i in front])
            beaten = known - len(front)
            reading = (
                f"On the Pareto front: {names}; {cheap['label']} is cheapest, {price} at "
                f"{percent(cheap['accuracy'])}"
                + (f", and {beaten} of the others cost more for no gain." if beaten else ".")
            )
    table = [
        {"run": row["run"], "accuracy": row["accuracy"], cost: row[cost], "on_front": i in front}
        for i, row in enumerate(rows)
    ]
    return Panel(
        f"cost-{cost}", f"Accuracy against {title[0].lower() + title[1:]}", fig, reading, table
    )


def agreement_panel(comparison: Comparison) -> Panel:
    """Share of test faces on which two runs give the same answer."""
    found, labels = agreement(comparison.results), [r.label for r in comparison.results]
    text = [[f"{value:.0%}" for value in row] for row in found.matrix]
    fig = _heatmap(found.matrix, text, labels, labels, _SHADES, 0.0, 1.0)
    fig.update_traces(hovertemplate="%{y} and %{x}: %{z:.1%} the same<extra></extra>")
    fig.update_xaxes(tickangle=-35)
    style(fig, height=200 + 52 * len(labels))
    table = [
        {"run": result.name} | dict(zip(labels, map(float, row), strict=True))
        for result, row in zip(comparison.results, found.matrix, strict=True)
    ]
    pairs = [(found.matrix[p.a, p.b], p) for p in comparison.pairs]
    if not pairs:
        reading = "One run agrees with itself; choose two."
    else:
        low, pair = min(pairs, key=lambda item: item[0])
        reading = (
            f"{labels[pair.a]} and {labels[pair.b]} differ most: they give the same answer on "
            f"{percent(low, 0)} of the faces."
        )
    return Panel("agreement", "Same answers", fig, reading, table)


def overlap_panel(comparison: Comparison) -> Panel:
    """How many faces all, none or just one of the runs has right."""
    found, n = agreement(comparison.results), len(comparison.labels)
    groups = {
        "all right": len(found.all_right),
        "wrong together": len(found.wrong_together),
        "wrong apart": len(found.wrong_apart),
    } | {
        f"only {result.label}": len(rows)
        for result, rows in zip(comparison.results, found.only_right, strict=True)
    }
    names, counts = list(groups), list(groups.values())
    colors = ["#009E73", "#D55E00", "#E69F00", *_colors(comparison).values()]
    fig = go.Figure(
        go.Bar(
            x=counts,
            y=names,
            orientation="h",
            text=[f"{count:,} ({count / n:.1%})" for count in counts],
            textposition="outside",
            cliponaxis=False,
            marker={"color": colors},
            hovertemplate="%{y}: %{x:,} faces<extra></extra>",
        )
    )
    fig.update_yaxes(autorange="reversed")
    fig.update_xaxes(title="test faces", range=[0, 1.35 * max(counts)])
    style(fig, height=140 + 34 * len(names))
    together = groups["wrong together"]
    reading = (
        f"On {together:,} faces ({percent(together / n)}) all runs give the same wrong answer: look "
        "there for wrong labels before blaming the models."
    )
    table = [{"group": name, "faces": count, "share": count / n} for name, count in groups.items()]
    return Panel("overlap", "Right and wrong together", fig, reading, table)


def ensemble_sentence(comparison: Comparison) -> str:
    """What averaging the runs' probabilities brings; empty for one run."""
    if comparison.ensemble is None:
        return ""
    metrics, (low, high) = comparison.ensemble.metrics, comparison.ensemble.gain_ci95
    gain = 100 * comparison.ensemble.gain
    verdict = "not chance" if low > 0 or high < 0 else "that may be chance"
    return (
        f"The ensemble of these {len(comparison.results)} runs is right on "
        f"{percent(metrics['accuracy'])} (macro-F1 {metrics['macro_f1']:.3f}), {gain:+.1f} points "
        f"against the best member, 95 % interval {100 * low:+.1f} to {100 * high:+.1f}; {verdict}."
    )


def robustness_panel(
    comparison: Comparison, measured: dict[str, dict[str, Any]], corruption: str = ""
) -> Panel:
    """Accuracy over strength of one corruption, or their mean.

    Args:
        comparison: The runs.
        measured: ``robustness.json`` by run name.
        corruption: Name of one; empty for the mean of all.
    """
    fig, colors, table, drops = go.Figure(), _colors(comparison), [], {}
    for index, result in enumerate(comparison.results):
        if result.name not in measured:
            continue
        values = measured[result.name]
        curves = values["corruptions"]
        curve = curves[corruption] if corruption else np.mean(list(curves.values()), axis=0)
        y = [values["clean"], *map(float, curve)]
        fig.add_scatter(
            x=list(range(len(y))),
            y=y,
            mode="lines+markers",
            name=result.label,
            line={"color": colors[result.label], "width": 2.5},
            marker={"symbol": SYMBOLS[index % len(SYMBOLS)], "size": 9},
            hovertemplate=f"{result.label}: %{{y:.1%}} at strength %{{x}}<extra></extra>",
        )
        drops[result.label] = (float(np.mean(y[1:])), y[0])
        table += [
            {"run": result.name, "corruption": corruption or "mean", "strength": k, "accuracy": v}
            for k, v in enumerate(y)
        ]
    fig.update_xaxes(title="strength (0 is the clean face)", dtick=1)
    fig.update_yaxes(tickformat=".0%", title="accuracy")
    _legend_below(fig)
    style(fig, height=430)
    name = corruption or "all corruptions"
    if drops:
        best = max(drops, key=lambda label: drops[label][0])
        mean, clean = drops[best]
        reading = (
            f"Under {name}, {best} holds up best: {percent(mean)} on average over the five strengths, "
            f"{100 * (clean - mean):.1f} points below its clean accuracy."
        )
    else:
        reading = "None of these runs has been measured yet."
    return Panel(
        f"robustness-{corruption or 'mean'}", f"Accuracy under {name}", fig, reading, table
    )


def robustness_matrix_panel(comparison: Comparison, measured: dict[str, dict[str, Any]]) -> Panel:
    """Mean accuracy over the five strengths of each corruption, a row a run."""
    results = [result for result in comparison.results if result.name in measured]
    names = sorted({name for r in results for name in measured[r.name]["corruptions"]})
    z = np.array(
        [[np.mean(measured[r.name]["corruptions"][name]) for name in names] for r in results]
    )
    text = [[f"{value:.0%}" for value in row] for row in z]
    labels = [result.label for result in results]
    fig = _heatmap(z.T, np.asarray(text).T, labels, names, _SHADES, 0.0, 1.0)
    fig.update_traces(hovertemplate="%{x}, %{y}: %{z:.1%}<extra></extra>")
    style(fig, height=420)
    worst = int(z.mean(axis=0).argmin())
    reading = (
        f"{names[worst][0].upper() + names[worst][1:]} hurts most: {percent(z[:, worst].mean(), 0)} on average over the runs "
        "and strengths."
    )
    table = [
        {"run": r.name, "mean": measured[r.name]["mean"]}
        | {name: float(value) for name, value in zip(names, row, strict=True)}
        for r, row in zip(results, z, strict=True)
    ]
    return Panel("robustness-matrix", "Where each run fails", fig, reading, table)


def curves_panel(
    results: Sequence[tuple[str, str, list[dict[str, Any]]]],
    quantity: str,
    *,
    axis: str = "epoch",
    smoothing: float = 0.0,
    study: Sequence[str] = (),
) -> Panel:
    """Learning curves overlaid: train dashed, validation solid, the study's dotted.

    Args:
        results: ``(label, model, rows of metrics.jsonl)`` of each run.
        quantity: A key of ``CURVES``.
        axis: A key of ``AXES``.
        smoothing: Weight of the past in an exponential average, 0 (none) to below 1.
        study: The study's architectures to overlay; they have epochs alone, so they are left out
            on another axis.
    """
    title, keys = CURVES[quantity]
    fig, table = go.Figure(), []
    colors = run_colors([label for label, _, _ in results])
    final: dict[str, float] = {}
    for label, _, rows in results:
        x = _axis_values(rows, axis)
        for key in keys:
            raw = [_curve_value(row, key) for row in rows]
            y = smooth(raw, smoothing)
            train = key.startswith("train")
            part = "train" if train else "validation" if key.startswith("val") else ""
            fig.add_scatter(
                x=x,
                y=y,
                mode="lines" if len(y) > 1 else "markers",
                name=f"{label}, {part}" if part else label,
                legendgroup=label,
                line={"color": colors[label], "dash": "dash" if train else "solid"}
                | {"width": 1.5 if train else 2.5},
            )
            table += [
                {"run": label, "curve": key, axis: a, "value": b}
                for a, b in zip(x, raw, strict=True)
            ]
            if not train and raw:
                final[label] = max(raw) if quantity in ("Accuracy", "Macro-F1") else raw[-1]
    if axis == "epoch":
        for model in study:
            _add_study_curve(fig, table, model, keys)
    percent = quantity in ("Accuracy", "Overfitting gap", "Macro-F1")
    fig.update_xaxes(title=AXES[axis])
    fig.update_yaxes(title=title, tickformat=".0%" if percent else None)
    if quantity == "Learning rate":
        fig.update_yaxes(type="log", exponentformat="power")
    _legend_below(fig)
    style(fig, height=480)
    return Panel(
        f"curves-{quantity.lower().replace(' ', '-')}",
        quantity,
        fig,
        _curve_reading(quantity, final),
        table,
    )


def smooth(values: Sequence[float], weight: float) -> list[float]:
    """Exponential average that starts unbiased; ``weight`` 0 returns the values."""
    found, mean, mass = [], 0.0, 0.0
    for value in values:
        if math.isnan(value):
            found.append(value)
            continue
        mean = weight * mean + (1 - weight) * value
        mass = weight * mass + (1 - weight)
        found.append(mean / mass)
    return found


def percent(value: float, digits: int = 1) -> str:
    """0.7321 as ``73.2 %``, unbreakable."""
    return f"{100 * value:.{digits}f}\u00a0%"


def row_share(matrix: np.ndarray) -> np.ndarray:
    """Rows of counts divided by their sum; an empty row stays 0."""
    total = matrix.sum(axis=1, keepdims=True)
    share: np.ndarray = np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)
    return share


def is_fer2013(comparison: Comparison) -> bool:
    """Whether the test set has FER-2013's counts, so that the study's figures belong beside it."""
    expected = load_study()["counts"]["test"]
    counts = np.bincount(comparison.labels, minlength=len(EMOTIONS))
    return not comparison.synthetic and list(counts) == [expected[e] for e in EMOTIONS]


def _colors(comparison: Comparison) -> dict[str, str]:
    return dict(run_colors([result.label for result in comparison.results]))


def _dash(index: int) -> str:
    return ("solid", "dash", "dashdot", "longdash", "longdashdot", "dot")[index % 6]


def _metric_intervals(comparison: Comparison, index: int, metric: str) -> list[tuple[float, float]]:
    if metric == "f1":
        low, high = interval(comparison.samples.f1[:, index])
        return list(zip(map(float, low), map(float, high), strict=True))
    matrix = np.asarray(comparison.results[index].test["confusion"])
    totals = matrix.sum(axis=1 if metric == "recall" else 0)
    return [
        wilson_interval(int(hits), int(total))
        for hits, total in zip(matrix.diagonal(), totals, strict=True)
    ]


def _heatmap(
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
    fig.update_yaxes(autorange="reversed", showgrid=False)
    fig.update_xaxes(showgrid=False)
    return fig


def _confusion(
    z: np.ndarray, text: Any, hover: list[list[str]], scale: Scale, low: float, high: float
) -> go.Figure:
    fig = _heatmap(z, text, EMOTIONS, EMOTIONS, scale, low, high)
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


def _log_axis(values: Sequence[float]) -> dict[str, Any]:
    """A log axis over the values with ticks at 1, 2 and 5, finer over a narrow range; Plotly's own
    are too few or too many."""
    known = [value for value in values if value > 0]
    if not known:
        return {"type": "log"}
    low, high = 0.7 * min(known), 1.4 * max(known)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    coarse, fine = (1, 2, 5), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    for steps in (coarse, fine):
        ticks = [m * 10.0**k for k in powers for m in steps if low <= m * 10.0**k <= high]
        if len(ticks) > 2:
            break
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [f"{tick:,g}" for tick in ticks],
    }


def _matrix_rows(matrix: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"actual": emotion} | dict(zip(EMOTIONS, map(int, row), strict=True))
        for emotion, row in zip(EMOTIONS, matrix, strict=True)
    ]


def _axis_values(rows: list[dict[str, Any]], axis: str) -> list[float]:
    if axis == "time":
        return [float(value) for value in np.cumsum([row["seconds"] for row in rows]) / 60]
    return [float(row["images_seen" if axis == "images" else "epoch"]) for row in rows]


def _curve_value(row: dict[str, Any], key: str) -> float:
    if key == "gap":
        return float(row["train_accuracy"] - row["val_accuracy"])
    value = row.get(key)
    return math.nan if value is None else float(value)


def _add_study_curve(
    fig: go.Figure, table: list[dict[str, Any]], model: str, keys: Sequence[str]
) -> None:
    rows = study_rows(model)
    for key in keys:
        if not rows or (key != "gap" and key not in rows[0]):
            continue
        x, y = [row["epoch"] for row in rows], [_curve_value(row, key) for row in rows]
        part = "train" if key.startswith("train") else "validation"
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=f"study's {model}, {part} ({MARK})",
            line={"color": "#8A8A8A", "dash": STUDY_DASH, "width": 1.2 if part == "train" else 2.2},
        )
        table += [
            {"run": f"study {model} ({MARK})", "curve": key, "epoch": a, "value": b}
            for a, b in zip(x, y, strict=True)
        ]


def _curve_reading(quantity: str, final: dict[str, float]) -> str:
    known = {label: value for label, value in final.items() if not math.isnan(value)}
    if not known:
        return "There is no finished epoch to draw."
    best: Callable[..., str] = max if quantity in ("Accuracy", "Macro-F1") else min
    label = best(known, key=lambda name: known[name])
    value = known[label]
    if quantity == "Accuracy":
        return f"{label} reaches the highest validation accuracy, {percent(value)}."
    if quantity == "Macro-F1":
        return f"{label} reaches the highest validation macro-F1, {percent(value)}."
    if quantity == "Loss":
        return f"{label} ends with the lowest validation loss, {value:.3f}."
    if quantity == "Overfitting gap":
        return (
            f"{label} overfits least: at the end its training accuracy is {100 * value:.1f} points "
            "above validation."
        )
    if quantity == "Learning rate":
        return f"{label} ends with the lowest learning rate, {value:.2g}."
    return f"{label} is fastest, {value:.0f} s in its last epoch."


def _legend_above(fig: go.Figure) -> None:
    fig.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})


def _legend_below(fig: go.Figure) -> None:
    fig.update_layout(legend={"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0})


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
