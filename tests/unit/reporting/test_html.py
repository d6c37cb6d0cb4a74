"""The report file stands alone, says what the page says, and survives hostile names."""

import json
import re

import numpy as np
import pytest
from markupsafe import escape

from emotion_core.cli import main
from emotion_core.evaluation.compare import compare_runs
from emotion_core.evaluation.corruptions import CORRUPTIONS
from emotion_core.evaluation.robustness import Robustness
from emotion_core.reporting.html import comparison_html, comparison_json
from emotion_core.reporting.sections import report_sections
from emotion_core.reporting.words import pair_sentence
from emotion_core.units import percent
from tests.samples import change_report


@pytest.fixture(scope="module")
def comparison(written_runs):
    return compare_runs(written_runs)


@pytest.fixture(scope="module")
def measured(written_runs):
    curves = {name: (0.6, 0.5, 0.4, 0.3, 0.2) for name in CORRUPTIONS}
    found = Robustness(test_fingerprint="", clean=0.7, mean=0.4, images=50, corruptions=curves)
    return {written_runs[0].name: found}


@pytest.fixture(scope="module")
def panels(comparison, measured):
    return [panel for part in report_sections(comparison, measured) for panel in part.panels]


@pytest.fixture(scope="module")
def text(comparison, measured):
    return comparison_html(comparison, measured)


def test_html_needs_nothing_from_outside(text):
    script = re.search(r"<script>(.*?)</script>", text, re.S)[1]
    body = text.replace(script, "")
    assert len(script) > 1_000_000
    assert text.count("<!doctype html>") == 1
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", body)
    assert "@import" not in body
    assert "url(" not in body


def test_html_holds_every_figure_with_its_reading_and_the_provenance(text, comparison, panels):
    for panel in panels:
        assert f"<h3>{escape(panel.title)}</h3>" in text
        assert f"<figcaption>{escape(panel.reading)}</figcaption>" in text
    for pair in comparison.pairs:
        assert f"<li>{escape(pair_sentence(comparison, pair))}</li>" in text
    assert comparison.results[0].report.data.test_fingerprint in text
    assert "synthetic faces, drawn by code" in text
    assert "<h2>Robustness</h2>" in text
    for result in comparison.results:
        assert result.name in text
        assert f"lr={result.config.lr}" in text


def test_names_cannot_become_markup(runs):
    change_report(runs[0], {"model": "<script>alert(1)</script>", "data.name": "<b>data</b>"})
    text = comparison_html(compare_runs(runs))
    assert "<script>alert(1)" not in text
    assert "<b>data</b>" not in text


def test_json_holds_the_same_readings_and_numbers(comparison, measured, panels):
    found = json.loads(comparison_json(comparison, measured))
    readings = [panel.reading for panel in panels]
    assert [item["reading"] for item in found["figures"]] == readings
    assert [item["report"] for item in found["runs"]] == [
        r.report.to_json() for r in comparison.results
    ]
    assert [pair["p_holm"] for pair in found["pairs"]] == [p.p_holm for p in comparison.pairs]
    assert found["ensemble"]["metrics"]["accuracy"] == comparison.ensemble.scores.accuracy
    assert found["robustness"] == {name: m.to_json() for name, m in measured.items()}
    # Synthetic data has no PrivateTest half: unknown is null, never NaN.
    assert found["runs"][0]["table"]["private_test"] is None


def test_command_prints_the_verdicts_and_writes_both_files(runs, tmp_path, capsys):
    html, document = tmp_path / "out" / "r.html", tmp_path / "r.json"
    names = [str(run.path) for run in runs]
    assert main(["compare", *names, "--html", str(html), "--json", str(document)]) == 0
    said = capsys.readouterr().out
    assert "ResNet-18 is " in said and "more accurate than Block CNN (95 % CI" in said
    assert "Measured on synthetic faces, drawn by code" in said
    assert html.read_text().startswith("<!doctype html>")
    assert len(json.loads(document.read_text())["runs"]) == 3


def test_command_with_nothing_to_compare_is_one_line(runs, capsys):
    for run in runs:
        run.predictions_path.unlink()
    assert main(["compare", *(str(run.path) for run in runs)]) == 2
    assert capsys.readouterr().err.startswith("error: There is nothing to compare. Run '")


def test_evaluate_prints_the_ensemble_of_stored_predictions(runs, capsys):
    first, *rest = (str(run.path) for run in runs)
    assert main(["evaluate", first, "--ensemble", *rest]) == 0
    expected = compare_runs(runs).ensemble.scores
    said = capsys.readouterr().out
    assert re.search(rf"ensemble of 3 runs +300 +{percent(expected.accuracy)}", said)


def test_one_run_alone_makes_a_report(runs):
    text = comparison_html(compare_runs(runs[:1]))
    assert "row minus column" not in text
    assert "300 faces correctly" in text


@pytest.mark.parametrize("spoil", ["no epochs", "one class"])
def test_unusual_runs_still_make_every_figure(runs, spoil):
    run = runs[0]
    if spoil == "no epochs":
        run.metrics_path.unlink()
    else:
        arrays = run.predictions()
        arrays["labels"] = np.full(len(arrays["labels"]), 3)
        np.savez(run.predictions_path, **arrays)
    text = comparison_html(compare_runs([run]))
    assert "NaN" not in re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert json.loads(comparison_json(compare_runs([run])))
