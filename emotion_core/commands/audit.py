"""``audit``: which labels, faces and splits of a data set deserve a second look."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from emotion_core.collect.answers import Answers
    from emotion_core.collect.audit import Audit
    from emotion_core.data.faces import FaceData
    from emotion_core.runs.run import Run

HELP = "find label errors, duplicates, leaks and bad faces of any data set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    from emotion_core.data.label_tables import HELP as LABELS_HELP

    parser.add_argument("data", metavar="DATA", help="data set, as for train --data")
    parser.add_argument("--labels", default="", metavar="TABLE", help=LABELS_HELP)
    parser.add_argument("--json", metavar="FILE", help="write everything that was found")
    parser.add_argument(
        "--probs",
        metavar="FILE",
        help="out-of-sample probabilities: .npy (n, 7), .npz with probs and ids, or CSV with a "
        "column per emotion and id (default: stored answers; else quick models of the other faces, "
        "and for a collection the champion)",
    )
    parser.add_argument(
        "--stored",
        action="store_true",
        help="fit nothing: score only the faces that finished runs have answered to",
    )
    parser.add_argument(
        "--train",
        action="store_true",
        help="also train a small network per fold as a job, and average its answers: slower, better",
    )
    parser.add_argument("--folds", type=int, default=5, help="with --train (default: 5)")
    parser.add_argument(
        "--epochs", type=int, default=0, help="of each fold (default: by the number of faces)"
    )


def run(args: argparse.Namespace) -> int:
    """Audit, print a summary, and write the rest as JSON on request."""
    from pathlib import Path

    from emotion_core.collect.audit import audit
    from emotion_core.data.label_tables import with_labels
    from emotion_core.data.sources import load_data
    from emotion_core.errors import ConfigError
    from emotion_core.files import write_json

    if not 2 <= args.folds <= 20:
        raise ConfigError(f"--folds must be from 2 to 20, got {args.folds}.")
    data = load_data(with_labels(args.data, args.labels))
    answers = _answers(args, data)
    found = audit(data, answers.probs, answers.by)
    print("\n".join(summary(found)))
    if args.json:
        write_json(Path(args.json), found.to_json(), parents=True)
        print(f"Written to {args.json}.")
    return 0


def summary(found: "Audit") -> list[str]:
    """The findings in a few lines, then a line per emotion."""
    from emotion_core.units import percent

    likely = int(found.issues.likely.sum())
    lines = [
        f"{found.data.name}: {len(found.data):,} faces, {len(found.rows):,} labels scored by "
        f"{found.answered_by}",
        f"Labels that are probably wrong: {likely:,} ({percent(likely / max(len(found.rows), 1))})",
        f"Faces that repeat a photograph: {len(found.data) - len(set(found.near.tolist())):,}",
        f"Test faces without a twin elsewhere: {percent(found.leak_free)}",
        f"Faces that are blank, blurred, dark or tiny: {len(found.poor):,}",
        f"{'':10}{'faces':>8}{'share':>9}{'suspect':>9}{'agreed':>9}",
    ]
    for emotion, figures in found.classes().items():
        rare = "  rare" if figures.rare else ""
        lines.append(
            f"{emotion:10}{figures.faces:>8,}{percent(figures.share):>9}{figures.issues:>9,}"
            f"{percent(figures.agreement):>9}{rare}"
        )
    return lines


def _answers(args: argparse.Namespace, data: "FaceData") -> "Answers":
    from functools import partial
    from pathlib import Path

    import numpy as np

    from emotion_core.collect.answers import Answers, answers_to, read_probs, stored_probs
    from emotion_core.errors import DataError
    from emotion_core.paths import user_path

    if args.probs:
        path = user_path(args.probs)
        return Answers(read_probs(path, data), Path(args.probs).name)
    if args.stored:
        probs, names = stored_probs(data)
        if not np.isfinite(probs).all(axis=1).any():
            raise DataError(
                f"No finished run has answered to the faces of '{data.name}'. Leave out --stored, "
                "or give --probs."
            )
        return Answers(probs, f"stored answers of {', '.join(names)}")
    folds = partial(_fold_probs, args) if args.train else None
    return answers_to(data, _quick_probs, _champion_probs, folds)


def _quick_probs(data: "FaceData") -> "np.ndarray":
    from emotion_core.collect.kernel import quick_probs
    from emotion_core.progress import progress_bar

    layout = "fitting {percentage:3.0f} % |{bar}| {elapsed}"
    with progress_bar(total=1.0, bar_format=layout, leave=False) as bar:
        return quick_probs(data, lambda share: bar.update(share - bar.n))


def _champion_probs(data: "FaceData", run: "Run") -> "np.ndarray":
    import numpy as np

    from emotion_core.collect.outsider import outsider_probs
    from emotion_core.progress import progress_bar

    layout = "asking the champion {percentage:3.0f} % |{bar}| {elapsed}"
    with progress_bar(total=1.0, bar_format=layout, leave=False) as bar:
        images = np.asarray(data.images)
        return outsider_probs(run, images, lambda share: bar.update(share - bar.n))


def _fold_probs(args: argparse.Namespace, data: "FaceData") -> "np.ndarray":
    """Train the folds as jobs and wait for them; Ctrl-C stops them, and a second call goes on."""
    from emotion_core.collect.folds import (
        fold_probs,
        remove_folds,
        start_folds,
        stop_folds,
        wait_for_folds,
    )
    from emotion_core.progress import progress_bar

    start_folds(data, args.folds, args.epochs)
    layout = "folds {percentage:3.0f} % |{bar}| {elapsed}"
    try:
        with progress_bar(total=1.0, bar_format=layout, leave=False) as bar:
            wait_for_folds(data, args.folds, lambda share: bar.update(share - bar.n))
    except KeyboardInterrupt:
        stop_folds(data, args.folds)
        raise
    probs = fold_probs(data, args.folds)
    remove_folds(data, args.folds)
    return probs
