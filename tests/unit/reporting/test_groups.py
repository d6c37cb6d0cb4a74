"""Groups of runs: what belongs together, the paired test, and the tables that people copy."""

import math

import pytest
from scipy.stats import ttest_rel

from benchmarks.samples import random_faces, write_random_run
from emotion_core.evaluation.groups import Group, group_runs, paired_group_tests, paired_t
from emotion_core.files import read_json, write_json
from emotion_core.reporting.groups import (
    group_cells,
    groups_latex,
    groups_markdown,
    paired_sentence,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def groups(root) -> list[Group]:
    """Two with three seeds and one with one seed on one set of faces, one on another."""
    faces, others = random_faces(300), random_faces(400)
    runs = []
    for seeds, skill, data, lr in (
        (3, 6.0, faces, 0.05),
        (3, 3.0, faces, 0.001),
        (1, 4.0, faces, 0.002),
        (2, 4.5, others, 0.003),
    ):
        for seed in range(seeds):
            run = write_random_run(root, data, seed=seed, skill=skill)
            values = read_json(run.path / "config.json") | {
                "lr": lr,
                "name": f"x{len(runs)}-s{seed}",
            }
            write_json(run.path / "config.json", values)
            runs.append(run)
    found = {group.config.lr: group for group in group_runs(runs)}
    assert [len(found[lr].runs) for lr in (0.05, 0.001, 0.002, 0.003)] == [3, 3, 1, 2]
    return [found[lr] for lr in (0.05, 0.001, 0.002, 0.003)]


def test_the_paired_test_is_students():
    a, b = [0.71, 0.72, 0.69, 0.74], [0.70, 0.69, 0.68, 0.70]
    differences = [first - second for first, second in zip(a, b, strict=True)]
    assert paired_t(differences) == pytest.approx(ttest_rel(a, b).pvalue)
    assert math.isnan(paired_t([0.1])) and paired_t([0.0, 0.0]) == 1.0


def test_a_pair_is_said_in_words(groups):
    good, bad, once, elsewhere = groups
    said = paired_sentence(good, bad)
    assert "3 common seeds: +" in said and "statistically significant (paired t-test, p " in said
    assert "1 common seed: +" in paired_sentence(good, once)
    assert paired_sentence(good, once).endswith("A test needs two common seeds.")
    assert "were tested on other faces" in paired_sentence(good, elsewhere)


def test_tables_have_the_varied_settings_and_escape_what_latex_reads(groups):
    pair = groups[:2]
    cells = group_cells(pair, paired_group_tests(pair), ["lr"])
    assert cells[0][:3] == ["Group", "Learning rate", "Runs"]
    assert [row[1:3] for row in cells[1:]] == [["0.05", "3"], ["0.001", "3"]]
    assert cells[1][-1] == "" and cells[2][-1].startswith("\u2212")
    markdown = groups_markdown(cells).splitlines()
    assert len(markdown) == 4 and markdown[0].count("|") == markdown[3].count("|") == 8
    latex = groups_latex([cells[0], ["bad_%", *cells[2][1:]]]).splitlines()
    assert latex[0] == r"\begin{tabular}{lrrrrrl}" and latex[4].startswith(r"bad\_\% & 0.001 & 3 &")
    assert latex[4].count("$\\pm$") == 3 and latex[-1] == r"\end{tabular}"
