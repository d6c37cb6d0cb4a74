"""Groups of runs as a table: for a terminal, in Markdown, and in LaTeX (booktabs)."""

import math
from collections.abc import Sequence

from emotion_core import units
from emotion_core.evaluation.groups import Group, GroupTest, Spread, paired_group_tests
from emotion_core.reporting.markdown import lines
from emotion_core.reporting.settings import name_label, value_text
from emotion_core.reporting.terminal import aligned

_HEAD = ("Group", "Runs", "Validation", "Test accuracy", "Macro-F1", "Against the first")
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


def group_cells(
    groups: Sequence[Group], tests: Sequence[GroupTest], varied: Sequence[str] = ()
) -> list[list[str]]:
    """The titles, and one row of texts per group.

    Args:
        groups: From ``group_runs``, the best on validation first.
        tests: From ``paired_group_tests``.
        varied: Names of settings, or ``options.NAME``, that get columns of their own.
    """
    against = {test.b: test for test in tests if test.a == 0}
    head = [_HEAD[0], *map(name_label, varied), *_HEAD[1:]]
    return [head] + [
        [
            group.name,
            *(value_text(_value(group, name)) for name in varied),
            str(len(group.runs)),
            score_text(group),
            score_text(group, test=True),
            _spread(group.macro_f1, False),
            _test(against.get(place)),
        ]
        for place, group in enumerate(groups)
    ]


def groups_text(cells: Sequence[Sequence[str]]) -> str:
    """For a terminal."""
    return aligned(cells)


def groups_markdown(cells: Sequence[Sequence[str]]) -> str:
    """As a Markdown table."""
    head, *rows = [[cell.replace("|", r"\|") for cell in row] for row in cells]
    return "\n".join(lines(head, rows))


def groups_latex(cells: Sequence[Sequence[str]]) -> str:
    """As a LaTeX table of the package booktabs."""
    rows = [" & ".join(cell.translate(_LATEX) for cell in row) + r" \\" for row in cells]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{l{'r' * (len(cells[0]) - 2)}l}}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def score_text(group: Group, *, test: bool = False) -> str:
    """Mean and standard deviation over the seeds of the validation score, or of test accuracy."""
    if test:
        return _spread(group.accuracy, True)
    return _spread(group.validation, group.config.monitor != "loss")


def paired_sentence(first: Group, second: Group) -> str:
    """The paired test of two groups in words."""
    if first.test_fingerprint != second.test_fingerprint:
        return f"{first.name} and {second.name} were tested on other faces, which is no pair."
    (test,) = paired_group_tests([first, second])
    seeds = units.several(test.seeds, "common seed")
    if math.isnan(test.difference):
        return f"{first.name} and {second.name} have no common seed, so there is nothing to pair."
    points = units.points(test.difference, sign=True)
    said = f"{first.name} against {second.name}, {seeds}: {points} of accuracy on test"
    if math.isnan(test.p_value):
        return f"{said}. A test needs two common seeds."
    verdict = "statistically significant" if test.significant else "not statistically significant"
    return f"{said}, {verdict} (paired t-test, {units.p_value(test.p_value)}, for this pair alone)."


def _value(group: Group, name: str) -> object:
    option = name.removeprefix("options.")
    return group.config.options.get(option, "") if option != name else getattr(group.config, name)


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
