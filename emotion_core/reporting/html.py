"""A comparison as one self-contained HTML file to send or print, and the same as JSON."""

import datetime
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import jinja2
import plotly.offline

from emotion_core import __version__, units
from emotion_core.evaluation.compare import Comparison, agreement
from emotion_core.evaluation.results import Result
from emotion_core.evaluation.robustness import Robustness
from emotion_core.evaluation.study import load_study
from emotion_core.labels import EMOTIONS
from emotion_core.models.options import options_words
from emotion_core.models.titles import model_title, recipe_title
from emotion_core.reporting.columns import EMOTION, SUMMARY, TableRow, columns
from emotion_core.reporting.panels.calibration import calibration_rows
from emotion_core.reporting.panels.panel import Panel
from emotion_core.reporting.rows import comparison_rows, emotion_rows, result_row
from emotion_core.reporting.sections import report_sections
from emotion_core.reporting.words import SYNTHETIC, ensemble_sentence, headline, pair_sentence
from emotion_core.runs.status import now

_MOST_SENTENCES = 10
Measured = Mapping[str, Robustness]
Table = tuple[list[str], list[list[str]]]


def comparison_html(comparison: Comparison, robustness: Measured | None = None) -> str:
    """One HTML document with every table, figure and reading, and the provenance.

    It needs no network: plotly.js is inside, once. It prints on A4, a figure is never cut.

    Args:
        comparison: The runs.
        robustness: By run name, of those that were measured.
    """
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    made = datetime.datetime.now(datetime.UTC)
    return environment.get_template("report.html").render(
        plotly=plotly.offline.get_plotlyjs(),
        date=f"{made:%B} {made.day}, {made:%Y, %H:%M} UTC",
        headline=headline(comparison),
        synthetic=SYNTHETIC if comparison.synthetic else "",
        refused=[item.reason for item in comparison.refused],
        summary=_table(SUMMARY, comparison_rows(comparison)),
        # One is the headline, and of many the matrix says more.
        pairs=[pair_sentence(comparison, pair) for pair in comparison.pairs]
        if 1 < len(comparison.pairs) <= _MOST_SENTENCES
        else [],
        resamples=f"{len(comparison.samples.accuracy):,}",
        sections=[
            (section, _table(section.columns, section.rows), [_figure(p) for p in section.panels])
            for section in report_sections(comparison, robustness or {})
        ],
        classified=[(r.label, _table(EMOTION, emotion_rows(r.test))) for r in comparison.results],
        provenance=_provenance(comparison),
        runs=[(result.label, _facts(result)) for result in comparison.results],
    )


def comparison_json(comparison: Comparison, robustness: Measured | None = None) -> str:
    """The numbers and readings of ``comparison_html`` as JSON."""
    measured, ensemble = robustness or {}, comparison.ensemble
    names = [result.name for result in comparison.results]
    document = {
        "format": 1,
        "date": now(),
        "emotion_core": __version__,
        "headline": headline(comparison),
        "labels": list(EMOTIONS),
        "runs": [
            {
                "table": result_row(result),
                "config": result.config.to_dict(),
                "report": result.report.to_json(),
                "curves": result.rows,
            }
            for result in comparison.results
        ],
        "refused": [asdict(item) for item in comparison.refused],
        "pairs": [
            asdict(pair)
            | {"a": names[pair.a], "b": names[pair.b], "reading": pair_sentence(comparison, pair)}
            for pair in comparison.pairs
        ],
        "ensemble": ensemble
        and {
            "metrics": ensemble.scores.to_json(),
            "gain": ensemble.gain,
            "gain_ci95": ensemble.gain_ci95,
            "reading": ensemble_sentence(comparison),
        },
        "agreement": agreement(comparison.results).matrix.tolist(),
        "calibration": calibration_rows(comparison),
        "robustness": {name: found.to_json() for name, found in measured.items()},
        "figures": [
            {
                "section": section.title,
                "key": panel.key,
                "title": panel.title,
                "reading": panel.reading,
                "data": panel.table,
            }
            for section in report_sections(comparison, measured)
            for panel in section.panels
        ],
    }
    return json.dumps(_plain(document), indent=1, allow_nan=False) + "\n"


def _table(keys: Sequence[str], rows: Iterable[TableRow]) -> Table:
    """Titles and texts of the columns that hold something."""
    rows = list(rows)
    shown = columns(keys, rows)
    return [c.title for c in shown], [[c.text(row.get(c.key)) for c in shown] for row in rows]


def _figure(panel: Panel) -> dict[str, str]:
    """What the template needs of a panel; its data is JSON that cannot end the script element it
    stands in, whatever names it holds."""
    drawn = json.loads(panel.figure.to_json(validate=False))
    # The page is dark on white, whatever the reader's theme; a template would be most of the file.
    drawn["layout"] |= {"template": {}, "font": {"color": "#1B2733", "size": 12}}
    config = {
        "displaylogo": False,
        "responsive": True,
        "toImageButtonOptions": {"format": "svg", "filename": panel.key},
    }
    arguments = json.dumps([drawn["data"], drawn["layout"], config], separators=(",", ":"))
    return {
        "title": panel.title,
        "reading": panel.reading,
        "height": str(drawn["layout"].get("height", 450)),
        "arguments": arguments.replace("<", "\\u003c"),
    }


def _provenance(comparison: Comparison) -> list[tuple[str, str]]:
    data = comparison.results[0].report.data
    facts = [
        ("Data", f"{data.name} ({data.source})"),
        ("Test set fingerprint", data.test_fingerprint),
        ("Test faces", f"{len(comparison.labels):,}"),
        ("Made with", f"emotion_core {__version__}"),
    ]
    for split, counts in data.counts.items():
        listed = ", ".join(f"{emotion} {count:,}" for emotion, count in counts.items())
        facts.append((f"Faces in {split}", listed))
    if comparison.on_fer2013:
        facts.append(("Study (published, not re-measured)", load_study().source))
    return facts


def _facts(result: Result) -> list[tuple[str, str]]:
    report, env = result.report, result.report.environment
    model = f"{report.model} {options_words(report.options)}".rstrip()
    # The data's full path would tell about the machine; its name says enough.
    settings = result.config.to_dict() | {"data": Path(result.config.data).name}
    facts = [
        ("Run", result.name),
        ("Model", f"{model_title(report.model)} ({model})"),
        (
            "Recipe",
            f"{recipe_title(report.recipe)}, {units.several(report.epochs, 'epoch')}, best {report.best_epoch}",
        ),
        ("Data fingerprint", report.data.fingerprint),
        ("Temperature", units.number(report.temperature, 3)),
        ("Smoothing", units.number(report.smoothing, 2)),
        ("Evaluated", report.date),
        ("Latency backend", report.cost.latency_backend),
        ("Versions", f"Python {env.python or '?'}, PyTorch {env.torch or '?'}"),
        ("Hardware", env.hardware),
        ("Trained on", report.trainer.hardware),
        ("System", env.platform),
        ("Settings", ", ".join(f"{key}={value}" for key, value in settings.items())),
    ]
    return [(name, fact) for name, fact in facts if fact]


def _plain(value: object) -> object:
    """JSON has no NaN: unknown is null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
