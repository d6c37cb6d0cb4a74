"""The transfer measure of several runs, each with its interval, and which is ahead."""

from collections.abc import Mapping

import plotly.graph_objects as go

from emotion_core import units
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.transfer import Transfer, difference
from emotion_core.plots.theme import style
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.panel import Panel, colors_of, wrapped


def transfer_panel(comparison: Comparison, measured: Mapping[str, Transfer]) -> Panel | None:
    """Each run's measure, best at the top; None where no run was measured.

    Args:
        comparison: The runs.
        measured: By run name. Those on the most faces are drawn, as others cannot be ranked with them.
    """
    results = [result for result in comparison.results if result.name in measured]
    if not results:
        return None
    most = max(measured[result.name].images for result in results)
    kept = [result for result in results if measured[result.name].images == most]
    kept.sort(key=lambda result: measured[result.name].transfer)
    fewer = [result.label for result in results if result not in kept]
    fig, colors = go.Figure(), colors_of(comparison.results)
    table: list[TableRow] = []
    for result in kept:
        found = measured[result.name]
        low, high = found.transfer_ci95
        fig.add_scatter(
            x=[100 * found.transfer],
            y=[result.label],
            error_x={
                "array": [100 * (high - found.transfer)],
                "arrayminus": [100 * (found.transfer - low)],
                "thickness": 2,
                "width": 6,
            },
            marker={"size": 13, "color": colors[result.label]},
            mode="markers",
            showlegend=False,
            hovertemplate=f"%{{y}}: %{{x:.1f}} %, 95 % interval "
            f"{units.percent_range(found.transfer_ci95)}<extra></extra>",
        )
        row: TableRow = {"run": result.name, "transfer": found.transfer, "low": low, "high": high}
        table.append(row | {part: share for part, share in found.parts.items()})
    labels = [result.label for result in kept]
    fig.update_xaxes(ticksuffix=" %", title="transfer, with 95 % interval")
    fig.update_yaxes(tickvals=list(range(len(labels))), ticktext=wrapped(labels))
    style(fig, height=120 + 40 * len(labels))
    reading = _reading([(r.label, measured[r.name]) for r in kept[::-1]])
    if fewer:
        reading += f" Not shown, measured on fewer than {most:,} faces: {units.join_names(fewer)}."
    return Panel("transfer", "Transfer: other crops, light and cameras", fig, reading, table[::-1])


def _reading(ranked: list[tuple[str, Transfer]]) -> str:
    label, best = ranked[0]
    said = (
        f"{label} has {units.percent(best.transfer)} on {units.faces(best.images)} of validation: "
        "the mean of corruption, framing, low resolution, light and agreement with the mirrored face."
    )
    if len(ranked) > 1:
        gap, (low, high) = difference(best, ranked[1][1])
        sure = "" if low > 0 else "; the interval holds 0, so either may be ahead"
        said += (
            f" That is {units.points(gap)} more than {ranked[1][0]} (95 % interval "
            f"{units.percent_range((low, high), sign=True)}, face by face{sure})."
        )
    if borrowed := [f"{name} by {found.measured}" for name, found in ranked if found.measured]:
        said += f" Measured by the run that never learned validation: {units.join_names(borrowed)}."
    return said
