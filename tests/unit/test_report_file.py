"""``report.json`` may come from anywhere: a wrong value is named once, where the file is read."""

import json
import sys

import pytest

from emotion_core.errors import RunError
from emotion_core.files import read_json
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import best_run, list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from tests.samples import change_report, write_report

SHIPPED = sorted(path.parent for path in (PROJECT / "checkpoints").glob("*/report.json"))
WRONG = {
    "data.counts.val": ("x", "must be an object, found 'x'"),
    "data.counts.val.happy": (-1, "must be at least 0, found -1"),
    "data.counts.test.happy": (7.0, "must be a whole number, found 7.0"),
    "data.synthetic": (0, "must be true or false, found 0"),
    "data.test_fingerprint": (["x"], r"must be a text, found \['x'\]"),
    "model": (["x"], r"must be a text, found \['x'\]"),
    "options": ({"width": [1]}, r"\.width must be a number, a text, true or false, found \[1\]"),
    "test.accuracy": ("x", "must be a finite number, found 'x'"),
    "test.n": (8, "test must count the 8 faces of its confusion matrix once each"),
    "test.ece": (1.5, "must be from 0 to 1, found 1.5"),
    "test.brier": (True, "must be a finite number, found True"),
    "test.nll": (10**400, "must be a finite number, found 1000"),
    "test.confusion": ([[1] * 7] * 6, "must be 7 rows of 7 counts"),
    "test.per_emotion": ({}, "must be one entry for each of angry"),
    "test.per_emotion.happy.f1": (None, "must be a finite number, found None"),
    "val.accuracy": ("x", "must be a finite number, found 'x'"),
    "val.accuracy_ci95": ([None, None], r"\.0 must be a finite number, found None"),
    "val.macro_f1_ci95": ([0.7, 0.6], r"must be a low and a high end, found \[0.7, 0.6\]"),
    "subsets.leak_free": (3, "must be an object, found 3"),
    "temperature": (0, "must be above 0, found 0"),
    "cost.latency_ms": ("x", "must be a finite number, found 'x'"),
    "environment": ("x", "must be an object, found 'x'"),
    "epochs": (sys.float_info.max, "must be a whole number"),
    "format": (2, "must be at most 1 .update emotion_core., found 2"),
}


@pytest.fixture
def run(tmp_path):
    made = create_run(TrainConfig(model="sequential"), tmp_path)
    write_report(made, {})
    return made


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_value_is_one_error_that_names_run_field_and_next_step(run, field):
    value, said = WRONG[field]
    change_report(run, {field: value})
    with pytest.raises(RunError, match=said) as caught:
        run.report()
    message = str(caught.value)
    assert message.startswith(f"Run '{run.name}': report.json is malformed: {field.split('.')[0]}")
    assert message.endswith(f"python -m emotion_core evaluate {run.name}")
    assert "\n" not in message and len(message) < 300
    assert list_runs(run.path.parent)[0].problem == message


def test_a_number_that_json_should_not_hold_is_refused(run):
    text = (run.path / "report.json").read_text()
    for number in ("NaN", "Infinity", "1e999"):
        (run.path / "report.json").write_text(
            text.replace('"temperature": 1.0', f'"temperature": {number}')
        )
        with pytest.raises(RunError, match="temperature must be a finite number"):
            run.report()


def test_one_wrong_report_leaves_the_other_runs_usable(run):
    other = create_run(TrainConfig(model="sequential"), run.path.parent)
    write_report(other, {})
    change_report(run, {"data.counts.val": "x"})
    assert best_run(run.path.parent, weights=False) == other


def test_what_is_unknown_is_ignored_and_what_is_optional_may_be_missing(run):
    before = run.report()
    change_report(run, {"extra": [1, 2], "cost.extra": 3, "refit": ..., "options": ...})
    assert run.report() == before


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_reports_are_read_and_written_as_they_are(folder, tmp_path):
    report = Run(folder).report()
    stored = read_json(folder / "report.json")
    written = json.loads(json.dumps(report.to_json()))
    assert {name: written[name] for name in stored} == stored
    assert Report.from_json(written) == report
