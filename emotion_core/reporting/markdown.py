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
from emotion_core.runs.report import Report
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


def markdown_table(runs: list[Run], *, best_only: bool = False) -> str:
    """Finished runs, best first, as a Markdown table; below them ensembles of them all.

    Args:
        runs: Runs with a report, newest first; others are left out.
        best_only: Of each architecture and recipe show only the run that is best on validation.
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
    shown = _best(rows) if best_only else rows
    lines += [_line(_cells(run, report, usual)) for report, run in shown]
    lines += _ensemble([run for report, run in rows if _is_ours(report)])
    timed = sorted({report.environment.processor for report, _ in shown})
    return "\n".join([*lines, "", f"Milliseconds on one core. Machines: {'; '.join(timed)}."])


def how_trained(run: Run, report: Report) -> str:
    """Recipe, epochs and what came from earlier runs; empty for the classical baseline."""
    if not report.epochs:
        return ""
    return f"{report.recipe} recipe, {_course(run, report)}"


def _course(run: Run, report: Report) -> str:
    config = run.config()
    how = [f"{report.epochs} epoch{'s' * (report.epochs != 1)}"]
    if config.options.get("pretrained"):
        how.append(f"from {pretrained_on(config.model)} weights")
    how += ["from an earlier run's weights"] if config.start_from else []
    how += ["with teachers"] if config.teacher else []
    how += ["averaged with earlier runs"] if run.status().averaged_with else []
    how += ["with the validation faces"] if config.final else []
    return ", ".join(how)


def _best(rows: list[tuple[Report, Run]]) -> list[tuple[Report, Run]]:
    """The row that is best on validation, for each architecture, recipe and data set.

    A final training goes before the run that it repeats.
    """

    def kind(row: tuple[Report, Run]) -> tuple[Any, ...]:
        report = row[0]
        # An option that changes the work, such as a finer stem, makes another architecture.
        design = report.model, report.cost.macs
        return *design, report.recipe, report.data.fingerprint

    def rank(row: tuple[Report, Run]) -> tuple[float, bool]:
        return row[0].val.accuracy, bool(row[0].refit)

    best = {kind(row): row for row in sorted(rows, key=rank)}  # the last of a kind stays
    return [row for row in rows if best[kind(row)] is row]


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
        f"{cost.train_seconds / 60:.0f} min, {_trained_on(report)}",
    ]


def _row_name(run: Run, report: Report) -> str:
    name = _name(run)
    if not report.epochs:
        return name
    # A reference run's name begins with its recipe.
    known = name.startswith(f"{report.recipe}-")
    return f"{name}, {_course(run, report) if known else how_trained(run, report)}"


def _name(run: Run) -> str:
    """The reference run's name, which ``reproduce --only`` takes; of another run its model's."""
    # Here, since it loads PyTorch, which the Overview's list of runs does without.
    from emotion_core.training.reference import reference_name

    return reference_name(run) or run.config().model


def _cost_cells(parameters: float, macs: float, latency_ms: float) -> list[str]:
    return [
        f"{parameters / 1e6:.2f} M",
        f"{macs / 1e6:.0f} M",
        f"{latency_ms:.1f}",
    ]


def _trained_on(report: Report) -> str:
    found = report.trainer
    return found.gpu or f"{found.cores} x {found.cpu_capability or 'CPU'}"


def _is_ours(report: Report) -> bool:
    """A network of our recipe, neither the classical baseline nor a reproduction of the study."""
    return bool(report.epochs) and report.recipe in ("ours", "best")


def _ensemble(runs: list[Run]) -> list[str]:
    """Ensembles: of members chosen on validation among runs that have weights, and of all networks."""
    results = without_repeats(load_results(runs)[0])
    by_name = {run.name: run for run in runs}
    chosen = choose_members([r for r in results if by_name[r.name].weights_path.exists()])
    lines = []
    if 1 < len(chosen) < len(results):
        names = " + ".join(_name(by_name[result.name]) for result in chosen)
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
