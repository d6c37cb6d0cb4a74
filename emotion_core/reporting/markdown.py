"""The result table of the README, computed from run folders."""

import collections
from typing import Any

from emotion_core.evaluation.compare import (
    Result,
    choose_members,
    ensemble_probs,
    flip_ensemble_probs,
    load_results,
    share_validation,
    without_repeats,
)
from emotion_core.evaluation.metrics import classification_metrics
from emotion_core.models.options import pretrained_on
from emotion_core.recipes import listed
from emotion_core.runs.catalog import known_as
from emotion_core.runs.report import Cost, Report
from emotion_core.runs.run import Run

_HEAD = (
    "Run",
    "Test accuracy (95 % interval)",
    "Leak-free",
    "PrivateTest",
    "With flip",
    "Macro-F1",
    "ECE",
    "Parameters",
    "MACs",
    "CPU ms a face",
    "Training",
)


def markdown_table(runs: list[Run]) -> str:
    """Finished runs, best first, as a Markdown table; below them ensembles of them all.

    Args:
        runs: Runs with a report; others are left out.
    """
    reports = [(run.report(), run) for run in runs]
    rows = sorted(
        ((report, run) for report, run in reports if report),
        key=lambda item: -item[0].test.accuracy,
    )
    if not rows:
        return "No trained checkpoints are committed yet."
    # Accuracies on other test faces are not ranked among these.
    tests = collections.Counter(report.data.test_fingerprint for report, _ in rows)
    usual = tests.most_common(1)[0][0]
    rows.sort(key=lambda item: item[0].data.test_fingerprint != usual)
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    lines += [_line(_cells(run, report, usual)) for report, run in rows]
    lines += _ensemble([run for report, run in rows if _is_ours(report)])
    timed = sorted({report.environment.processor for report, _ in rows})
    return "\n".join([*lines, "", f"Milliseconds on one core. Machines: {'; '.join(timed)}."])


def how_trained(run: Run, report: Report) -> str:
    """Recipe, epochs and what came from earlier runs; empty for the classical baseline."""
    if not report.epochs:
        return ""
    recipe = {"ours": "our", "study": "the study's"}.get(report.recipe, report.recipe)
    return f"{recipe} recipe, {_course(run, report)}"


def _course(run: Run, report: Report) -> str:
    config = run.config()
    how = [f"{report.epochs} epoch{'s' * (report.epochs != 1)}"]
    if config.options.get("pretrained"):
        how.append(f"from {pretrained_on(config.model)} weights")
    root = run.path.parent
    for text, runs in (
        ("fine-tuned from", config.start_from),
        ("weights averaged with", run.status().averaged_with),
        ("taught by", config.teacher),
    ):
        if names := [known_as(reference, root) for reference in listed(runs)]:
            how.append(f"{text} {' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}")
    how += ["with the validation faces"] if config.final else []
    return ", ".join(how)


def _cells(run: Run, report: Report, usual: str) -> list[str]:
    test, cost, subsets = report.test, report.cost, report.subsets
    low, high = test.accuracy_ci95
    data, mark = report.data, ""
    if data.synthetic:
        mark = " (synthetic)"
    elif data.test_fingerprint != usual:
        mark = f" (on {data.name})"
    return [
        f"{_row_name(run, report)}{mark}",
        f"{test.accuracy:.1%} ({low:.1%} to {high:.1%})",
        f"{subsets.leak_free.accuracy:.1%}" if subsets.leak_free else "",
        f"{subsets.private_test.accuracy:.1%}" if subsets.private_test else "",
        f"{report.flip_tta.test.accuracy:.1%}",
        f"{test.macro_f1:.3f}",
        f"{test.ece:.3f}",
        *_cost_cells(cost.parameters, cost.macs, cost.latency_ms),
        f"{_minutes(cost)}, {_trained_on(report)}",
    ]


def _row_name(run: Run, report: Report) -> str:
    how = how_trained(run, report)
    return f"{run.name}, {how}" if how else run.name


def _cost_cells(parameters: float, macs: float, latency_ms: float) -> list[str]:
    return [
        f"{parameters / 1e6:.2f} M",
        f"{macs / 1e6:.0f} M",
        f"{latency_ms:.1f}",
    ]


def _minutes(cost: Cost) -> str:
    own, chain = (round(seconds / 60) for seconds in (cost.train_seconds, cost.chain_seconds))
    return f"{own} min" + (f" ({chain} with the runs before it)" if chain > own else "")


def _trained_on(report: Report) -> str:
    found = report.trainer
    return found.gpu or f"{found.cores} x {found.cpu_capability or 'CPU'}"


def _is_ours(report: Report) -> bool:
    """A network of our recipe, neither the classical baseline nor a reproduction of the study."""
    return bool(report.epochs) and report.recipe == "ours"


def _ensemble(runs: list[Run]) -> list[str]:
    """Ensembles: of members chosen on validation among runs that have weights, and of all networks."""
    results = without_repeats(load_results(runs)[0])
    by_name = {run.name: run for run in runs}
    chosen = choose_members([r for r in results if by_name[r.name].weights_path.exists()])
    lines = []
    if 1 < len(chosen) < len(results):
        names = " + ".join(result.name for result in chosen)
        lines.append(_ensemble_line(f"ensemble chosen on validation: {names}", chosen))
    if len(results) > 1:
        lines.append(_ensemble_line(f"ensemble of our {len(results)} networks", results))
    return lines


def _ensemble_line(name: str, results: list[Result]) -> str:
    labels, probs = results[0].labels, ensemble_probs(results)
    test = classification_metrics(labels, probs)
    low, high = test.accuracy_ci95
    right = probs.argmax(axis=1) == labels
    parts = [
        f"{right[mask].mean():.1%}" if mask is not None else ""
        for mask in (results[0].subsets.get(name) for name in ("leak_free", "private_test"))
    ]
    both = flip_ensemble_probs(results)
    flipped = "" if both is None else f"{(both.argmax(axis=1) == labels).mean():.1%}"
    costs = [result.report.cost for result in results]
    total = [
        sum(cost.parameters for cost in costs),
        sum(cost.macs for cost in costs),
        sum(cost.latency_ms for cost in costs),
    ]
    cells = [
        name,
        f"{test.accuracy:.1%} ({low:.1%} to {high:.1%})",
        *parts,
        flipped,
        f"{test.macro_f1:.3f}",
        f"{test.ece:.3f}" + ("" if share_validation(results) else " (not calibrated)"),
        *_cost_cells(*total),
        "",
    ]
    return _line(cells)


def _line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"
