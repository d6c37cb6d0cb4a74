"""How good each run is, overall and against each other."""

import numpy as np
import plotly.graph_objects as go

from emotion_core import units
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.study import load_study
from emotion_core.plots.theme import style
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.panel import (
    BETTER,
    GRAY,
    Panel,
    colors_of,
    heatmap,
    percents,
    style_with_legend,
    wrapped,
)
from emotion_core.reporting.rows import published_label
from emotion_core.reporting.words import headline, pair_sentence

_NUMBERED = 10  # runs up to which the cells of a matrix have room for numbers


def accuracy_panel(comparison: Comparison, *, study: bool = True) -> Panel:
    """Accuracy with its 95 % interval and macro-F1 of each run, best at the top."""
    results, colors = comparison.ranked[::-1], colors_of(comparison.results)
    fig = go.Figure()
    table: list[TableRow] = []
    for result in results:
        test = result.test
        low, high = test.accuracy_ci95
        ends = units.percent_range(test.accuracy_ci95)
        fig.add_scatter(
            x=[100 * test.accuracy],
            y=[result.label],
            error_x={
                "array": [100 * (high - test.accuracy)],
                "arrayminus": [100 * (test.accuracy - low)],
                "thickness": 2,
                "width": 6,
            },
            marker={"size": 13, "color": colors[result.label]},
            mode="markers",
            showlegend=False,
            hovertemplate=f"%{{y}}: %{{x:.1f}} %, 95 % interval {ends}<extra></extra>",
        )
        table.append(
            {
                "run": result.name,
                "accuracy": test.accuracy,
                "low": low,
                "high": high,
                "macro_f1": test.macro_f1,
                "published": False,
            }
        )
    fig.add_scatter(
        x=percents([result.test.macro_f1 for result in results]),
        y=[result.label for result in results],
        customdata=[units.score(result.test.macro_f1) for result in results],
        mode="markers",
        name="macro-F1 x 100",
        marker={"symbol": "diamond-open", "size": 10, "color": GRAY, "line": {"width": 2}},
        hovertemplate="%{y}: macro-F1 %{customdata}<extra></extra>",
    )
    if study and comparison.on_fer2013:
        table.append(_add_published(fig))
    fig.update_xaxes(ticksuffix=" %", title="accuracy on test, with 95 % interval")
    rows = list(dict.fromkeys(name for trace in fig.data for name in trace.y))
    fig.update_yaxes(tickvals=list(range(len(rows))), ticktext=wrapped(rows))
    style_with_legend(fig, 100 + 40 * len(rows), above=True)
    return Panel("accuracy", "Accuracy", fig, headline(comparison), table)


def _add_published(fig: go.Figure) -> TableRow:
    """The study's one published test result, and its row of the table."""
    test = load_study().test
    label = published_label(test.model)
    fig.add_scatter(
        x=percents([test.accuracy, test.macro_f1]),
        y=[label, label],
        mode="markers",
        name="published",
        marker={"symbol": ["x-thin", "diamond-open"], "size": 12, "color": GRAY}
        | {"line": {"width": 3, "color": GRAY}},
        hovertemplate="%{y}: %{x:.1f} %, not re-measured<extra></extra>",
    )
    return {
        "run": label,
        "accuracy": test.accuracy,
        "low": None,
        "high": None,
        "macro_f1": test.macro_f1,
        "published": True,
    }


def pairs_panel(comparison: Comparison) -> Panel:
    """Difference of accuracy of every two runs in points, row minus column."""
    names = [result.name for result in comparison.results]
    order = [names.index(result.name) for result in comparison.ranked]
    labels = [comparison.results[index].label for index in order]
    size = len(labels)
    z, text = np.full((size, size), np.nan), np.full((size, size), "", dtype=object)
    table: list[TableRow] = []
    for pair in comparison.pairs:
        for a, b, sign in ((pair.a, pair.b, 1), (pair.b, pair.a, -1)):
            z[a, b] = sign * 100 * pair.accuracy
            text[a, b] = units.number(z[a, b], 1, sign=True) + ("" if pair.significant else "?")
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
                "only_a_correct": pair.only_a,
                "only_b_correct": pair.only_b,
                "mcnemar_p": pair.p_value,
                "holm_p": pair.p_holm,
            }
        )
    z, text = z[np.ix_(order, order)], text[np.ix_(order, order)]
    limit = float(np.nanmax(np.abs(z), initial=1.0))
    fig = heatmap(z, text, labels, labels, BETTER, -limit, limit)
    fig.update_traces(
        customdata=[[units.number(value, 2, "points", sign=True) for value in row] for row in z],
        hovertemplate="%{y} minus %{x}: %{customdata}<extra></extra>",
        hoverongaps=False,
    )
    if size > _NUMBERED:
        fig.update_traces(text=np.where(np.char.endswith(text.astype(str), "?"), "?", ""))
    fig.update_xaxes(title="compared with")
    total, clear = len(comparison.pairs), sum(pair.significant for pair in comparison.pairs)
    if total == 1:
        reading = pair_sentence(comparison, comparison.pairs[0])
    else:
        reading = (
            f"{clear} of {total} differences are statistically significant (McNemar's exact test, "
            "Holm's correction, p below 0.05); a question mark stands at the others."
        )
    style(fig, height=230 + 40 * size)
    return Panel("pairs", "Difference of accuracy, row minus column", fig, reading, table)
