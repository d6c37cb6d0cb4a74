"""One list of columns; each writer shows the same titles and texts."""

import re

import pytest

from emotion_core.evaluation.compare import compare_runs
from emotion_core.reporting import columns as c
from emotion_core.reporting.html import comparison_html
from emotion_core.reporting.markdown import markdown_table, table_lines
from emotion_core.reporting.panels.calibration import calibration_rows
from emotion_core.reporting.rows import (
    comparison_rows,
    emotion_rows,
    published_rows,
    result_row,
    scores_row,
)
from emotion_core.reporting.terminal import table_text
from emotion_core.text import csv_text
from tests.samples import change_report


@pytest.fixture(scope="module")
def comparison(written_runs):
    return compare_runs(written_runs)


def test_every_column_that_a_table_names_exists_and_has_its_own_title():
    titles = [column.title for column in c.COLUMNS.values()]
    # Faces are counted of a set and of an emotion, which no table shows together.
    assert len(set(titles)) == len(titles) - 1
    for keys in (c.SUMMARY, c.README, c.TERMINAL, c.COST, c.SCORES, c.CALIBRATION, c.EMOTION):
        shown = [c.COLUMNS[key].title for key in keys]
        assert len(set(shown)) == len(shown)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("accuracy", 0.7104, "71.0 %"),
        ("macro_f1", 0.69411, "0.694"),
        ("gap", -0.004, "\u22120.4 points"),
        ("parameters", 7_210_439, "7.21 M"),
        ("size_bytes", 12_900_000, "12.9 MB"),
        ("latency_ms", 2.04, "2.0 ms"),
        ("training_seconds", 414.0, "6.9 min"),
        ("val_peak_epoch", 12.0, "12"),
        ("label", "Block CNN", "Block CNN"),
        ("accuracy", None, ""),
        ("accuracy", float("nan"), ""),
    ],
)
def test_a_value_reads_the_same_wherever_it_stands(key, value, text):
    assert c.COLUMNS[key].text(value) == text


def test_all_writers_show_the_same_headers_and_cells(comparison):
    rows = comparison_rows(comparison)
    shown = c.columns(c.SUMMARY, rows)
    markdown = list(table_lines(c.SUMMARY, rows))
    terminal = table_text(c.SUMMARY, rows).splitlines()
    html = comparison_html(comparison)
    for column in shown:
        assert column.title in markdown[0] and column.title in terminal[0]
        assert f"<th>{column.title}</th>" in html
    for line, printed, row in zip(markdown[2:], terminal[1:], rows, strict=True):
        for column in shown:
            text = column.text(row.get(column.key))
            assert text in line and text in printed and f"<td>{text}</td>" in html


def test_a_column_that_no_row_fills_is_left_out(comparison):
    keys = [column.key for column in c.columns(c.SUMMARY, comparison_rows(comparison))]
    assert "accuracy" in keys and "private_test" not in keys  # random faces have no such half


def test_the_table_ranks_runs_and_ends_with_their_ensemble(comparison):
    rows = comparison_rows(comparison)
    accuracies = [row["accuracy"] for row in rows[:-1]]
    assert accuracies == sorted(accuracies, reverse=True) and len(accuracies) == 3
    assert rows[-1]["label"] == "Ensemble of all 3"
    assert rows[-1]["parameters"] == sum(row["parameters"] for row in rows[:-1])


def test_a_row_takes_peak_and_gap_from_the_best_epoch(comparison):
    result = comparison.results[0]
    row, best = result_row(result), max(result.rows, key=lambda item: item["val_accuracy"])
    assert (row["val_peak"], row["val_peak_epoch"]) == (best["val_accuracy"], best["epoch"])
    assert row["gap"] == pytest.approx(best["train_accuracy"] - best["val_accuracy"])
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]


def test_published_figures_are_always_marked():
    rows = published_rows()
    assert len(rows) == 5
    assert all(re.fullmatch(r"[\w -]+ \(published\)", row["label"]) for row in rows)
    (tested,) = [row for row in rows if row.get("accuracy")]
    assert tested["label"] == "Block CNN (published)" and tested["accuracy"] == 0.588


def test_csv_holds_plain_numbers(comparison):
    lines = csv_text([result_row(result) for result in comparison.results]).splitlines()
    place = lines[0].split(",").index("accuracy")
    found = [float(line.split(",")[place]) for line in lines[1:]]
    assert found == [result.test.accuracy for result in comparison.results]


def test_other_tables_take_their_columns_from_the_same_list(comparison):
    scores = comparison.results[0].test
    assert "| Emotion | Precision | Recall |" in next(table_lines(c.EMOTION, emotion_rows(scores)))
    assert table_text(c.SCORES, [{"set": "test", **scores_row(scores)}]).startswith("Faces of")
    titles = [x.title for x in c.columns(c.CALIBRATION, calibration_rows(comparison))]
    assert titles[:3] == ["Model", "Temperature", "Smoothing"] and "Coverage" not in titles


def test_the_result_table_names_the_data_of_a_run_on_other_faces(runs):
    other = {"data.test_fingerprint": "0", "data.name": "own photos", "data.synthetic": False}
    change_report(runs[1], other | {"test.accuracy": 1.0})
    rows = [line for line in markdown_table(runs).splitlines() if "recipe" in line]
    assert ["(on own photos)" in row for row in rows] == [False, False, True]
