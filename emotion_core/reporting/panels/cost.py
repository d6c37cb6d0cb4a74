"""Accuracy against what it costs."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from emotion_core import units
from emotion_core.evaluation.compare import pareto_front
from emotion_core.evaluation.results import Result
from emotion_core.reporting.columns import COLUMNS
from emotion_core.reporting.panels.panel import (
    GRAY,
    Panel,
    colors_of,
    percents,
    style_with_legend,
    symbol,
)

_NAMED = 6  # runs that have their name beside their point
# By key of ``columns.COLUMNS``: title, unit of the axis, factor.
COSTS: dict[str, tuple[str, str, float]] = {
    "latency_ms": ("CPU latency", "ms per face", 1.0),
    "parameters": ("Parameters", "millions", 1e-6),
    "macs": ("Multiply-adds", "millions per face", 1e-6),
    "size_bytes": ("Size on disk", "MB", 1e-6),
    "training_seconds": ("Training time", "minutes", 1 / 60),
}


def cost_panel(
    results: Sequence[Result],
    cost: str = "latency_ms",
    *,
    remeasured: dict[str, float] | None = None,
) -> Panel:
    """Accuracy against one cost, with the Pareto front.

    Args:
        results: Of runs on one test set.
        cost: A key of ``COSTS``.
        remeasured: CPU milliseconds per face by run name, measured on this machine just now. Once
            one run of the comparison has it, the others' stored times are left out: they may be
            another machine's.
    """
    title, unit, factor = COSTS[cost]
    here = remeasured or {}
    values = [float(getattr(result.report.cost, cost)) for result in results]
    stored = cost != "latency_ms" or not any(result.name in here for result in results)
    if not stored:
        values = [here.get(result.name, math.nan) for result in results]
    values = [value or math.nan for value in values]
    x = [value * factor for value in values]
    front = pareto_front(x, [result.test.accuracy for result in results])
    fig = _figure(results, x, front, unit)
    fig.update_xaxes(title=f"{title}, {unit} (log scale)", **_log_axis(x))
    reading = _reading(results, cost, values, front)
    if stored:
        reading += _caution(results, cost)
    elif any(math.isnan(value) for value in x):
        reading += " Runs that were not measured here are left out."
    return Panel(
        f"cost-{cost}",
        f"Accuracy against {_inside(title)}",
        fig,
        reading,
        [
            {
                "run": result.name,
                "accuracy": result.test.accuracy,
                cost: values[index],
                "on_front": index in front,
            }
            for index, result in enumerate(results)
        ],
    )


def _figure(
    results: Sequence[Result], x: Sequence[float], front: list[int], unit: str
) -> go.Figure:
    fig, colors = go.Figure(), colors_of(results)
    y = percents([result.test.accuracy for result in results])
    fig.add_scatter(
        x=[x[i] for i in front],
        y=[y[i] for i in front],
        mode="lines",
        name="best trade-offs",
        line={"color": GRAY, "dash": "dash", "shape": "hv"},
        hoverinfo="skip",
    )
    for index, result in enumerate(results):
        low, high = percents(result.test.accuracy_ci95)
        fig.add_scatter(
            x=[x[index]],
            y=[y[index]],
            error_y={"array": [high - y[index]], "arrayminus": [y[index] - low], "thickness": 1.5},
            mode="markers+text",
            name=result.label,
            # Of many runs only the best trade-offs: names would lie on each other.
            text=[f"  {result.label}" if len(results) <= _NAMED or index in front else ""],
            textposition="top right",  # clear of the interval and of the dashed line
            cliponaxis=False,
            marker={"size": 14, "color": colors[result.label], "symbol": symbol(index)},
            hovertemplate=f"{result.label}: %{{x:.3g}} {unit}, %{{y:.1f}} %<extra></extra>",
        )
    fig.update_yaxes(ticksuffix=" %", title="accuracy on test")
    style_with_legend(fig, 360)
    return fig


def _reading(
    results: Sequence[Result], cost: str, values: Sequence[float], front: Sequence[int]
) -> str:
    title, _, _ = COSTS[cost]
    if not front:
        return f"No run here has a measured {_inside(title)}."
    per_face = " per face" if cost in ("latency_ms", "macs") else ""
    said = [
        f"{results[i].label} ({COLUMNS[cost].text(values[i])}{per_face}, "
        f"{units.percent(results[i].test.accuracy)})"
        for i in front
    ]
    others = sum(not math.isnan(value) for value in values) - len(front)
    if len(front) == 1 and others:
        return f"{said[0]} is both the cheapest and the most accurate."
    reading = f"Best trade-off{'s' * (len(front) > 1)}: {units.join_names(said)}."
    if others:
        rest = "other one costs" if others == 1 else f"other {others} cost"
        reading += f" The {rest} more without being more accurate."
    return reading


def _caution(results: Sequence[Result], cost: str) -> str:
    """What a reader of stored times has to know."""
    machines = {result.report.environment.processor for result in results}
    if cost == "latency_ms" and len(machines) > 1:
        return " Measured on different machines: do not read small differences."
    if cost != "training_seconds":
        return ""
    said = ""
    if any(_earlier_weights(r) and not r.report.cost.chain_seconds for r in results):
        said += " Runs that start from earlier runs count fine-tuning alone."
    if any(r.config.teacher for r in results):
        said += " The training of teachers is not counted."
    return said


def _earlier_weights(result: Result) -> bool:
    return bool(result.config.start_from or result.config.average_with)


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
