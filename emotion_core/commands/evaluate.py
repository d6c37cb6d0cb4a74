"""``evaluate``: a run's report on validation and test, or the ensemble of several runs."""

import argparse
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emotion_core.runs.report import Scores
    from emotion_core.runs.run import Run

HELP = "predict a run's test split and write its report, or measure it on other faces"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    from emotion_core.data.label_tables import HELP as LABELS_HELP

    parser.add_argument("run", metavar="RUN", help="folder, name, part of it, or architecture")
    parser.add_argument(
        "--data",
        help="data set (default: the one the run was trained on); another one is measured and "
        "printed, with each emotion's recall, and the run stays as it is",
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
    from emotion_core.errors import ConfigError, DataError
    from emotion_core.runs.catalog import pick_run

    stored = args.ensemble and not args.data
    if stored and (args.split != "test" or args.device != "auto" or args.labels):
        raise ConfigError(
            "--ensemble reads stored predictions of test: leave out --split, --labels and "
            "--device, or name other faces by --data."
        )
    names = [args.run, *args.ensemble]
    runs = list(dict.fromkeys(pick_run(name, weights=not stored) for name in names))
    first, title = runs[0], runs[0].name
    if args.ensemble:
        from emotion_core.evaluation import compare

        if len(runs) < 2:
            raise DataError(f"An ensemble needs two runs, and --ensemble only names {first.name}.")
        results, refused = compare.load_results(runs)
        if refused:
            raise DataError(f"These runs make no ensemble. {refused[0].reason}")
        title = f"ensemble of {len(runs)} runs"
        if not compare.share_validation(results):
            print(compare.UNCALIBRATED)
    if stored:
        from emotion_core.evaluation.metrics import classification_metrics

        labels, flipped = results[0].labels, compare.flip_ensemble_probs(results)
        _print(title, classification_metrics(labels, compare.ensemble_probs(results)))
        if flipped is not None:
            _print("with flip averaging", classification_metrics(labels, flipped))
        return 0

    from emotion_core.data.label_tables import with_labels
    from emotion_core.data.sources import load_data, same_source
    from emotion_core.evaluation.report import belongs_to, evaluate_run, measure_on
    from emotion_core.reporting.card import write_card

    data = load_data(with_labels(args.data or first.config().data, args.labels))
    # Its own data set is that also after faces were added to it.
    same = belongs_to(first, data)
    for member in _with_earlier(runs) if args.split == "all" else ():
        if belongs_to(member, data) or same_source(member.config().data, data.source):
            what = member.name if member in runs else f"{member.name}, an earlier run behind it,"
            raise ConfigError(
                f"{what} was trained on {data.name}: --split all would count training faces. "
                "Leave it out, or name another data set."
            )
    if not same or args.ensemble:
        metrics = measure_on(runs, data, args.split, device=args.device)
        _print(f"{title} on {data.name}, {args.split}", metrics)
        for emotion, row in metrics.per_emotion.items():
            print(f"  {emotion:9} {row.recall:7.2%} of {row.support:,}")
        return 0
    report = evaluate_run(first, data, device=args.device)
    if (first.path / "README.md").exists():
        write_card(first)
    _print(f"{first.name} on test", report.test)
    for name, scores in vars(report.subsets).items():
        if scores:
            _print(name.replace("_", " "), scores)
    _print("with flip averaging", report.flip_tta.test)
    print(
        f"temperature {report.temperature:.3f}, smoothing {report.smoothing:.2f}, written to "
        f"{first.path / 'report.json'}"
    )
    return 0


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


def _print(title: str, scores: "Scores") -> None:
    from emotion_core.text import plain

    low, high = scores.accuracy_ci95
    print(
        f"{plain(title)}: accuracy {scores.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), "
        f"macro-F1 {scores.macro_f1:.4f}, ECE {scores.ece:.4f}, {scores.n:,} faces"
    )
