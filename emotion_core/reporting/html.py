"""A comparison as one self-contained HTML file to send or print, and the same as JSON."""

import html
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import plotly.offline

from emotion_core import __version__
from emotion_core.evaluation.compare import Comparison, agreement, table_row
from emotion_core.evaluation.study import MARK, load_study
from emotion_core.labels import EMOTIONS
from emotion_core.reporting.panels.agreement import (
    agreement_panel,
    ensemble_sentence,
    overlap_panel,
)
from emotion_core.reporting.panels.calibration import (
    calibration_table,
    coverage_panel,
    reliability_panel,
)
from emotion_core.reporting.panels.confusion import confusion_panel, difference_panel
from emotion_core.reporting.panels.cost import cost_panel
from emotion_core.reporting.panels.curves import curves_panel
from emotion_core.reporting.panels.panel import Panel, is_fer2013
from emotion_core.reporting.panels.robustness import robustness_matrix_panel, robustness_panel
from emotion_core.reporting.panels.scores import (
    accuracy_panel,
    one_vs_rest_panel,
    pairs_panel,
    per_emotion_panel,
)
from emotion_core.runs.status import now

Robustness = Mapping[str, dict[str, Any]]
Cell = str | float | int | None


def comparison_html(comparison: Comparison, robustness: Robustness | None = None) -> str:
    """One HTML document with every table, figure and reading, and the provenance.

    It needs no network: plotly.js is inside, once. It prints on A4, a figure is never cut.

    Args:
        comparison: The runs.
        robustness: ``robustness.json`` by run name, of those that were measured.
    """
    sections = [_table_section(comparison)]
    for title, panels in report_panels(comparison, robustness or {}):
        sections.append(f"<h2>{html.escape(title)}</h2>{_figures(panels)}")
        if title == "Calibration":
            sections.append(_calibration_section(comparison))
        if title == "Agreement":
            sections.append(f"<p><b>{html.escape(ensemble_sentence(comparison))}</b></p>")
    sections += [_emotion_section(comparison), _provenance_section(comparison)]
    synthetic = (
        '<p class="warn">Measured on synthetic faces, drawn by code: the figures say nothing about '
        "photographs.</p>"
        if comparison.synthetic
        else ""
    )
    refused = "".join(f"<li>{html.escape(item.reason)}</li>" for item in comparison.refused)
    return _PAGE.format(
        style=_STYLE,
        plotly=plotly.offline.get_plotlyjs(),
        date=html.escape(now().replace("T", " ")),
        headline=html.escape(headline(comparison)),
        synthetic=synthetic,
        refused=f"<p>Left out:</p><ul>{refused}</ul>" if refused else "",
        sections="\n".join(sections),
    )


def comparison_json(comparison: Comparison, robustness: Robustness | None = None) -> str:
    """The numbers and readings of ``comparison_html`` as JSON."""
    shared = robustness or {}
    document = {
        "format": 1,
        "date": now(),
        "emotion_core": __version__,
        "headline": headline(comparison),
        "labels": list(EMOTIONS),
        "runs": [
            {
                "table": table_row(result),
                "config": result.config.to_dict(),
                "report": result.report.to_json(),
                "curves": result.rows,
            }
            for result in comparison.results
        ],
        "refused": [asdict(item) for item in comparison.refused],
        "pairs": [
            asdict(pair)
            | {
                "a": comparison.results[pair.a].name,
                "b": comparison.results[pair.b].name,
                "reading": comparison.sentence(pair),
            }
            for pair in comparison.pairs
        ],
        "ensemble": None
        if comparison.ensemble is None
        else {
            "metrics": comparison.ensemble.scores.to_json(),
            "gain": comparison.ensemble.gain,
            "gain_ci95": comparison.ensemble.gain_ci95,
            "reading": ensemble_sentence(comparison),
        },
        "agreement": agreement(comparison.results).matrix.tolist(),
        "calibration": calibration_table(comparison),
        "robustness": dict(shared),
        "figures": [
            {
                "section": title,
                "key": panel.key,
                "title": panel.title,
                "reading": panel.reading,
                "data": panel.table,
            }
            for title, panels in report_panels(comparison, shared)
            for panel in panels
        ],
    }
    return json.dumps(_plain(document), indent=1, allow_nan=False) + "\n"


def headline(comparison: Comparison) -> str:
    """The answer in one sentence: the best run against the next."""
    order = sorted(
        range(len(comparison.results)),
        key=lambda index: -comparison.results[index].test.accuracy,
    )
    if len(order) == 1:
        return accuracy_panel(comparison).reading
    return comparison.sentence(comparison.pair(order[0], order[1]))


def report_panels(comparison: Comparison, robustness: Robustness) -> list[tuple[str, list[Panel]]]:
    """The figures of the report by section, in reading order."""
    results = comparison.results
    several = len(results) > 1
    measured = {
        result.name: robustness[result.name] for result in results if result.name in robustness
    }
    summary = [accuracy_panel(comparison)]
    confusion = [confusion_panel(result, share=True, scale_max=1.0) for result in results]
    sections = [
        ("Summary", summary + ([pairs_panel(comparison)] if several else [])),
        (
            "Confusion",
            confusion + ([difference_panel(results[0], results[1], share=True)] if several else []),
        ),
        (
            "Per emotion",
            [per_emotion_panel(comparison, metric) for metric in ("f1", "precision", "recall")]
            + [one_vs_rest_panel(comparison, emotion, roc=False) for emotion in EMOTIONS],
        ),
        (
            "Calibration",
            [
                reliability_panel(comparison),
                coverage_panel(comparison, 0.8)[0],
            ],
        ),
        ("Cost", [cost_panel(comparison, cost) for cost in ("latency_ms", "parameters")]),
    ]
    if several:
        agree = [overlap_panel(comparison), agreement_panel(comparison)]
        sections.append(("Agreement", agree))
    if measured:
        sections.append(
            (
                "Robustness",
                [
                    robustness_panel(comparison, measured),
                    robustness_matrix_panel(comparison, measured),
                ],
            )
        )
    curves = [(result.label, result.report.model, result.rows) for result in results]
    study = (
        [m for m in load_study().runs if any(m == r.report.model for r in results)]
        if is_fer2013(comparison)
        else []
    )
    sections.append(
        (
            "Learning curves",
            [curves_panel(curves, name, study=study) for name in ("Accuracy", "Loss")],
        )
    )
    return sections


def _figures(panels: Sequence[Panel]) -> str:
    found = []
    for panel in panels:
        drawn = json.loads(panel.figure.to_json(validate=False))
        # The page is dark on white, whatever the reader's theme; a template would be most of the file.
        drawn["layout"] |= {"template": {}, "font": {"color": "#1B2733", "size": 12}}
        config = {
            "displaylogo": False,
            "responsive": True,
            "toImageButtonOptions": {"format": "svg", "filename": panel.key},
        }
        arguments = [drawn["data"], drawn["layout"], config]
        height = drawn["layout"].get("height", 450)
        found.append(
            f"<figure><h3>{html.escape(panel.title)}</h3>"
            f'<div class="plot" style="height:{height}px"></div>'
            f'<script type="application/json">{_in_script(arguments)}</script>'
            f"<figcaption>{html.escape(panel.reading)}</figcaption></figure>"
        )
    return f'<div class="figures">{"".join(found)}</div>'


def _in_script(value: Any) -> str:
    """JSON that cannot end the script element it stands in, whatever names it holds."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _table_section(comparison: Comparison) -> str:
    head = [
        *("Run", "Accuracy", "95 % interval", "Macro-F1", "Weighted F1", "PrivateTest"),
        *("Without leaks", "Val peak (epoch)", "Train − val", "Parameters", "MACs", "Size"),
        *("CPU ms", "Training"),
    ]
    body = []
    for row in sorted(map(table_row, comparison.results), key=lambda row: -row["accuracy"]):
        peak = _share(row["val_peak"])
        body.append(
            [
                row["label"],
                _share(row["accuracy"]),
                f"{_share(row['accuracy_low'])} to {_share(row['accuracy_high'])}",
                _number(row["macro_f1"], 3),
                _number(row["weighted_f1"], 3),
                _share(row["private_test"]),
                _share(row["leak_free"]),
                f"{peak} ({row['val_peak_epoch']})" if peak else "",
                _number(100 * row["gap"], 1, " points"),
                _number(row["parameters"] / 1e6, 2, " M"),
                _number(row["macs"] / 1e6, 0, " M"),
                _number(row["size_bytes"] / 1e6, 1, " MB"),
                _number(row["latency_ms"], 2),
                _number(row["train_seconds"] / 60, 1, " min"),
            ]
        )
    if comparison.ensemble is not None:
        scores = comparison.ensemble.scores
        low, high = scores.accuracy_ci95
        cells = [_share(scores.accuracy), f"{_share(low)} to {_share(high)}"]
        cells += [_number(scores.macro_f1, 3), _number(scores.weighted_f1, 3)]
        body.append(["ensemble of all", *cells, *[""] * (len(head) - 5)])
    pairs = "".join(
        f"<li>{html.escape(comparison.sentence(pair))}</li>" for pair in comparison.pairs
    )
    return (
        _table(head, body)
        + (f"<h2>Pair by pair</h2><ul>{pairs}</ul>" if pairs else "")
        + "<p class='note'>Intervals: "
        + f"{len(comparison.samples.accuracy):,} paired bootstrap resamples. Chance: McNemar's exact "
        + "test, Holm's correction over all pairs. CPU ms: one face, one thread, fastest backend."
        + "</p>"
    )


def _calibration_section(comparison: Comparison) -> str:
    head = ["Run", "Temperature", "Smoothing"]
    head += [f"{name} {stage}" for name in ("ECE", "Brier", "NLL") for stage in ("before", "after")]
    body = [
        [row["run"], _number(row["temperature"], 2), _number(row["smoothing"], 2)]
        + [
            _number(row[f"{key}_{stage}"], 3)
            for key in ("ece", "brier", "nll")
            for stage in ("before", "after")
        ]
        for row in calibration_table(comparison)
    ]
    return _table(head, body)


def _emotion_section(comparison: Comparison) -> str:
    found = ['<h2>Classification reports</h2><div class="cards">']
    for result in comparison.results:
        body: list[list[Cell]] = [
            [
                emotion,
                *(_number(value, 3) for value in (row.precision, row.recall, row.f1)),
                row.support,
            ]
            for emotion, row in result.test.per_emotion.items()
        ]
        table = _table(["Emotion", "Precision", "Recall", "F1", "Support"], body)
        found.append(f"<section><h3>{html.escape(result.label)}</h3>{table}</section>")
    return "".join([*found, "</div>"])


def _provenance_section(comparison: Comparison) -> str:
    first = comparison.results[0].report.data
    body: list[Sequence[Cell]] = [
        ["Data", f"{first.name} ({first.source})"],
        ["Test set fingerprint", first.test_fingerprint],
        ["Test images", f"{len(comparison.labels):,}"],
        ["Made with", f"emotion_core {__version__}, {now()}"],
    ]
    for split, numbers in first.counts.items():
        listed = ", ".join(f"{emotion} {count:,}" for emotion, count in numbers.items())
        body.append([f"Images in {split}", listed])
    if is_fer2013(comparison):
        body.append([f"Study ({MARK})", load_study().source])
    found = [f"<h2>Provenance</h2>{_table(['', ''], body)}", '<div class="cards">']
    for result in comparison.results:
        report = result.report
        env = report.environment
        rows = [
            ["Folder", result.name],
            ["Model", report.model + _options(report.options)],
            [
                "Recipe",
                f"{report.recipe}, {report.epochs} epochs, best {report.best_epoch}",
            ],
            ["Data fingerprint", report.data.fingerprint],
            ["Temperature", _number(report.temperature, 3)],
            ["Smoothing", _number(report.smoothing, 2)],
            ["Evaluated", report.date],
            ["Latency backend", report.cost.latency_backend],
            ["Versions", f"Python {env.python or '?'}, PyTorch {env.torch or '?'}"],
            ["Hardware", env.hardware],
            ["Trained on", report.trainer.hardware],
            ["System", env.platform],
            ["Settings", _settings(result.config.to_dict())],
        ]
        table = _table(["", ""], rows)
        found.append(f"<section><h3>{html.escape(result.label)}</h3>{table}</section>")
    return "".join([*found, "</div>"])


def _table(head: Sequence[str], body: Iterable[Sequence[Cell]]) -> str:
    rows = [list(row) for row in body]
    kept = [i for i in range(len(head)) if any(row[i] not in ("", None) for row in rows)]
    first = "".join(f"<th>{html.escape(head[i])}</th>" for i in kept)
    rest = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(row[i]))}</td>" for i in kept) + "</tr>"
        for row in rows
    )
    titles = f"<thead><tr>{first}</tr></thead>" if any(head) else ""
    return f'<div class="table"><table>{titles}<tbody>{rest}</tbody></table></div>'


def _share(value: float) -> str:
    return _number(100 * value, 1, " %")


def _number(value: float, digits: int, unit: str = "") -> str:
    return "" if math.isnan(value) else f"{value:,.{digits}f}{unit}"


def _options(options: Mapping[str, Any]) -> str:
    return "".join(f" {key}={value}" for key, value in options.items())


def _settings(config: dict[str, Any]) -> str:
    # The data's full path would tell about the machine; its name says enough.
    shown = config | {"data": str(config["data"]).rstrip("/").rpartition("/")[2]}
    return ", ".join(f"{key}={value}" for key, value in shown.items())


def _plain(value: Any) -> Any:
    """JSON has no NaN: unknown is null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


_STYLE = """
:root { color-scheme: light; }
body { color: #1b2733; background: #fff; font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 1180px; padding: 1.5rem; }
h1 { margin: 0 0 .25rem; } h2 { border-bottom: 1px solid #d5dde5; margin: 2.2rem 0 1rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
.headline { font-size: 1.25rem; font-weight: 600; }
.note, figcaption { color: #51606e; font-size: .92rem; }
.warn { background: #fff3d6; border-left: 4px solid #e69f00; padding: .5rem .75rem; }
.figures { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
figure { break-inside: avoid; margin: 0; min-width: 0; }
figcaption { margin-top: .5rem; }
.cards { display: grid; gap: 0 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
section { break-inside: avoid; margin-bottom: 1rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { border-bottom: 1px solid #e3e9ee; padding: .3rem .7rem .3rem 0; text-align: left;
  vertical-align: top; }
th { font-size: .85rem; white-space: nowrap; }
@media print {
  body { font-size: 10pt; max-width: none; padding: 0; }
  .figures { display: block; } figure { margin-bottom: 1rem; } .modebar { display: none !important; }
  .table { overflow: visible; } th, td { font-size: 7.5pt; padding-right: .3rem; white-space: normal; }
}
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Emotion Core: comparison</title>
<style>{style}</style>
<script>{plotly}</script>
</head>
<body>
<h1>Comparison</h1>
<p class="note">{date}</p>
<p class="headline">{headline}</p>
{synthetic}{refused}
{sections}
<script>
for (const figure of document.querySelectorAll("figure")) {{
  const [data, layout, config] = JSON.parse(figure.querySelector("script").textContent);
  Plotly.newPlot(figure.querySelector(".plot"), data, layout, config);
}}
</script>
</body>
</html>
"""
