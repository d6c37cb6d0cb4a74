"""What the study published, what its recipe gives here, and what ours gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from emotion_core import units
from emotion_core.evaluation.selection import Entry, best_of_each
from emotion_core.evaluation.study import load_study
from emotion_core.models.titles import model_title
from emotion_core.plots.theme import RUN_PALETTE, style
from emotion_core.reporting.columns import TableRow
from emotion_core.reporting.panels.panel import Panel
from emotion_core.runs.report import Report

_OURS_TOO = "sequential"  # our own small network, for which the study has no counterpart
_PUBLISHED, _REPRODUCED, _OURS = "Published", "Reproduced", "Our recipe"
_LOOKS = {
    _PUBLISHED: {"symbol": "x-thin", "color": "#8A8A8A", "size": 11}
    | {"line": {"width": 3, "color": "#8A8A8A"}},
    _REPRODUCED: {"symbol": "square", "color": RUN_PALETTE[1], "size": 12},
    _OURS: {"symbol": "circle", "color": RUN_PALETTE[0], "size": 14},
}


@dataclass(frozen=True)
class Standing:
    """One architecture's accuracies (0..1); None where there is none.

    Attributes:
        model: Architecture.
        published: The study's best validation accuracy.
        reproduced: Test report of the best run by the study's recipe.
        ours: Test report of the best run by our recipe.
    """

    model: str
    published: float | None
    reproduced: Report | None
    ours: Report | None


def is_on_fer2013(report: Report) -> bool:
    """Whether a run was tested on the faces of the study's test."""
    return (
        not report.data.synthetic
        and report.data.counts.get("test") == load_study().counts["test"]
        and report.test.n == load_study().test.n
    )


def standings(entries: Sequence[Entry]) -> list[Standing]:
    """The study's five architectures and our sequential, best by our recipe first.

    Of several runs the one counts that is best on validation.

    Args:
        entries: Finished runs; those on other test faces than the study's are left out.
    """
    study = load_study()
    here = [entry for entry in entries if is_on_fer2013(entry[1])]
    by_recipe = {
        recipe: {r.model: r for _, r in best_of_each([e for e in here if e[1].recipe == recipe])}
        for recipe in ("study", "ours")
    }
    found = [
        Standing(
            model,
            published / 100 if (published := study.best_val_accuracy_percent.get(model)) else None,
            by_recipe["study"].get(model),
            by_recipe["ours"].get(model),
        )
        for model in (*study.models, _OURS_TOO)
    ]
    known = [one for one in found if one.reproduced or one.ours]
    return sorted(known, key=lambda one: one.ours.test.accuracy if one.ours else 0, reverse=True)


def study_panel(entries: Sequence[Entry], *, height: int = 330) -> Panel | None:
    """Accuracy of each of the study's architectures: published, reproduced, ours; None without any.

    Args:
        entries: All finished runs.
        height: Pixels.
    """
    found = standings(entries)
    if not found:
        return None
    fig = go.Figure()
    table: list[TableRow] = []
    for one in found:
        marks = _accuracies(one)
        fig.add_scatter(
            x=[100 * min(marks.values()), 100 * max(marks.values())],
            y=[model_title(one.model)] * 2,
            mode="lines",
            line={"color": "rgba(128, 128, 128, 0.45)", "width": 3},
            hoverinfo="skip",
            showlegend=False,
        )
        table.append({"model": one.model, **{k.lower(): v for k, v in marks.items()}})
    for kind, look in _LOOKS.items():
        points = [(one, marks[kind]) for one in found if kind in (marks := _accuracies(one))]
        if not points:
            continue
        ours = kind == _OURS
        fig.add_scatter(
            x=[100 * value for _, value in points],
            y=[model_title(one.model) for one, _ in points],
            mode="markers+text" if ours else "markers",
            text=[f"  {units.percent(value)}" for _, value in points] if ours else None,
            textposition="middle right",
            cliponaxis=False,
            name=kind,
            marker=look,
            hovertemplate=f"%{{y}}, {kind.lower()}: %{{x:.1f}} %<extra></extra>",
        )
    fig.update_yaxes(autorange="reversed", showgrid=False)
    fig.update_xaxes(ticksuffix=" %", title="accuracy")
    values = [value for one in found for value in _accuracies(one).values()]
    fig.update_xaxes(range=[100 * min(values) - 1, 100 * max(values) + 3])
    fig.update_layout(legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0})
    style(fig, height=height)
    fig.update_layout(margin={"t": 34})
    title = "The study's five architectures, and ours"
    return Panel("study", title, fig, _reading(found), table)


def _accuracies(one: Standing) -> dict[str, float]:
    values = {
        _PUBLISHED: one.published,
        _REPRODUCED: one.reproduced.test.accuracy if one.reproduced else None,
        _OURS: one.ours.test.accuracy if one.ours else None,
    }
    return {kind: value for kind, value in values.items() if value is not None}


def _reading(found: Sequence[Standing]) -> str:
    gains = [
        one.ours.test.accuracy - one.reproduced.test.accuracy
        for one in found
        if one.ours and one.reproduced
    ]
    test = load_study().test
    published = (
        "Published figures are best validation accuracies; the study reports one test result, "
        f"{model_title(test.model)} at {units.percent(test.accuracy)}."
    )
    if not gains:
        return published
    ends = f"{units.number(100 * min(gains), 1)} to {units.points(max(gains))}"
    return f"Our recipe gains {ends} over the study's on the same test faces. {published}"
