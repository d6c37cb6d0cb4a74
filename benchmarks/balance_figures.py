"""The figures of ``benchmarks.balance``: means over seeds, intervals and paired tests, as a table."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from emotion_core.errors import DataError
from emotion_core.evaluation.groups import paired_t
from emotion_core.evaluation.metrics import macro_f1, reliability
from emotion_core.evaluation.pairs import holm
from emotion_core.evaluation.results import Result, load_results
from emotion_core.evaluation.scores import ends
from emotion_core.generate.experiment import METRICS, TITLES, Experiment, Figure, Way
from emotion_core.generate.words import experiment_words
from emotion_core.labels import EMOTIONS, NUM_CLASSES
from emotion_core.models.options import options_words
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.runs.status import now
from emotion_core.units import number, p_value, percent

RESAMPLES = 1_000
_DISGUST, _FEAR = EMOTIONS.index("disgust"), EMOTIONS.index("fear")


def figures_of(
    found: Mapping[str, tuple[str, Sequence[Run]]],
    *,
    chosen: str,
    generator: str,
    judge: str,
    resamples: int = RESAMPLES,
) -> Experiment:
    """The experiment's result from its finished runs.

    Args:
        found: Key and runs of each way by its title, the plain one first; a run per seed, in order.
        chosen: Key of the way that is best on validation.
        generator: Name of the generator.
        judge: The run that chose among the samples.
        resamples: Of the bootstrap.

    Raises:
        DataError: the runs were not tested on the same faces.
    """
    ways = {title: _results(runs) for title, (_, runs) in found.items()}
    first, *_ = next(iter(ways.values()))
    for result in (item for results in ways.values() for item in results):
        if not np.array_equal(result.labels, first.labels):
            raise DataError(f"Run '{result.name}' was tested on other faces than '{first.name}'.")
    exact = {title: _scores(results, None) for title, results in ways.items()}
    drawn = _bootstrap(ways, len(first.labels), resamples)
    plain = next(iter(ways))
    tests = {metric: _tests(exact, plain, metric) for metric in METRICS}
    made = []
    for title, results in ways.items():
        counts = results[0].report.data.counts["train"]
        figures = {}
        for at, metric in enumerate(METRICS):
            own, base = drawn[title][:, at], drawn[plain][:, at]
            figures[metric] = Figure(
                mean=float(exact[title][at].mean()),
                interval=ends(own),
                change=float((exact[title][at] - exact[plain][at]).mean()),
                change_interval=ends(own - base),
                p_value=tests[metric].get(title),
            )
        key, _ = found[title]
        largest = max(counts.values())
        made.append(
            Way(
                name=key,
                title=title,
                faces=largest * len(counts) if key == "over" else sum(counts.values()),
                generated=results[0].report.data.generated or 0.0,
                validation=float(np.mean([item.report.val.macro_f1 for item in results])),
                figures=figures,
            )
        )
    return Experiment(
        date=now(),
        data=first.report.data.name,
        model=_model_words(first.report),
        epochs=first.report.epochs,
        seeds=len(ways[plain]),
        generator=generator,
        judge=judge,
        test_faces=len(first.labels),
        ways=tuple(made),
        chosen=chosen,
    )


def _model_words(report: Report) -> str:
    told = options_words(report.options)
    return f"{report.model} ({told})" if told else report.model


def table(result: Experiment) -> str:
    """The result as Markdown: what was trained, then each metric with its interval and its change."""
    head = ["Way", "Faces per epoch", "Validation macro-F1", *(TITLES[name] for name in METRICS)]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for way in result.ways:
        cells = [_cell(way, metric) for metric in METRICS]
        mark = " (best on validation)" if way.name == result.chosen else ""
        start = [f"{way.title}{mark}", f"{way.faces:,}", number(way.validation, 3)]
        lines.append(f"| {' | '.join([*start, *cells])} |")
    return "\n".join([experiment_words(result), "", *lines])


def _cell(way: Way, metric: str) -> str:
    figure, score = way.figures[metric], metric in ("macro_f1", "ece")

    def shown(value: float) -> str:
        return number(value, 3) if score else percent(value)

    def changed(value: float) -> str:
        return number(value, 3, sign=True) if score else number(100 * value, 1, sign=True)

    text = f"{shown(figure.mean)} ({shown(figure.interval[0])} to {shown(figure.interval[1])})"
    if way.name == "plain":
        return text
    low, high = map(changed, figure.change_interval)
    test = f", {p_value(figure.p_value)}" if figure.p_value is not None else ""
    return f"{text}; {changed(figure.change)} ({low} to {high}{test})"


def _results(runs: Sequence[Run]) -> list[Result]:
    results, refused = load_results(runs)
    if refused:
        raise DataError(refused[0].reason)
    return results


def _scores(results: Sequence[Result], rows: np.ndarray | None) -> np.ndarray:
    """Figures ``(metrics, seeds)`` on the test faces at ``rows``; on all where it is None."""
    found = []
    for result in results:
        labels = result.labels if rows is None else result.labels[rows]
        answers = result.predicted if rows is None else result.predicted[rows]
        probs = result.probs if rows is None else result.probs[rows]
        confusion = np.bincount(labels * NUM_CLASSES + answers, minlength=NUM_CLASSES**2)
        confusion = confusion.reshape(NUM_CLASSES, NUM_CLASSES)
        hits, support = confusion.diagonal(), confusion.sum(1)
        recall = hits / np.maximum(support, 1)
        found.append(
            (
                float(macro_f1(hits, support, confusion.sum(0))),
                hits.sum() / len(labels),
                recall[_DISGUST],
                recall[_FEAR],
                reliability(labels, probs).ece,
            )
        )
    return np.array(found).T


def _bootstrap(
    ways: Mapping[str, Sequence[Result]], faces: int, resamples: int
) -> dict[str, np.ndarray]:
    """Figures ``(resamples, metrics)`` of each way, means over its seeds, on the same draws."""
    rng = np.random.default_rng(0)
    found: dict[str, list[np.ndarray]] = {title: [] for title in ways}
    for _ in range(resamples):
        rows = rng.integers(faces, size=faces)
        for title, results in ways.items():
            found[title].append(_scores(results, rows).mean(1))
    return {title: np.stack(values) for title, values in found.items()}


def _tests(exact: Mapping[str, np.ndarray], plain: str, metric: str) -> dict[str, float]:
    """Corrected p-values of each way against the plain one; none for a single seed."""
    at = METRICS.index(metric)
    raw = {
        title: paired_t(list(values[at] - exact[plain][at]))
        for title, values in exact.items()
        if title != plain
    }
    known = [title for title, value in raw.items() if not math.isnan(value)]
    corrected = holm([raw[title] for title in known])
    return {title: min(value, 1.0) for title, value in zip(known, corrected, strict=True)}
