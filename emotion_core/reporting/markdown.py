"""Tables in Markdown, and the result table of the README, computed from run folders."""

import collections
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from emotion_core.evaluation.ensemble import (
    choose_members,
    ensemble_probs,
    flip_ensemble_probs,
    without_repeats,
)
from emotion_core.evaluation.results import Result, load_results
from emotion_core.evaluation.scores import classification_metrics
from emotion_core.evaluation.transfer import load_transfer
from emotion_core.reporting.columns import HEADLINE, README, TRANSFER, TableRow, columns
from emotion_core.reporting.rows import ensemble_row, published_rows, run_row
from emotion_core.reporting.transfer import transfer_cell, transfer_rows, transfer_sentence
from emotion_core.reporting.words import how_trained
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run


def table_lines(keys: Sequence[str], rows: Sequence[TableRow]) -> Iterator[str]:
    """The columns that hold something, as a Markdown table."""
    shown = columns(keys, rows)
    yield from lines(
        [c.title for c in shown], ([c.text(r.get(c.key)) for c in shown] for r in rows)
    )


def lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table from texts."""
    for cells in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cells) + " |"


def transfer_section(run: Run) -> Iterator[str]:
    """How a run stands other crops, light and cameras; nothing where that was not measured."""
    found = load_transfer(run)
    if found is None:
        return
    yield from ("", "### Other crops, light and cameras", "")
    yield from table_lines(TRANSFER, transfer_rows(found))
    yield from ("", transfer_sentence(found))


def markdown_table(runs: list[Run]) -> str:
    """Finished runs, best first, as a Markdown table; below them ensembles of them all.

    Args:
        runs: Runs with a report, newest first; others are left out.
    """
    reports = [(run.report(), run) for run in runs]
    entries = sorted(
        ((report, run) for report, run in reports if report),
        key=lambda entry: -entry[0].test.accuracy,
    )
    if not entries:
        return "No trained checkpoints are committed yet."
    # Accuracies on other test faces are not ranked among these.
    tests = collections.Counter(report.data.test_fingerprint for report, _ in entries)
    usual = tests.most_common(1)[0][0]
    entries.sort(key=lambda entry: entry[0].data.test_fingerprint != usual)
    rows = [_row(run, report, usual, runs) for report, run in entries]
    rows += _ensembles([run for report, run in entries if _is_ours(report)])
    timed = sorted({report.environment.processor for report, _ in entries})
    note = f"Times per face on one core. Machines: {'; '.join(timed)}."
    return "\n".join([*table_lines(README, rows), "", note])


def headline_table(run: Run, members: Sequence[Run]) -> str:
    """Three rows: the best single network, the ensemble, and what the study published.

    Args:
        run: The network, with a report.
        members: The ensemble's, with reports.
    """
    single = run_row(f"{run.name}, the best single network", run.require_report())
    names = " + ".join(member.name for member in members)
    mean = _ensemble(f"{names}, averaged", load_results(members)[0])
    published = next(row for row in published_rows() if row.get("accuracy"))
    published["label"] = f"the study's best, {published['label']}"
    return "\n".join(table_lines(HEADLINE, [single, mean, published]))


def _row(run: Run, report: Report, usual: str, runs: list[Run]) -> TableRow:
    mark = ""
    if report.data.synthetic:
        mark = " (synthetic)"
    elif report.data.test_fingerprint != usual:
        mark = f" (on {report.data.name})"
    how, machine = how_trained(run, report, runs), report.trainer
    label = f"{run.name}, {how[0].lower()}{how[1:]}" if how else run.name
    short = machine.gpu or f"{machine.cores} x {machine.cpu_capability or 'CPU'}"
    transfer = transfer_cell(load_transfer(run))
    return run_row(label + mark, report) | {"trained_on": short, "transfer": transfer}


def _is_ours(report: Report) -> bool:
    """A network of our recipe, neither the classical baseline nor a reproduction of the study."""
    return not report.fitted and report.recipe != "study"


def _ensembles(runs: list[Run]) -> list[TableRow]:
    """Ensembles: of members chosen on validation among runs that have weights, and of all networks."""
    results = without_repeats(load_results(runs)[0])
    weighty = {run.name for run in runs if run.weights_path.exists()}
    chosen = choose_members([result for result in results if result.name in weighty])
    rows = []
    if 1 < len(chosen) < len(results):
        names = " + ".join(result.name for result in chosen)
        rows.append(_ensemble(f"ensemble chosen on validation: {names}", chosen))
    if len(results) > 1:
        rows.append(_ensemble(f"ensemble of our {len(results)} networks", results))
    return rows


def _ensemble(label: str, results: list[Result]) -> TableRow:
    labels, probs = results[0].labels, ensemble_probs(results)
    correct, both = probs.argmax(axis=1) == labels, flip_ensemble_probs(results)
    row = ensemble_row(label, results, classification_metrics(labels, probs))
    for name in ("leak_free", "private_test"):
        mask = results[0].subsets.get(name)
        row[name] = None if mask is None else float(np.mean(correct[mask]))
    row["flip_tta"] = None if both is None else float((both.argmax(axis=1) == labels).mean())
    return row
