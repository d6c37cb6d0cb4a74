"""Accuracy under corrupted faces."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from emotion_core import units
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.robustness import Robustness
from emotion_core.plots.theme import style
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.panel import (
    SHADES,
    Panel,
    colors_of,
    heatmap,
    percents,
    style_with_legend,
    symbol,
)

Measured = Mapping[str, Robustness]


def robustness_panel(comparison: Comparison, measured: Measured, corruption: str = "") -> Panel:
    """Accuracy over strength of one corruption, or their mean.

    Args:
        comparison: The runs.
        measured: By run name.
        corruption: Name of one; empty for the mean of all.
    """
    fig, colors = go.Figure(), colors_of(comparison.results)
    table: list[TableRow] = []
    drops: dict[str, tuple[float, float]] = {}
    kept, note = _on_most_faces(comparison, measured)
    for index, result in enumerate(comparison.results):
        if result.name not in kept:
            continue
        found = kept[result.name]
        curves = found.corruptions
        curve = curves[corruption] if corruption else np.mean(list(curves.values()), axis=0)
        y = [found.clean, *map(float, curve)]
        fig.add_scatter(
            x=list(range(len(y))),
            y=percents(y),
            mode="lines+markers",
            name=result.label,
            line={"color": colors[result.label], "width": 2.5},
            marker={"symbol": symbol(index), "size": 9},
            hovertemplate=f"{result.label}: %{{y:.1f}} % at strength %{{x}}<extra></extra>",
        )
        drops[result.label] = (float(np.mean(y[1:])), y[0])
        table += [
            {"run": result.name, "corruption": corruption or "mean", "strength": k, "accuracy": v}
            for k, v in enumerate(y)
        ]
    fig.update_xaxes(title="strength (0 is the clean face)", dtick=1)
    fig.update_yaxes(ticksuffix=" %", title="accuracy")
    style_with_legend(fig, 340)
    name = corruption or "all corruptions"
    if drops:
        best = max(drops, key=lambda label: drops[label][0])
        mean, clean = drops[best]
        reading = (
            f"Under {name}, {best} holds up best: {units.percent(mean)} on average over the five "
            f"strengths, {units.points(clean - mean)} below its clean accuracy.{note}"
        )
    else:
        reading = "None of these runs has been measured yet."
    return Panel(
        f"robustness-{corruption or 'mean'}", f"Accuracy under {name}", fig, reading, table
    )


def robustness_matrix_panel(comparison: Comparison, measured: Measured) -> Panel:
    """Mean accuracy over the five strengths of each corruption, one row per run."""
    kept, note = _on_most_faces(comparison, measured)
    results = [result for result in comparison.results if result.name in kept]
    names = sorted({name for r in results for name in kept[r.name].corruptions})
    z = np.array([[np.mean(kept[r.name].corruptions[name]) for name in names] for r in results])
    text = [[units.number(100 * value, 0) for value in row] for row in z]
    labels = [result.label for result in results]
    fig = heatmap(100 * z, text, names, labels, SHADES, 0.0, 100.0)
    fig.update_traces(hovertemplate="%{y}, %{x}: %{z:.1f} %<extra></extra>")
    fig.update_xaxes(title="mean accuracy in %", tickangle=-35)
    style(fig, height=180 + 40 * len(labels))
    worst = int(z.mean(axis=0).argmin())
    reading = (
        f"{names[worst][0].upper()}{names[worst][1:]} hurts most: "
        f"{units.percent(z[:, worst].mean(), 0)} on average over the runs and strengths.{note}"
    )
    table: list[TableRow] = [
        {"run": r.name, "mean": kept[r.name].mean, **dict(zip(names, map(float, row), strict=True))}
        for r, row in zip(results, z, strict=True)
    ]
    return Panel("robustness-matrix", "Where each run fails", fig, reading, table)


def _on_most_faces(comparison: Comparison, measured: Measured) -> tuple[dict[str, Robustness], str]:
    """The measurements on the most faces, as others cannot be ranked with them, and who is left out."""
    labels = {r.name: r.label for r in comparison.results if r.name in measured}
    most = max((measured[name].images for name in labels), default=0)
    fewer = [label for name, label in labels.items() if measured[name].images < most]
    note = (
        f" Not shown, measured on fewer than {most:,} faces: {units.join_names(fewer)}."
        if fewer
        else ""
    )
    return {name: measured[name] for name in labels if measured[name].images == most}, note
