"""Whether probabilities mean what they say, and what abstaining brings."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from emotion_core.evaluation.calibrate import Abstention, abstain_threshold, coverage_curve
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.metrics import (
    brier_score,
    negative_log_likelihood,
    reliability,
)
from emotion_core.probabilities import softmax
from emotion_core.reporting.panels.panel import (
    CURVE_POINTS,
    Panel,
    colors_of,
    dash,
    percent,
    style_with_legend,
    symbol,
)


def reliability_panel(comparison: Comparison, *, before: bool = False) -> Panel:
    """Confidence against accuracy, after and on request before calibration."""
    fig, colors, table = go.Figure(), colors_of(comparison), []
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
                    "symbol": symbol(index),
                    "line": {"width": 0},
                    "size": 4 + 12 * np.sqrt(bins.count[filled] / len(result.labels)),
                },
                hovertemplate=(
                    "confidence %{x:.1%}, right %{y:.1%}, %{customdata:,} faces"
                    f"<extra>{result.label}</extra>"
                ),
            )
            table += [
                {"run": result.name, "calibration": stage, "low": bins.edges[i]}
                | {"high": bins.edges[i + 1], "count": int(bins.count[i])}
                | {"confidence": float(bins.confidence[i]), "accuracy": float(bins.accuracy[i])}
                for i in np.flatnonzero(filled)
            ]
        errors.append(reliability(result.labels, result.probs).ece)
    fig.update_xaxes(tickformat=".0%", dtick=0.25, range=[0, 1], title="confidence of the answer")
    fig.update_yaxes(tickformat=".0%", range=[0, 1], title="share that is right")
    style_with_legend(fig, 370)
    best = int(np.argmin(errors))
    label = comparison.results[best].label
    several = len(errors) > 1
    reading = f"{label} knows best how sure it may be: its" if several else f"{label}'s"
    reading += (
        f" confidence is off by {100 * errors[best]:.1f} points on average after calibration (ECE)."
    )
    return Panel("reliability", "Reliability", fig, reading, table)


def calibration_table(comparison: Comparison) -> list[dict[str, Any]]:
    """ECE, Brier score and negative log-likelihood of each run before and after calibration."""
    rows = []
    for result in comparison.results:
        row: dict[str, Any] = {"run": result.label} | result.report.calibration._asdict()
        for stage, probs in (("before", softmax(result.logits)), ("after", result.probs)):
            row[f"ece_{stage}"] = reliability(result.labels, probs).ece
            row[f"brier_{stage}"] = brier_score(result.labels, probs)
            row[f"nll_{stage}"] = negative_log_likelihood(result.labels, probs)
        rows.append(row)
    return rows


def coverage_panel(comparison: Comparison, target: float) -> tuple[Panel, list[Abstention]]:
    """Accuracy of the answers left when the least confident are withheld, and the threshold that
    gives ``target`` accuracy for each run on this test set."""
    fig, colors = go.Figure(), colors_of(comparison)
    table: list[dict[str, Any]] = []
    choices = []
    for index, result in enumerate(comparison.results):
        curve = coverage_curve(result.labels, result.probs)
        choice = abstain_threshold(result.labels, result.probs, target)
        choices.append(choice)
        # The first handful of answers say nothing yet; a jagged start would hide the rest.
        start = int(np.searchsorted(curve.coverage, 0.02))
        keep = np.unique(np.linspace(start, len(curve.coverage) - 1, CURVE_POINTS).astype(int))
        fig.add_scatter(
            x=curve.coverage[keep],
            y=curve.accuracy[keep],
            customdata=curve.threshold[keep],
            mode="lines",
            name=result.label,
            line={"color": colors[result.label], "dash": dash(index), "width": 2.5},
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
                marker={"size": 12, "symbol": symbol(index)} | {"color": colors[result.label]},
                hovertemplate=f"threshold {choice.threshold:.3f}<extra>{result.label}</extra>",
            )
        table += [
            {"run": result.name, "threshold": float(curve.threshold[i])}
            | {"coverage": float(curve.coverage[i]), "accuracy": float(curve.accuracy[i])}
            for i in keep
        ]
    fig.add_hline(y=target, line={"color": "#8A8A8A", "dash": "dot"})
    fig.update_xaxes(tickformat=".0%", dtick=0.25, range=[0, 1.01], title="share of faces answered")
    fig.update_yaxes(tickformat=".1~%", title="share of answers that are right")
    style_with_legend(fig, 340)
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
