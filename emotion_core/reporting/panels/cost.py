"""Accuracy against what it costs."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from emotion_core.evaluation.compare import Comparison, pareto_front, table_row
from emotion_core.recipes import EARLIER
from emotion_core.reporting.panels.panel import (
    Panel,
    colors_of,
    join,
    percent,
    style_with_legend,
    symbol,
)

COSTS: dict[str, tuple[str, str, float]] = {
    "latency_ms": ("CPU latency", "ms a face", 1.0),
    "parameters": ("Parameters", "millions", 1e-6),
    "macs": ("Multiply-adds", "millions a face", 1e-6),
    "size_bytes": ("Size on disk", "MB", 1e-6),
    "train_seconds": ("Training time", "minutes", 1 / 60),
}


def cost_panel(
    comparison: Comparison, cost: str = "latency_ms", *, remeasured: dict[str, float] | None = None
) -> Panel:
    """Accuracy against one cost, with the Pareto front.

    Args:
        comparison: The runs.
        cost: A key of ``COSTS``.
        remeasured: CPU milliseconds a face by run name, measured on this machine just now. Once
            one run of the comparison has it, the others' stored times are left out: they may be
            another machine's.
    """
    title, unit, factor = COSTS[cost]
    rows = [table_row(result) for result in comparison.results]
    here = remeasured or {}
    stored = cost != "latency_ms" or not any(row["run"] in here for row in rows)
    if not stored:
        for row in rows:
            row[cost] = here.get(row["run"], math.nan)
    x = [float(row[cost]) * factor or math.nan for row in rows]
    y = [float(row["accuracy"]) for row in rows]
    front, fig, colors = pareto_front(x, y), go.Figure(), colors_of(comparison)
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
                "symbol": symbol(index),
            },
            hovertemplate=f"{row['label']}: %{{x:.3g}} {unit}, %{{y:.2%}}<extra></extra>",
        )
    fig.update_xaxes(title=f"{title}, {unit} (log scale)", **_log_axis(x))
    fig.update_yaxes(tickformat=".1~%", title="accuracy on test")
    style_with_legend(fig, 360)
    if not front:
        reading = f"No run here has a measured {_inside(title)}."
    else:
        cheap, known = rows[front[0]], sum(not math.isnan(value) for value in x)
        price = f"{x[front[0]]:.3g} {unit}"
        if len(front) == 1 and known > 1:
            reading = (
                f"{cheap['label']} is both cheapest ({price}) and most accurate "
                f"({percent(cheap['accuracy'])}): nothing speaks for another run here."
            )
        else:
            names = join([rows[i]["label"] for i in front])
            beaten = known - len(front)
            reading = (
                f"On the Pareto front: {names}; {cheap['label']} is cheapest, {price} at "
                f"{percent(cheap['accuracy'])}"
                + (f", and {beaten} of the others cost more for no gain." if beaten else ".")
            )
    if stored:
        reading += _caution(comparison, cost)
    elif any(math.isnan(value) for value in x):
        reading += " Runs that were not measured here are left out."
    table = [
        {"run": row["run"], "accuracy": row["accuracy"], cost: row[cost], "on_front": i in front}
        for i, row in enumerate(rows)
    ]
    return Panel(f"cost-{cost}", f"Accuracy against {_inside(title)}", fig, reading, table)


def _caution(comparison: Comparison, cost: str) -> str:
    """What a reader of stored times has to know."""
    results = comparison.results
    machines = {result.report.environment.processor for result in results}
    if cost == "latency_ms" and len(machines) > 1:
        return " Timed on different machines, so small differences say nothing."
    lent = any(getattr(r.config, key) for r in results for key in EARLIER)
    if cost == "train_seconds" and lent:
        return (
            " Runs that take weights from earlier runs, or learn from teachers, count only their "
            "own time."
        )
    return ""


def _inside(title: str) -> str:
    """A title within a sentence: "CPU latency" keeps its capitals."""
    return title if title[:2].isupper() else title[0].lower() + title[1:]


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
