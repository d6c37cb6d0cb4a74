"""``evaluate``: a run's report on validation and test, or the ensemble of several runs."""

import argparse
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emotion_core.data.faces import FaceData
    from emotion_core.evaluation.results import Result
    from emotion_core.runs.run import Run
    from emotion_core.runs.scores import Scores

HELP = "predict a run's test split and write its report, or measure it on other faces"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    from emotion_core.data.label_tables import HELP as LABELS_HELP

    parser.add_argument("run", metavar="RUN", help="folder, name, part of it, or architecture")
    parser.add_argument(
        "--data",
        help="data set (default: the one the run was trained on); another one is measured and "
        "printed, with each emotion's recall and its interval, and the run stays as it is",
    )
    parser.add_argument("--labels", default="", metavar="TABLE", help=LABELS_HELP)
    parser.add_argument(
        "--split",
        choices=("test", "all"),
        default="test",
        help="of another data set: its test split, or all its faces if the run saw none of them",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda:N or auto (default: auto)")
    parser.add_argument(
        "--ensemble",
        metavar="RUN",
        nargs="+",
        default=[],
        help="print the ensemble of RUN and these runs instead, from their stored predictions, or "
        "on the faces that --data names",
    )


def run(args: argparse.Namespace) -> int:
    """Do it and print the figures."""
    from emotion_core.errors import ConfigError
    from emotion_core.runs.catalog import pick_run

    stored = args.ensemble and not args.data
    if stored and (args.split != "test" or args.device != "auto" or args.labels):
        raise ConfigError(
            "--ensemble reads stored predictions of test: leave out --split, --labels and "
            "--device, or name other faces by --data."
        )
    names = [args.run, *args.ensemble]
    runs = list(dict.fromkeys(pick_run(name, weights=not stored) for name in names))
    if args.ensemble:
        results = _members(runs)
        if stored:
            _print_ensemble(results)
            return 0

    from emotion_core.data.label_tables import with_labels
    from emotion_core.data.sources import load_data
    from emotion_core.evaluation.measure import measure_on
    from emotion_core.evaluation.report import belongs_to

    first = runs[0]
    data = load_data(with_labels(args.data or first.config().data, args.labels))
    if args.split == "all":
        _refuse_own_faces(runs, data)
    if args.ensemble or not belongs_to(first, data):
        title = f"ensemble of {len(runs)} runs" if args.ensemble else first.name
        scores = measure_on(runs, data, args.split, device=args.device)
        _print({f"{title} on {data.name}, {args.split}": scores}, per_emotion=True)
    else:
        _evaluate(first, data, args.device)
    return 0


def _evaluate(run: "Run", data: "FaceData", device: str) -> None:
    """Write the run's report, and its card again where it has one."""
    from emotion_core.evaluation.report import evaluate_run
    from emotion_core.reporting.card import write_card

    report = evaluate_run(run, data, device=device)
    if (run.path / "README.md").exists():
        write_card(run)
    parts = {name.replace("_", " "): scores for name, scores in vars(report.subsets).items()}
    _print({f"{run.name} on test": report.test, **parts, "with mirroring": report.flip_tta.test})
    print(
        f"temperature {report.temperature:.3f}, smoothing {report.smoothing:.2f}, written to "
        f"{run.path / 'report.json'}"
    )


def _members(runs: "list[Run]") -> "list[Result]":
    """The stored results of runs that can be averaged."""
    from emotion_core.errors import DataError
    from emotion_core.evaluation.ensemble import UNCALIBRATED, share_validation
    from emotion_core.evaluation.results import load_results

    if len(runs) < 2:
        raise DataError(f"An ensemble needs two runs, and --ensemble only names {runs[0].name}.")
    results, refused = load_results(runs)
    if refused:
        raise DataError(f"These runs make no ensemble. {refused[0].reason}")
    if not share_validation(results):
        print(UNCALIBRATED)
    return results


def _print_ensemble(results: "list[Result]") -> None:
    from emotion_core.evaluation.ensemble import ensemble_probs, flip_ensemble_probs
    from emotion_core.evaluation.scores import classification_metrics

    labels, flipped = results[0].labels, flip_ensemble_probs(results)
    title = f"ensemble of {len(results)} runs"
    scores = {title: classification_metrics(labels, ensemble_probs(results))}
    if flipped is not None:
        scores["with mirroring"] = classification_metrics(labels, flipped)
    _print(scores)


def _refuse_own_faces(runs: "list[Run]", data: "FaceData") -> None:
    """All faces of a data set say nothing about runs that were trained on it.

    Raises:
        ConfigError: one was, or an earlier run behind it.
    """
    from emotion_core.data.sources import same_source
    from emotion_core.errors import ConfigError
    from emotion_core.evaluation.report import belongs_to

    for member in _with_earlier(runs):
        # Its own data set is that also after faces were added to it.
        if belongs_to(member, data) or same_source(member.config().data, data.source):
            what = member.name if member in runs else f"{member.name}, an earlier run behind it,"
            raise ConfigError(
                f"{what} was trained on {data.name}: --split all would count training faces. "
                "Leave it out, or name another data set."
            )


def _with_earlier(runs: "list[Run]") -> "list[Run]":
    """Runs and those whose training went into theirs, as far back as they are here."""
    from emotion_core.errors import EmotionError
    from emotion_core.runs.catalog import load_run

    found = list(runs)
    for run in found:  # which grows meanwhile
        for name in run.config().earlier():
            with contextlib.suppress(EmotionError):
                earlier = load_run(name, run.path.parent)
                earlier.config()
                if earlier not in found:
                    found.append(earlier)
    return found


def _print(sets: "Mapping[str, Scores | None]", *, per_emotion: bool = False) -> None:
    """A line of figures for each set of faces that is there, and on request each emotion's."""
    from emotion_core.labels import NUM_CLASSES
    from emotion_core.reporting.columns import ELSEWHERE, SCORES
    from emotion_core.reporting.rows import emotion_rows, scores_row
    from emotion_core.reporting.terminal import table_text
    from emotion_core.units import join_names

    found = {title: scores for title, scores in sets.items() if scores}
    print(table_text(SCORES, [{"set": title, **scores_row(s)} for title, s in found.items()]))
    if per_emotion:
        scores = next(iter(found.values()))
        print(table_text(ELSEWHERE, emotion_rows(scores)))
        absent = [name for name, each in scores.per_emotion.items() if not each.support]
        if absent:
            print(
                f"No faces of {join_names(absent)}: macro-F1 is the mean of the other "
                f"{NUM_CLASSES - len(absent)}, and answers of these count as wrong."
            )
