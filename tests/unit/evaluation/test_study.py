"""The study's figures stand beside FER-2013 results alone, always marked as published."""

import dataclasses

import numpy as np
import pytest

from emotion_core.evaluation.compare import compare_runs
from emotion_core.evaluation.study import load_study
from emotion_core.labels import EMOTIONS
from emotion_core.reporting.panels.courses import Curve
from emotion_core.reporting.panels.curves import curves_panel, smooth
from emotion_core.reporting.panels.scores import accuracy_panel
from emotion_core.runs.ancestry import Course


@pytest.fixture(scope="module")
def on_fer2013(written_runs):
    """Results whose test labels have FER-2013's counts."""
    found = compare_runs(written_runs)
    counts = [load_study().counts["test"][emotion] for emotion in EMOTIONS]
    report = found.results[0].report
    report = dataclasses.replace(report, data=dataclasses.replace(report.data, synthetic=False))
    first = dataclasses.replace(
        found.results[0], labels=np.repeat(np.arange(7), counts), report=report
    )
    return dataclasses.replace(found, results=(first, *found.results[1:]))


def test_published_curves_peak_where_the_study_says():
    study = load_study()
    for model in study.models:
        rows = study.rows(model)
        assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
        peak = max(row["val_accuracy"] for row in rows)
        assert 100 * peak == pytest.approx(study.best_val_accuracy_percent[model])
    assert len(study.models) == 5
    assert study.rows("no such model") == []


def test_published_test_result_covers_every_emotion():
    test = load_study().test
    assert list(test.per_emotion) == list(EMOTIONS)
    assert sum(row.support for row in test.per_emotion.values()) == test.n == 7178
    f1 = [row.f1 for row in test.per_emotion.values()]
    assert np.mean(f1) == pytest.approx(test.macro_f1, abs=0.005)


def test_accuracy_shows_the_study_on_fer2013_alone(written_runs, on_fer2013):
    panel = accuracy_panel(on_fer2013)
    assert [row["run"] for row in panel.table if row["published"]] == ["Block CNN (published)"]
    assert "published" in [trace.name for trace in panel.figure.data]
    elsewhere = accuracy_panel(compare_runs(written_runs))
    assert not any(row["published"] for row in elsewhere.table)


def test_curves_mark_the_study_as_published():
    rows = [{"epoch": 1, "train_accuracy": 0.5, "val_accuracy": 0.4, "seconds": 60.0}]
    panel = curves_panel(
        [Curve("mine", "#000000", "", Course(rows))], "Accuracy", study=["resnet18"]
    )
    names = [trace.name for trace in panel.figure.data]
    assert [name for name in names if "mine" not in name] == [
        "ResNet-18 (published), train",
        "ResNet-18 (published)",
    ]
    # The study printed no times, so it has no place on a time axis.
    timed = curves_panel(
        [Curve("mine", "#000000", "", Course(rows))], "Accuracy", axis="time", study=["resnet18"]
    )
    assert not any("published" in trace.name for trace in timed.figure.data)
    assert timed.figure.data[0].x == (1.0,)


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.95])
def test_smoothing_keeps_a_constant_and_its_start(weight):
    assert smooth([3.0] * 5, weight) == pytest.approx([3.0] * 5)
    smoothed = smooth([1.0, 2.0, 3.0], weight)
    assert smoothed[0] == 1.0
    assert smoothed == sorted(smoothed)
    assert (smoothed == [1.0, 2.0, 3.0]) == (weight == 0)
