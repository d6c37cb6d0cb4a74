"""Whether probabilities mean what they say, and what abstaining brings."""

import numpy as np
import plotly.graph_objects as go

from emotion_core import units
from emotion_core.evaluation.calibrate import Abstention, abstain_threshold, coverage_curve
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.metrics import (
    Reliability,
    brier_score,
    negative_log_likelihood,
    reliability,
)
from emotion_core.probabilities import softmax
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.panel import (
    CURVE_POINTS,
    GRAY,
    Panel,
    colors_of,
    dash,
    percents,
    style_with_legend,
    symbol,
)


def reliability_panel(comparison: Comparison, *, before: bool = False) -> Panel:
    """Confidence against accuracy, after and on request before calibration."""
    fig, colors = go.Figure(), colors_of(comparison.results)
    table: list[TableRow] = []
    fig.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", name="perfect", line={"color": GRAY, "dash": "dot"}
    )
    for index, result in enumerate(comparison.results):
        stages = [("after", result.probs)]
        stages += [("before", softmax(result.logits))] if before else []
        for stage, probs in stages:
            bins = reliability(result.labels, probs)
            ece = f" (ECE {units.score(bins.ece)})"
            _add_bins(fig, bins, stage, symbol(index), colors[result.label])
            fig.data[-1].name = result.label + (f", {stage}" if before else ece)
            fig.data[-1].hovertemplate += f"<extra>{result.label}</extra>"
            table += _bin_rows(result.name, stage, bins)
    fig.update_xaxes(ticksuffix=" %", dtick=25, range=[0, 100], title="confidence of the answer")
    fig.update_yaxes(ticksuffix=" %", range=[0, 100], title="share that is correct")
    style_with_legend(fig, 370)
    errors = [reliability(result.labels, result.probs).ece for result in comparison.results]
    best = int(np.argmin(errors))
    label, gap = comparison.results[best].label, units.points(errors[best])
    most = " is the most reliable: off" if len(errors) > 1 else " is off"
    reading = f"The confidence of {label}{most} by {gap} on average (ECE)."
    return Panel("reliability", "Reliability of the confidence", fig, reading, table)


def _add_bins(fig: go.Figure, bins: Reliability, stage: str, mark: str, color: str) -> None:
    filled, after = bins.count > 0, stage == "after"
    sizes = 4 + 12 * np.sqrt(bins.count[filled] / bins.count.sum())
    fig.add_scatter(
        x=percents(bins.confidence[filled]),
        y=percents(bins.accuracy[filled]),
        customdata=bins.count[filled],
        mode="lines+markers",
        opacity=1.0 if after else 0.55,
        line={"color": color, "dash": "solid" if after else "dash", "width": 2},
        marker={"symbol": mark, "line": {"width": 0}, "size": sizes},
        hovertemplate="confidence %{x:.1f} %, correct %{y:.1f} %, %{customdata:,} faces",
    )


def _bin_rows(run: str, stage: str, bins: Reliability) -> list[TableRow]:
    return [
        {
            "run": run,
            "calibration": stage,
            "low": float(bins.edges[index]),
            "high": float(bins.edges[index + 1]),
            "count": int(bins.count[index]),
            "confidence": float(bins.confidence[index]),
            "accuracy": float(bins.accuracy[index]),
        }
        for index in np.flatnonzero(bins.count)
    ]


def calibration_rows(comparison: Comparison) -> list[TableRow]:
    """ECE, Brier score and negative log-likelihood of each run before and after calibration."""
    rows: list[TableRow] = []
    for result in comparison.results:
        report = result.report
        row: TableRow = {"label": result.label, "temperature": report.temperature}
        row["smoothing"] = report.smoothing
        for stage, probs in (("before", softmax(result.logits)), ("after", result.probs)):
            row[f"ece_{stage}"] = reliability(result.labels, probs).ece
            row[f"brier_{stage}"] = brier_score(result.labels, probs)
            row[f"nll_{stage}"] = negative_log_likelihood(result.labels, probs)
        rows.append(row)
    return rows


def coverage_panel(comparison: Comparison, target: float) -> tuple[Panel, list[Abstention]]:
    """Accuracy of the answers left when the least confident are withheld, and the threshold that
    gives ``target`` accuracy for each run on this test set."""
    fig, colors = go.Figure(), colors_of(comparison.results)
    table: list[TableRow] = []
    choices = []
    for index, result in enumerate(comparison.results):
        curve = coverage_curve(result.labels, result.probs)
        choice = abstain_threshold(result.labels, result.probs, target)
        choices.append(choice)
        # The first handful of answers say nothing yet; a jagged start would hide the rest.
        start = int(np.searchsorted(curve.coverage, 0.02))
        keep = np.unique(np.linspace(start, len(curve.coverage) - 1, CURVE_POINTS).astype(int))
        fig.add_scatter(
            x=percents(curve.coverage[keep]),
            y=percents(curve.accuracy[keep]),
            customdata=curve.threshold[keep],
            mode="lines",
            name=result.label,
            line={"color": colors[result.label], "dash": dash(index), "width": 2.5},
            hovertemplate=(
                "answers %{x:.0f} %, correct %{y:.1f} %, threshold %{customdata:.2f}"
                f"<extra>{result.label}</extra>"
            ),
        )
        if choice.reached:
            fig.add_scatter(
                x=[100 * choice.coverage],
                y=[100 * choice.accuracy],
                mode="markers",
                showlegend=False,
                marker={"size": 12, "symbol": symbol(index), "color": colors[result.label]},
                hovertemplate=f"threshold {choice.threshold:.3f}<extra>{result.label}</extra>",
            )
        table += [
            {
                "run": result.name,
                "threshold": float(curve.threshold[i]),
                "coverage": float(curve.coverage[i]),
                "accuracy": float(curve.accuracy[i]),
            }
            for i in keep
        ]
    fig.add_hline(y=100 * target, line={"color": GRAY, "dash": "dot"})
    fig.update_xaxes(ticksuffix=" %", dtick=25, range=[0, 101], title="share of faces answered")
    fig.update_yaxes(ticksuffix=" %", title="share of answers that are correct")
    style_with_legend(fig, 340)
    labels = [result.label for result in comparison.results]
    reading = _coverage_reading(labels, choices, target)
    return Panel("coverage", "Accuracy when the model may abstain", fig, reading, table), choices


def _coverage_reading(labels: list[str], choices: list[Abstention], target: float) -> str:
    reached = [index for index, choice in enumerate(choices) if choice.reached]
    if not reached:
        return (
            f"No run is correct {units.percent(target, 0)} of the time on a tenth of the faces, "
            "however often it abstains."
        )
    best = max(reached, key=lambda index: choices[index].coverage)
    return (
        f"To be correct {units.percent(target, 0)} of the time, {labels[best]} answers for "
        f"{units.percent(choices[best].coverage, 0)} of faces and abstains when its confidence is "
        f"below {choices[best].threshold:.2f}."
    )
