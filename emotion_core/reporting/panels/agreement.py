"""Where runs answer alike."""

import plotly.graph_objects as go

from emotion_core import units
from emotion_core.evaluation.compare import Comparison, agreement
from emotion_core.plots.theme import style
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.panel import SHADES, Panel, colors_of, heatmap, wrapped


def agreement_panel(comparison: Comparison) -> Panel:
    """Share of test faces on which two runs give the same answer."""
    found, labels = agreement(comparison.results), [r.label for r in comparison.results]
    text = [[units.percent(value, 0) for value in row] for row in found.matrix]
    fig = heatmap(100 * found.matrix, text, labels, labels, SHADES, 0.0, 100.0)
    fig.update_traces(hovertemplate="%{y} and %{x}: %{z:.1f} % the same<extra></extra>")
    style(fig, height=210 + 40 * len(labels))
    table: list[TableRow] = [
        {"run": result.name} | dict(zip(labels, map(float, row), strict=True))
        for result, row in zip(comparison.results, found.matrix, strict=True)
    ]
    pairs = [(found.matrix[p.a, p.b], p) for p in comparison.pairs]
    if not pairs:
        reading = "One run agrees with itself; choose two."
    else:
        low, pair = min(pairs, key=lambda item: item[0])
        apart, n = round((1 - low) * len(comparison.labels)), len(comparison.labels)
        reading = (
            f"{labels[pair.a]} and {labels[pair.b]} differ most: they answer differently on "
            f"{apart:,} of {units.faces(n)}."
            if apart
            else "All runs give the same answer to every face."
        )
    return Panel("agreement", "Same answers", fig, reading, table)


def overlap_panel(comparison: Comparison) -> Panel:
    """How many faces all, several, none or just one of the runs classifies correctly."""
    found, n = agreement(comparison.results), len(comparison.labels)
    groups = {
        "all correct": len(found.all_correct),
        "several correct": n,  # less all the others
        "wrong together": len(found.wrong_together),
        "wrong apart": len(found.wrong_apart),
    } | {
        f"only {result.label}": len(rows)
        for result, rows in zip(comparison.results, found.only_correct, strict=True)
    }
    groups["several correct"] -= sum(groups.values()) - n
    tones = ("#009E73", "#8A8A8A", "#D55E00", "#E69F00", *colors_of(comparison.results).values())
    colors = dict(zip(groups, tones, strict=True))
    if len(comparison.results) < 3:
        del groups["several correct"], colors["several correct"]
    names, counts = list(groups), list(groups.values())
    fig = go.Figure(
        go.Bar(
            x=counts,
            y=names,
            orientation="h",
            text=[f"{count:,} ({units.percent(count / n)})" for count in counts],
            textposition="outside",
            cliponaxis=False,
            marker={"color": list(colors.values())},
            hovertemplate="%{y}: %{x:,} faces<extra></extra>",
        )
    )
    rows = list(range(len(names)))
    fig.update_yaxes(autorange="reversed", tickvals=rows, ticktext=wrapped(names))
    # Room for the text beside the longest bar, on a phone too; ticks would only repeat it.
    fig.update_xaxes(title="test faces", range=[0, 1.75 * max(counts)], showticklabels=False)
    fig.update_xaxes(showgrid=False)
    style(fig, height=140 + 34 * len(names))
    together = groups["wrong together"]
    reading = (
        f"On {units.faces(together)} ({units.percent(together / n)}) all runs give the same wrong "
        "answer: look there for wrong labels before blaming the models."
    )
    table: list[TableRow] = [
        {"group": name, "faces": count, "share": count / n} for name, count in groups.items()
    ]
    return Panel("overlap", "Correct and wrong together", fig, reading, table)
