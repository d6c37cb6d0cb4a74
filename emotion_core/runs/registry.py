"""Which run is in use: ``@champion``, ``@previous`` and a user's own names, with their history.

One JSON file under ``EMOTION_HOME``, replaced as a whole. An alias names a run folder, which never
changes, so a rollback gives exactly what was there. Until somebody promotes a run, the champion is
the shipped one that validation and the transfer measure choose.
"""

import contextlib
import getpass
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import filelock

from emotion_core.access import Action, require
from emotion_core.errors import RunError
from emotion_core.files import read_json, write_json
from emotion_core.paths import checkpoints_dir, home_dir
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.runs.status import now

MARK = "@"
CHAMPION, PREVIOUS = "@champion", "@previous"
FORMAT = 1
_NAME = re.compile(r"@[a-z0-9][a-z0-9._-]{0,59}")
_OWN = "collection:"  # in the spec of a run that learned own faces
_PATIENCE = 10.0  # seconds


@dataclass(frozen=True)
class Entry:
    """One change of an alias.

    Attributes:
        when: UTC ISO 8601.
        who: Account that did it.
        action: ``promote``, ``rollback``, ``set`` or ``remove``.
        alias: Such as ``@champion``.
        run: Id or path of the run that it names now; empty once removed.
        before: What it named before; empty if nothing was written.
        why: In the words of whoever did it.
        gate: Figures of the gate, if it was asked.
        forced: Reason for promoting a run that the gate refused; empty if it passed.
    """

    when: str
    who: str
    action: str
    alias: str
    run: str
    before: str = ""
    why: str = ""
    gate: Mapping[str, Any] = field(default_factory=dict)
    forced: str = ""


@dataclass(frozen=True)
class Registry:
    """All aliases, by name, and their history, oldest first."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Entry, ...] = ()


def is_alias(name: object) -> bool:
    """Whether a name of a run is an alias."""
    return str(name).startswith(MARK)


def read_registry() -> Registry:
    """The registry; an empty one before the first change.

    Raises:
        RunError: the file is damaged.
    """
    path = _path()
    try:
        values = read_json(path)
        aliases = {str(name): str(run) for name, run in values["aliases"].items()}
        return Registry(aliases, tuple(Entry(**entry) for entry in values["history"]))
    except FileNotFoundError:
        return Registry()
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise RunError(
            f"{path} cannot be read ({error}). Move it away to begin a new registry."
        ) from error


def target(alias: str) -> str:
    """Id or path of the run that an alias names; empty where nothing was written for it.

    Raises:
        RunError: no alias can have such a name, or the file is damaged.
    """
    if not _NAME.fullmatch(alias):
        raise RunError(
            f"'{alias[:80]}' is not an alias: @ and lower-case letters, digits, '-', '_' and '.'."
        )
    return read_registry().aliases.get(alias, "")


def first_champion(runs: Sequence[Run]) -> Run | None:
    """The best run before anybody promoted one: by the mean of accuracy on validation and the
    transfer measure, which is of validation faces, too. Test faces choose nothing. A run whose
    transfer was not measured comes after all others, and one that learned own faces after those: it
    takes the place only through the gate.

    Args:
        runs: Those to choose from, most of them on one data set.
    """
    ranked = []
    for run in runs:
        if run.problem or not run.weights_path.exists() or (report := run.report()) is None:
            continue
        transfer = _transfer(run, report)
        facts = report.data
        own = _OWN in run.config().data
        known = (not own, transfer is not None, not facts.synthetic, facts.faces)
        accuracy = report.val.accuracy
        score = accuracy if transfer is None else (accuracy + transfer) / 2
        ranked.append((known, score, run))
    return max(ranked, key=lambda item: item[:2])[2] if ranked else None


def promote(
    run: Run,
    before: Run | None,
    *,
    why: str = "",
    gate: Mapping[str, Any] | None = None,
    forced: str = "",
) -> Entry:
    """Make a run the champion; the one before becomes ``@previous``.

    ``collect.gate`` decides whether it may; this only writes.

    Raises:
        RunError: the run has no weights, or is the champion already.
    """
    require(Action.PROMOTE)
    if not run.weights_path.exists():
        raise RunError(f"Run '{run.name}' has no weights, so it cannot be the champion.")
    if before == run:
        raise RunError(f"Run '{run.name}' is the champion already.")
    old = _reference(before) if before else ""
    return _write(
        _entry("promote", CHAMPION, _reference(run), old, why, gate=gate or {}, forced=forced),
        {CHAMPION: _reference(run), PREVIOUS: old},
    )


def rollback(*, why: str = "") -> Entry:
    """Exchange ``@champion`` and ``@previous``.

    Raises:
        RunError: there is no previous champion.
    """
    require(Action.PROMOTE)
    aliases = read_registry().aliases
    champion, previous = aliases.get(CHAMPION, ""), aliases.get(PREVIOUS, "")
    if not previous:
        raise RunError("There is no previous champion to roll back to.")
    return _write(
        _entry("rollback", CHAMPION, previous, champion, why),
        {CHAMPION: previous, PREVIOUS: champion},
    )


def set_alias(alias: str, run: Run | None, *, why: str = "") -> Entry:
    """Give a run a further name, or take the name away with None.

    Raises:
        RunError: the name breaks its rule, is ``@champion`` or ``@previous``, or names nothing.
    """
    require(Action.PROMOTE)
    if alias in (CHAMPION, PREVIOUS):
        raise RunError(f"{alias} changes with promote and rollback alone.")
    before = target(alias)
    if run is None and not before:
        raise RunError(f"There is no alias '{alias}'.")
    reference = _reference(run) if run else ""
    action = "set" if run else "remove"
    return _write(_entry(action, alias, reference, before, why), {alias: reference})


def _entry(action: str, alias: str, run: str, before: str, why: str, **more: Any) -> Entry:
    try:
        who = getpass.getuser()
    except Exception:  # no account has this number, and no variable names one
        who = "owner"
    return Entry(now(), who, action, alias, run, before, why.strip()[:500], **more)


def _write(entry: Entry, changes: Mapping[str, str]) -> Entry:
    with _locked():
        kept = read_registry()
        aliases = {name: run for name, run in (dict(kept.aliases) | dict(changes)).items() if run}
        write_json(
            _path(),
            {
                "format": FORMAT,
                "aliases": aliases,
                "history": [asdict(item) for item in (*kept.history, entry)],
            },
        )
    return entry


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Nobody else writes meanwhile, so that no entry is lost."""
    home_dir().mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(home_dir() / ".registry.lock", timeout=_PATIENCE):
            yield
    except filelock.Timeout as error:
        raise RunError("Another process has been changing the registry for too long.") from error


def _reference(run: Run) -> str:
    inside = run.path.parent.resolve() == checkpoints_dir().resolve()
    return run.id if inside else str(run.path)


def _transfer(run: Run, report: Report) -> float | None:
    """The transfer measure on the report's data set; None where it was not measured."""
    try:
        found = read_json(run.path / "transfer.json")
        value, about = found["transfer"], found["fingerprint"]
    except (OSError, ValueError, TypeError, LookupError):
        return None
    known = isinstance(value, int | float) and about == report.data.fingerprint
    return float(value) if known else None


def _path() -> Path:
    return home_dir() / "registry.json"
