"""Groups of runs as a table: for a terminal, in Markdown, and in LaTeX (booktabs)."""

import math
from collections.abc import Sequence

from emotion_core import units
from emotion_core.evaluation.groups import Group, GroupTest, Spread
from emotion_core.reporting.markdown import lines
from emotion_core.reporting.terminal import aligned

HEAD = ("Group", "Runs", "Validation", "Test accuracy", "Macro-F1", "Against the first")
_LATEX = str.maketrans(
    {
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "±": r"$\pm$",
        "\u2212": "$-$",
        "<": "$<$",
    }
)


def group_cells(groups: Sequence[Group], tests: Sequence[GroupTest]) -> list[list[str]]:
    """One row of texts per group, under ``HEAD``.

    Args:
        groups: From ``group_runs``, the best on validation first.
        tests: From ``paired_group_tests``.
    """
    against = {test.b: test for test in tests if test.a == 0}
    return [
        [
            group.name,
            str(len(group.runs)),
            _spread(group.validation, group.config.monitor != "loss"),
            _spread(group.accuracy, True),
            _spread(group.macro_f1, False),
            _test(against.get(place)),
        ]
        for place, group in enumerate(groups)
    ]


def groups_text(cells: Sequence[Sequence[str]]) -> str:
    """For a terminal."""
    return aligned([HEAD, *cells])


def groups_markdown(cells: Sequence[Sequence[str]]) -> str:
    """As a Markdown table."""
    return "\n".join(lines(HEAD, [[cell.replace("|", r"\|") for cell in row] for row in cells]))


def groups_latex(cells: Sequence[Sequence[str]]) -> str:
    """As a LaTeX table of the package booktabs."""
    rows = [" & ".join(cell.translate(_LATEX) for cell in row) + r" \\" for row in (HEAD, *cells)]
    return "\n".join(
        [
            r"\begin{tabular}{lrrrrl}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _spread(spread: Spread, share: bool) -> str:
    if math.isnan(spread.mean):
        return ""
    if not share:
        mean = units.score(spread.mean)
        return mean if math.isnan(spread.deviation) else f"{mean} ± {units.score(spread.deviation)}"
    if math.isnan(spread.deviation):
        return units.percent(spread.mean)
    return f"{units.number(100 * spread.mean, 1)} ± {units.percent(spread.deviation)}"


def _test(test: GroupTest | None) -> str:
    if test is None or math.isnan(test.difference):
        return ""
    lower = units.points(-test.difference, sign=True)
    return lower if math.isnan(test.p_holm) else f"{lower}, {units.p_value(test.p_holm)}"
