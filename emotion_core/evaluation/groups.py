"""Runs that differ by their seed alone, as one row: mean, spread, and paired tests between rows."""

import itertools
import json
import math
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emotion_core.evaluation.pairs import SIGNIFICANCE, holm
from emotion_core.recipes import TrainConfig
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run, validation_score

_SEED = re.compile(r"-s\d+$")  # what a sweep adds to the names of its runs
_LEAST_PAIRS = 2  # seeds that both groups have, without which nothing is tested


@dataclass(frozen=True)
class Spread:
    """Values of several runs: their mean and sample standard deviation (NaN for one run)."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        deviation = statistics.stdev(values) if len(values) > 1 else math.nan
        return cls(statistics.fmean(values), deviation)


@dataclass(frozen=True)
class Group:
    """Finished runs of the same settings with different seeds.

    Attributes:
        name: Their common name without the seed, or the first one's.
        config: Settings of the first one.
        runs: By seed.
        validation: Of the monitored score of the kept epochs; more is better.
        accuracy: Of accuracy on test (0..1).
        macro_f1: Of macro-F1 on test.
        accuracies: Accuracy on test by seed.
        test_fingerprint: Of the faces of test.
    """

    name: str
    config: TrainConfig
    runs: tuple[Run, ...]
    validation: Spread
    accuracy: Spread
    macro_f1: Spread
    accuracies: dict[int, float]
    test_fingerprint: str


@dataclass(frozen=True)
class GroupTest:
    """Group ``a`` against group ``b`` over the seeds that both have.

    Attributes:
        a: Position of the first group.
        b: Position of the second.
        seeds: How many seeds both have.
        difference: Mean of a minus b in accuracy on test, -1..1.
        p_value: Two-sided paired t-test (Student 1908); NaN without two common seeds.
        p_holm: The same after Holm's correction for all pairs.
    """

    a: int
    b: int
    seeds: int
    difference: float
    p_value: float
    p_holm: float

    @property
    def significant(self) -> bool:
        """Whether the corrected p-value is below 0.05."""
        return self.p_holm < SIGNIFICANCE


def group_runs(runs: Iterable[Run]) -> list[Group]:
    """Finished runs by their settings without the seed, the best on validation first.

    Args:
        runs: Runs; those without a report are left out, and of several with the same settings and
            seed the first counts. Other test faces make another group.
    """
    found: dict[str, dict[int, tuple[Run, TrainConfig, Report]]] = {}
    for run in runs:
        if run.problem or not (report := run.readable_report()) or not run.metrics():
            continue
        config = run.config()
        neutral = ("seed", "name", "note", "tag")
        kept = {key: value for key, value in config.to_dict().items() if key not in neutral}
        key = json.dumps([kept, report.data.test_fingerprint], sort_keys=True)
        found.setdefault(key, {}).setdefault(config.seed, (run, config, report))
    groups = [_group([members[seed] for seed in sorted(members)]) for members in found.values()]
    return sorted(groups, key=lambda group: -group.validation.mean)


def paired_group_tests(groups: Sequence[Group]) -> list[GroupTest]:
    """Every pair of groups once, ``a < b``.

    The seed decides the order of the faces and their augmentation in both, so runs of one seed
    belong together. Three seeds show large differences only.
    """
    tests = []
    for a, b in itertools.combinations(range(len(groups)), 2):
        first, second = groups[a].accuracies, groups[b].accuracies
        differences = [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
        mean = statistics.fmean(differences) if differences else math.nan
        tests.append(GroupTest(a, b, len(differences), mean, paired_t(differences), math.nan))
    tested = [at for at, test in enumerate(tests) if not math.isnan(test.p_value)]
    for at, p in zip(tested, holm([tests[at].p_value for at in tested]), strict=True):
        tests[at] = GroupTest(**vars(tests[at]) | {"p_holm": p})
    return tests


def paired_t(differences: Sequence[float]) -> float:
    """Two-sided p-value that paired differences have a mean of zero; NaN for fewer than two."""
    if len(differences) < _LEAST_PAIRS:
        return math.nan
    mean, deviation = statistics.fmean(differences), statistics.stdev(differences)
    if deviation == 0:
        return 1.0 if mean == 0 else 0.0
    # As scipy.stats.ttest_rel, whose import takes half a second.
    from scipy.special import stdtr

    t = abs(mean) / (deviation / math.sqrt(len(differences)))
    return 2 * float(stdtr(len(differences) - 1, -t))


def _group(members: list[tuple[Run, TrainConfig, Report]]) -> Group:
    runs, configs, reports = zip(*members, strict=True)
    stems = {_SEED.sub("", run.name) for run in runs}
    stem = stems.pop() if len(stems) == 1 and len(runs) > 1 else runs[0].name
    return Group(
        name=stem,
        config=configs[0],
        runs=runs,
        validation=Spread.of([_kept_score(run, config) for run, config, _ in members]),
        accuracy=Spread.of([report.test.accuracy for report in reports]),
        macro_f1=Spread.of([report.test.macro_f1 for report in reports]),
        accuracies={config.seed: report.test.accuracy for _, config, report in members},
        test_fingerprint=reports[0].data.test_fingerprint,
    )


def _kept_score(run: Run, config: TrainConfig) -> float:
    """NaN for a final training, and for a run whose curve was damaged."""
    monitor = "accuracy" if config.monitor == "last" else config.monitor
    rows = [row for row in run.metrics() if "epoch" in row and f"val_{monitor}" in row]
    if not rows:
        return math.nan
    if config.monitor == "last":
        return validation_score(rows[-1], monitor)
    return max(validation_score(row, monitor) for row in rows)
