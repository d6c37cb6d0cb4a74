"""Accuracy under corrupted faces."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from emotion_core.evaluation.compare import Comparison
from emotion_core.plots.theme import style
from emotion_core.reporting.panels.panel import (
    SHADES,
    Panel,
    colors_of,
    heatmap,
    join,
    percent,
    style_with_legend,
    symbol,
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
    fig, colors, table, drops = go.Figure(), colors_of(comparison), [], {}
    measured, note = _on_most_faces(comparison, measured)
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
            marker={"symbol": symbol(index), "size": 9},
            hovertemplate=f"{result.label}: %{{y:.1%}} at strength %{{x}}<extra></extra>",
        )
        drops[result.label] = (float(np.mean(y[1:])), y[0])
        table += [
            {"run": result.name, "corruption": corruption or "mean", "strength": k, "accuracy": v}
            for k, v in enumerate(y)
        ]
    fig.update_xaxes(title="strength (0 is the clean face)", dtick=1)
    fig.update_yaxes(tickformat=".1~%", title="accuracy")
    style_with_legend(fig, 340)
    name = corruption or "all corruptions"
    if drops:
        best = max(drops, key=lambda label: drops[label][0])
        mean, clean = drops[best]
        reading = (
            f"Under {name}, {best} holds up best: {percent(mean)} on average over the five strengths, "
            f"{100 * (clean - mean):.1f} points below its clean accuracy.{note}"
        )
    else:
        reading = "None of these runs has been measured yet."
    return Panel(
        f"robustness-{corruption or 'mean'}", f"Accuracy under {name}", fig, reading, table
    )


def robustness_matrix_panel(comparison: Comparison, measured: dict[str, dict[str, Any]]) -> Panel:
    """Mean accuracy over the five strengths of each corruption, a row a run."""
    measured, note = _on_most_faces(comparison, measured)
    results = [result for result in comparison.results if result.name in measured]
    names = sorted({name for r in results for name in measured[r.name]["corruptions"]})
    z = np.array(
        [[np.mean(measured[r.name]["corruptions"][name]) for name in names] for r in results]
    )
    text = [[f"{100 * value:.0f}" for value in row] for row in z]
    labels = [result.label for result in results]
    fig = heatmap(z, text, names, labels, SHADES, 0.0, 1.0)
    fig.update_traces(hovertemplate="%{y}, %{x}: %{z:.1%}<extra></extra>")
    fig.update_xaxes(title="mean accuracy in %", tickangle=-35)
    style(fig, height=180 + 40 * len(labels))
    worst = int(z.mean(axis=0).argmin())
    reading = (
        f"{names[worst][0].upper() + names[worst][1:]} hurts most: {percent(z[:, worst].mean(), 0)} on average over the runs "
        f"and strengths.{note}"
    )
    table = [
        {"run": r.name, "mean": measured[r.name]["mean"]}
        | {name: float(value) for name, value in zip(names, row, strict=True)}
        for r, row in zip(results, z, strict=True)
    ]
    return Panel("robustness-matrix", "Where each run fails", fig, reading, table)


def _on_most_faces(
    comparison: Comparison, measured: dict[str, dict[str, Any]]
) -> tuple[dict[str, dict[str, Any]], str]:
    """The measurements on the most faces, as others cannot be ranked with them, and who is left out."""
    labels = {r.name: r.label for r in comparison.results if r.name in measured}
    most = max((measured[name]["images"] for name in labels), default=0)
    fewer = [label for name, label in labels.items() if measured[name]["images"] < most]
    note = f" Measured on fewer than {most:,} faces and left out: {join(fewer)}." if fewer else ""
    return {name: measured[name] for name in labels if measured[name]["images"] == most}, note
