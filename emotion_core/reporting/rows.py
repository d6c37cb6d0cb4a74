"""One row of figures each: of a run, an ensemble, the published study, an emotion."""

from collections.abc import Sequence

from emotion_core import units
from emotion_core.evaluation.compare import Comparison
from emotion_core.evaluation.ensemble import share_validation
from emotion_core.evaluation.metrics import wilson_interval
from emotion_core.evaluation.results import Result
from emotion_core.evaluation.study import load_study
from emotion_core.labels import EMOTIONS
from emotion_core.models.titles import model_title
from emotion_core.reporting.columns import TableRow
from emotion_core.runs.report import Cost, Report
from emotion_core.runs.run import Row
from emotion_core.runs.scores import Scores


def run_row(label: str, report: Report, curve: Sequence[Row] = ()) -> TableRow:
    """One run's figures: plain values, rates 0..1, None where unknown.

    Args:
        label: The run in front of people.
        report: Its report.
        curve: Rows of ``metrics.jsonl``.
    """
    private, clean = report.subsets.private_test, report.subsets.leak_free
    return {
        "run": report.run,
        "label": label,
        "model": report.model,
        "recipe": report.recipe,
        **scores_row(report.test),
        "private_test": private.accuracy if private else None,
        "leak_free": clean.accuracy if clean else None,
        "flip_tta": report.flip_tta.test.accuracy,
        **_peak(curve),
        **cost_row(report.cost),
        "timed_on": report.environment.processor,
        "trained_on": report.trainer.hardware,
    }


def result_row(result: Result) -> TableRow:
    """As ``run_row``, of a result within a comparison."""
    return run_row(result.label, result.report, result.rows) | {"run": result.name}


def scores_row(scores: Scores) -> TableRow:
    """The columns that any set of faces has."""
    return {
        "n": scores.n,
        "accuracy": scores.accuracy,
        "accuracy_low": scores.accuracy_ci95[0],
        "accuracy_high": scores.accuracy_ci95[1],
        "accuracy_ci95": units.percent_range(scores.accuracy_ci95),
        "macro_f1": scores.macro_f1,
        "weighted_f1": scores.weighted_f1,
        "ece": scores.ece,
        "nll": scores.nll,
    }


def cost_row(cost: Cost) -> TableRow:
    """The columns of size, work and speed."""
    return {
        "parameters": cost.parameters,
        "macs": cost.macs,
        "size_bytes": cost.size_bytes,
        "latency_ms": cost.latency_ms,
        "latency_backend": cost.latency_backend,
        "training_seconds": cost.training_seconds,
        "train_seconds": cost.train_seconds,
        "images_per_second": cost.images_per_second,
    }


def ensemble_row(label: str, results: Sequence[Result], scores: Scores) -> TableRow:
    """An ensemble's figures; size, work and time are the sums of its members'."""
    costs = [result.report.cost for result in results]
    return {
        "label": label if share_validation(results) else f"{label} (not calibrated)",
        **scores_row(scores),
        "parameters": sum(cost.parameters for cost in costs),
        "macs": sum(cost.macs for cost in costs),
        "size_bytes": sum(cost.size_bytes for cost in costs),
        "latency_ms": sum(cost.latency_ms for cost in costs),
    }


def published_rows() -> list[TableRow]:
    """The study's figures, most accurate first; their labels say that they were published."""
    study = load_study()
    rows: list[TableRow] = []
    for model in study.models:
        row: TableRow = {"label": published_label(model), **_peak(study.rows(model))}
        row["parameters"] = study.parameters.get(model)
        if model == study.test.model:
            row |= {"accuracy": study.test.accuracy, "macro_f1": study.test.macro_f1}
        rows.append(row)
    return rows


def published_label(model: str) -> str:
    """An architecture's figures as the study reported them."""
    return f"{model_title(model)} (published)"


def comparison_rows(comparison: Comparison) -> list[TableRow]:
    """The runs, most accurate first, then their ensemble, then the study where it belongs."""
    rows = [result_row(result) for result in comparison.ranked]
    if comparison.ensemble is not None:
        results = comparison.results
        label = f"Ensemble of all {len(results)}"
        rows.append(ensemble_row(label, results, comparison.ensemble.scores))
    return rows + (published_rows() if comparison.on_fer2013 else [])


def emotion_rows(scores: Scores) -> list[TableRow]:
    """One row per emotion: its scores and its most frequent wrong answer."""
    rows: list[TableRow] = []
    for index, (emotion, found) in enumerate(scores.per_emotion.items()):
        answers = list(scores.confusion[index])
        faces, hits, answers[index] = sum(answers), answers[index], 0
        wrong = max(range(len(answers)), key=answers.__getitem__)
        mistake = "" if faces else "no faces"
        if answers[wrong]:
            mistake = f"{EMOTIONS[wrong]} ({units.percent(answers[wrong] / faces, 0)})"
        rows.append(
            {
                "emotion": emotion,
                "precision": found.precision if faces else None,
                "recall": found.recall if faces else None,
                "recall_ci95": units.percent_range(wilson_interval(hits, faces)) if faces else "",
                "f1": found.f1 if faces else None,
                "support": found.support,
                "mistake": mistake,
            }
        )
    return rows


def _peak(curve: Sequence[Row]) -> TableRow:
    """Best validation accuracy, its epoch, and the overfitting gap there."""
    validated = [row for row in curve if "val_accuracy" in row]
    if not validated:
        return {"val_peak": None, "val_peak_epoch": None, "gap": None}
    best = max(validated, key=lambda row: row["val_accuracy"])
    return {
        "val_peak": best["val_accuracy"],
        "val_peak_epoch": best["epoch"],
        "gap": best["train_accuracy"] - best["val_accuracy"],
    }
