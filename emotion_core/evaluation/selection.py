"""Which runs stand beside each other: boards by test set, the first comparison, presets.

The test split chooses nothing, not even what is shown first: wherever one run of several is taken,
it is the one that is best on validation.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emotion_core.evaluation.study import load_study
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.runs.shipped import is_shipped

FIRST_RUNS = 5  # that a comparison opens with
MOST_RUNS = 12  # that a page compares: of more, matrices and sentences can no longer be read
Entry = tuple[Run, Report]


@dataclass(frozen=True)
class Board:
    """Finished runs on one test set.

    Attributes:
        name: Of the data set.
        synthetic: Whether its faces are drawn.
        faces: In the test set.
        entries: The runs, most accurate first.
    """

    name: str
    synthetic: bool
    faces: int
    entries: tuple[Entry, ...]

    @property
    def best(self) -> Entry:
        """The run that is best on validation."""
        return max(self.entries, key=_validation)


def leaderboards(entries: Sequence[Entry]) -> list[Board]:
    """One board per test set: photographs before drawn faces, then the one with more faces.

    Runs on different test sets are never ranked against each other.
    """
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry[1].data.test_fingerprint, []).append(entry)
    boards = []
    for group in groups.values():
        group.sort(key=lambda entry: -entry[1].test.accuracy)
        best = group[0][1]
        boards.append(Board(best.data.name, best.data.synthetic, best.test.n, tuple(group)))
    return sorted(boards, key=lambda board: (board.synthetic, -board.faces, board.name))


def best_of_each(entries: Sequence[Entry]) -> list[Entry]:
    """The run of each architecture that is best on validation, in the order given."""
    best: dict[str, Entry] = {}
    for entry in sorted(entries, key=_validation, reverse=True):
        best.setdefault(entry[1].model, entry)
    kept = [run for run, _ in best.values()]
    return [entry for entry in entries if entry[0] in kept]


def first_choice(entries: Sequence[Entry]) -> list[Run]:
    """The runs that a comparison opens with, at most ``FIRST_RUNS``.

    They are the user's newest run, the best others on its test set, each another architecture, then
    the rest. Where the newest run is alone on its test set, it is the set of most runs. Runs on
    drawn faces come first only where there are no others: a try does not push the prepared
    comparison away.

    Args:
        entries: All finished runs, newest first.
    """
    entries = [entry for entry in entries if not entry[1].data.synthetic] or entries
    if not entries:
        return []
    tests = {run.name: report.data.test_fingerprint for run, report in entries}
    count, (newest, _) = Counter(tests.values()), entries[0]
    wanted = tests[newest.name]
    if count[wanted] == 1:
        wanted = count.most_common(1)[0][0]
    same = [entry for entry in entries if tests[entry[0].name] == wanted]
    order = sorted(same, key=_validation, reverse=True)
    if wanted == tests[newest.name] and not is_shipped(newest):
        order.sort(key=lambda entry: entry[0] != newest)
    one_each: dict[str, Entry] = {}
    for entry in order:
        one_each.setdefault(entry[1].model, entry)
    first = [run for run, _ in [*one_each.values(), *order]]
    kept = list(dict.fromkeys(first))[:FIRST_RUNS]
    return [run for run, _ in same if run in kept]


def _validation(entry: Entry) -> float:
    return entry[1].val.accuracy


def _of_study(recipe: str) -> Callable[[Sequence[Entry]], list[Entry]]:
    def pick(entries: Sequence[Entry]) -> list[Entry]:
        models = load_study().models
        return best_of_each(
            [entry for entry in entries if entry[1].recipe == recipe and entry[1].model in models]
        )

    return pick


@dataclass(frozen=True)
class Preset:
    """A choice of runs that is worth one click.

    Attributes:
        title: What people read.
        pick: The runs among those of one test set.
    """

    title: str
    pick: Callable[[Sequence[Entry]], Sequence[Entry]]


PRESETS: dict[str, Preset] = {
    "study": Preset("The study's five, study recipe", _of_study("study")),
    "study-ours": Preset("The study's five, our recipe", _of_study("ours")),
    "best": Preset("Best of each architecture", best_of_each),
    "mine": Preset("My runs", lambda entries: [e for e in entries if _is_mine(e)]),
}


def preset_runs(key: str, entries: Sequence[Entry]) -> list[Run]:
    """The runs of a preset, on the first board that has any; empty where there are none.

    Of more than ``MOST_RUNS`` those are left out that are worst on validation.

    Args:
        key: Of ``PRESETS``.
        entries: All finished runs, newest first.
    """
    for board in leaderboards(entries):
        if picked := PRESETS[key].pick(board.entries):
            kept = sorted(picked, key=_validation, reverse=True)[:MOST_RUNS]
            return [entry[0] for entry in picked if entry in kept]
    return []


FILTERS: dict[str, Callable[[Entry], bool]] = {
    "Study recipe": lambda entry: entry[1].recipe == "study",
    "Our recipe": lambda entry: entry[1].recipe == "ours",
    "My runs": lambda entry: _is_mine(entry),
    "With weights": lambda entry: entry[0].weights_path.exists(),
}


def filtered(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """The runs that pass every filter of these names, in order."""
    return [entry for entry in entries if all(FILTERS[name](entry) for name in names)]


def _is_mine(entry: Entry) -> bool:
    return not is_shipped(entry[0])
