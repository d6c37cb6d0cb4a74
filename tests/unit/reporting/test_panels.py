"""Figures of many runs: each run is told apart, every bar counts, times of one machine alone."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.evaluation.compare import compare_runs
from emotion_core.evaluation.corruptions import CORRUPTIONS
from emotion_core.evaluation.robustness import Robustness
from emotion_core.files import write_json
from emotion_core.labels import EMOTIONS
from emotion_core.plots.theme import RUN_PALETTE
from emotion_core.reporting.panels.agreement import overlap_panel
from emotion_core.reporting.panels.calibration import coverage_panel, reliability_panel
from emotion_core.reporting.panels.cost import cost_panel
from emotion_core.reporting.panels.emotions import one_vs_rest_panel, per_emotion_panel
from emotion_core.reporting.panels.panel import dash, symbol
from emotion_core.reporting.panels.robustness import robustness_matrix_panel, robustness_panel
from emotion_core.reporting.panels.scores import pairs_panel
from emotion_core.reporting.panels.transfer import transfer_panel
from emotion_core.reporting.rows import emotion_rows
from tests.samples import change_report, write_transfer

MANY = len(RUN_PALETTE)  # more than a page compares


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        root, faces = tmp_path_factory.mktemp("runs"), random_faces(60)
        yield [
            write_random_run(root, faces, model="resnet18", seed=seed, skill=1 + seed / 5, epochs=2)
            for seed in range(MANY)
        ]


@pytest.fixture(scope="module")
def many(runs):
    return compare_runs(runs)


def test_many_runs_have_as_many_marks():
    colors = [RUN_PALETTE[i % len(RUN_PALETTE)] for i in range(MANY)]
    for mark in (symbol, dash):
        assert len({(color, mark(i)) for i, color in enumerate(colors)}) == MANY


def robustness(images: int) -> Robustness:
    curves = {name: (0.5,) * 5 for name in CORRUPTIONS}
    return Robustness(test_fingerprint="", clean=0.6, mean=0.5, images=images, corruptions=curves)


def test_no_two_runs_of_a_figure_look_alike(many):
    measured = {result.name: robustness(50) for result in many.results}
    for panel in (
        cost_panel(many.results, "parameters"),
        robustness_panel(many, measured),
        reliability_panel(many),
        coverage_panel(many, 0.8)[0],
        one_vs_rest_panel(many, "happy", roc=True),
        per_emotion_panel(many),
    ):
        looks = [
            (t.line.color, t.line.dash, t.marker.symbol)
            if t.type == "scatter" and t.line.color
            else (
                t.marker.color,
                t.marker.symbol if t.type == "scatter" else t.marker.pattern.shape,
            )
            for t in panel.figure.data
            if t.showlegend is not False
        ]
        assert len(set(looks)) == len(looks) >= MANY


def test_a_figure_grows_with_its_legend(runs, many):
    few = one_vs_rest_panel(compare_runs(runs[:2]), "happy", roc=True).figure
    more = one_vs_rest_panel(many, "happy", roc=True).figure
    assert more.layout.height - few.layout.height >= 18 * (MANY - 2)


def test_a_large_matrix_keeps_room_and_marks_chance_alone(runs, many):
    small = pairs_panel(compare_runs(runs[:3]))
    assert all("." in cell or not cell for row in small.figure.data[0].text for cell in row)
    large = pairs_panel(many)
    assert {cell for row in large.figure.data[0].text for cell in row} <= {"", "?"}
    assert large.figure.layout.height > 30 * MANY
    assert "question mark" in large.reading


@pytest.mark.parametrize("count", [2, 3, MANY])
def test_the_bars_of_correct_and_wrong_sum_to_the_test_set(runs, count):
    comparison = compare_runs(runs[:count])
    panel = overlap_panel(comparison)
    assert sum(panel.figure.data[0].x) == len(comparison.labels)
    assert all(row["faces"] >= 0 for row in panel.table)
    assert len(panel.figure.data[0].marker.color) == len(panel.table)


def test_times_of_another_machine_are_not_drawn_beside_those_measured_here(many):
    first = many.results[0].name
    panel = cost_panel(many.results, remeasured={first: 2.0, "a run that is not compared": 1.0})
    here = {row["run"]: row["latency_ms"] for row in panel.table}
    assert here.pop(first) == 2.0
    assert all(math.isnan(value) for value in here.values())
    assert "not measured here are left out" in panel.reading
    elsewhere = cost_panel(many.results, remeasured={"a run that is not compared": 1.0})
    assert elsewhere.table == cost_panel(many.results).table


def test_stored_times_come_with_their_caution(runs):
    comparison, (run, _) = compare_runs(runs[:2]), runs[:2]
    assert "different machines" not in cost_panel(comparison.results).reading
    assert "not counted" not in cost_panel(comparison.results, "training_seconds").reading
    change_report(run, {"environment.cpu": "another"})
    write_json(run.path / "config.json", run.config().to_dict() | {"teacher": "another-run"})
    comparison = compare_runs(runs[:2])
    assert "Measured on different machines" in cost_panel(comparison.results).reading
    assert (
        "different machines" not in cost_panel(comparison.results, remeasured={run.name: 1}).reading
    )
    assert "teachers is not counted" in cost_panel(comparison.results, "training_seconds").reading


def test_robustness_on_fewer_faces_is_not_ranked(runs):
    comparison = compare_runs(runs[:3])
    measured = {
        result.name: robustness(images)
        for result, images in zip(comparison.results, (1_000, 10, 1_000), strict=True)
    }
    for panel in (
        robustness_panel(comparison, measured),
        robustness_matrix_panel(comparison, measured),
    ):
        assert {row["run"] for row in panel.table} == {runs[0].name, runs[2].name}
        left_out = comparison.results[1].label
        assert panel.reading.endswith(
            f" Not shown, measured on fewer than 1,000 faces: {left_out}."
        )


@pytest.fixture
def one_emotion(tmp_path, monkeypatch):
    """One run that was tested on happy faces alone."""
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    faces = random_faces(40)
    labels = np.full_like(faces.labels, EMOTIONS.index("happy"))
    return compare_runs([write_random_run(tmp_path, replace(faces, labels=labels), epochs=1)])


def test_a_test_set_of_one_emotion_is_told_so(one_emotion):
    for roc in (True, False):
        assert one_vs_rest_panel(one_emotion, "happy", roc=roc).reading == (
            "Every test face is happy; nothing can be confused with it."
        )
    assert per_emotion_panel(one_emotion).reading.startswith("Every test face is happy: F1 is ")


def test_an_emotion_without_faces_has_no_figures_and_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    faces = random_faces(140)
    neutral = EMOTIONS.index("neutral")
    labels = np.where(faces.labels == neutral, 0, faces.labels)
    run = write_random_run(tmp_path, replace(faces, labels=labels), epochs=1)
    panel = per_emotion_panel(compare_runs([run]))
    assert panel.reading.endswith("The test has no faces of neutral.")
    row = next(row for row in panel.table if row["emotion"] == "neutral")
    assert (row["f1"], row["low"], row["high"], row["support"]) == (None, None, None, 0)
    assert math.isnan(panel.figure.data[0].x[neutral])
    assert panel.figure.data[-1].text[neutral] == "no faces"
    shown = emotion_rows(run.report().test)[neutral]
    assert (shown["f1"], shown["recall"], shown["mistake"]) == (None, None, "no faces")


def test_one_run_is_not_called_the_best(runs):
    assert (
        "The confidence of ResNet-18 is off by" in reliability_panel(compare_runs(runs[:1])).reading
    )
    assert "is the most reliable" in reliability_panel(compare_runs(runs[:2])).reading


def test_a_rare_emotions_curve_keeps_its_points(tmp_path):
    run = write_random_run(tmp_path, random_faces(7_000), skill=5, epochs=1)
    for roc in (True, False):
        panel = one_vs_rest_panel(compare_runs([run]), "disgust", roc=roc)
        recall = np.array([row["recall"] for row in panel.table])
        assert ((recall > 0) & (recall <= 0.5)).sum() > 30
        assert recall[-1] == 1


def test_transfer_is_ranked_face_by_face_on_equal_faces_alone(runs):
    compared = compare_runs(runs[:3])
    assert transfer_panel(compared, {}) is None
    names = [result.name for result in compared.results]
    scores = np.random.default_rng(0).uniform(0.3, 0.7, 50)
    measured = {
        names[0]: write_transfer(runs[0], scores.tolist()),
        names[1]: write_transfer(runs[1], (scores + 0.1).tolist()),
        names[2]: write_transfer(runs[2], [0.99] * 40),
    }
    panel = transfer_panel(compared, measured)
    assert [row["run"] for row in panel.table] == [names[1], names[0]]
    assert "10.0 points more than" in panel.reading and "either may be" not in panel.reading
    assert "Not shown, measured on fewer than 50 faces" in panel.reading
    rng = np.random.default_rng(1)
    measured[names[1]] = write_transfer(runs[1], (scores + rng.normal(0.001, 0.1, 50)).tolist())
    assert (
        "the interval holds 0, so either may be ahead" in transfer_panel(compared, measured).reading
    )
    assert len(transfer_panel(compared, measured).figure.data) == 2
