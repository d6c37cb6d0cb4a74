"""The curve of a run with those of the runs whose weights it went on from."""

from collections.abc import Sequence
from dataclasses import dataclass

from emotion_core.recipes import listed
from emotion_core.runs.run import Row, Run, best_epoch

_LONGEST = 50  # runs of a chain; more is a circle


@dataclass(frozen=True)
class Course:
    """A training from its first weights on.

    Attributes:
        rows: As ``Run.metrics``, of all runs of the chain; epochs and images count on.
        joined: Names of the earlier runs in it, oldest first.
        missing: Names of the runs that it goes on from and that are not in it; then the rows are
            its last part alone.
    """

    rows: list[Row]
    joined: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def training_course(run: Run, runs: Sequence[Run]) -> Course:
    """A run's curve, joined to those of the runs that it was fine-tuned from.

    Of an earlier run only the epochs up to its best count: the next one went on from those weights.

    Args:
        run: The run.
        runs: Where earlier ones are looked for.
    """
    by_name = {
        name: item for item in reversed(runs) if not item.problem for name in (item.name, item.id)
    }
    rows, present = run.metrics(), run
    joined: list[str] = []
    missing: tuple[str, ...] = ()
    while starts := listed(present.config().start_from):
        earlier = by_name.get(starts[0]) if len(starts) == 1 else None  # a mean has no curve
        before = earlier.metrics() if earlier else []
        if earlier is None or not before or len(joined) == _LONGEST:
            missing = tuple(starts)
            break
        kept = best_epoch(before, earlier.config().monitor)
        rows = _joined([row for row in before if row["epoch"] <= kept], rows)
        joined.insert(0, earlier.name)
        present = earlier
    return Course(rows, tuple(joined), missing)


def _joined(before: list[Row], after: list[Row]) -> list[Row]:
    """Rows of two trainings; those of the second count on from the first's last."""
    last = before[-1]
    counted = ("epoch", "step", "images_seen")
    return before + [
        row | {key: row[key] + last[key] for key in counted if key in row and key in last}
        for row in after
    ]
