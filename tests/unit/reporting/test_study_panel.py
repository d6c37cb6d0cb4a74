"""The study's architectures: published, reproduced, ours."""

import pytest

from emotion_core.evaluation.study import load_study
from emotion_core.paths import PROJECT
from emotion_core.reporting.panels.study import is_on_fer2013, standings, study_panel
from emotion_core.runs.catalog import list_runs


@pytest.fixture(scope="module")
def shipped():
    runs = list_runs(PROJECT / "checkpoints")
    return [(run, report) for run in runs if (report := run.report())]


def test_the_five_and_sequential_stand_best_first(shipped):
    found = standings(shipped)
    assert {one.model for one in found} == {*load_study().models, "sequential"}
    ours = [one.ours.test.accuracy for one in found]
    assert ours == sorted(ours, reverse=True)
    for one in found:
        if one.model == "sequential":
            assert one.published is None and one.reproduced is None, "the study has no such network"
        else:
            assert one.published == load_study().best_val_accuracy_percent[one.model] / 100
            assert one.reproduced.recipe == "study" and one.ours.recipe == "ours"


def test_the_figure_says_what_the_published_figures_are(shipped):
    panel = study_panel(shipped)
    names = [trace.name for trace in panel.figure.data if trace.showlegend is not False]
    assert names == ["Published", "Reproduced", "Our recipe"]
    gains = [
        100 * (row["our recipe"] - row["reproduced"]) for row in panel.table if "reproduced" in row
    ]
    assert len(gains) == 5 and len(panel.table) == 6
    assert f"Our recipe gains {min(gains):.1f} to {max(gains):.1f} points" in panel.reading
    assert "best validation accuracies" in panel.reading
    assert "one test result, Block CNN at 58.8 %" in panel.reading


def test_other_faces_than_the_studys_have_no_place_beside_it(shipped, written_runs):
    assert all(is_on_fer2013(report) for _, report in shipped)
    assert study_panel([(run, run.report()) for run in written_runs]) is None
