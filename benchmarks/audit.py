"""Whether an audit finds wrong labels: 5 % are flipped at random, in drawn faces and in FER-2013's."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.command import Figures, measure

if TYPE_CHECKING:
    import numpy as np

    from emotion_core.data.faces import FaceData

HELP = "how well flipped labels are found, and how long an audit takes"
_SHARE = 0.05
_RECALL = 0.9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is measured."""
    parser.add_argument("--drawn", type=int, default=1050, help="drawn faces; 0 leaves them out")
    parser.add_argument("--photos", type=int, default=4000, help="FER-2013 training faces; or 0")
    parser.add_argument(
        "--own", type=int, default=400, help="FER-2013 test faces, as own faces are audited; or 0"
    )
    parser.add_argument(
        "--hard", action="store_true", help="of these only such as the champion gets wrong"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--whole", action="store_true", help="time an audit of all of FER-2013 with random answers"
    )


def run(args: argparse.Namespace) -> Figures:
    """Flip labels, let models answer that have not learned the face in question, and rank."""
    from emotion_core.data.sources import load_data
    from emotion_core.data.synthetic import synthetic_faces

    found: Figures = {}
    if args.drawn:
        found["drawn"] = ranked(synthetic_faces(args.drawn, seed=11), args.seed)
        print(f"drawn faces: {found['drawn']}", flush=True)
    if args.photos:
        found["photos"] = ranked(some_faces(args.photos, args.seed), args.seed)
        print(f"FER-2013: {found['photos']}", flush=True)
    if args.own:
        found["own"] = with_champion(own_faces(args.own, args.seed, args.hard), args.seed)
        print(f"FER-2013 as own faces: {found['own']}", flush=True)
    if args.whole:
        found["whole"] = timed(load_data("fer2013"))
        print(f"all of FER-2013: {found['whole']}", flush=True)
    return found


def some_faces(count: int, seed: int, split: str = "train") -> "FaceData":
    """Some faces of a split of FER-2013, drawn at random."""
    import numpy as np

    from emotion_core.data.sources import load_data

    fer = load_data("fer2013")
    rows = np.sort(np.random.default_rng(seed).permutation(fer.indices(split))[:count])
    return _rows_of(fer, rows, f"{fer.fingerprint[:20]}-{count}-{seed}")


def own_faces(count: int, seed: int, hard: bool) -> "FaceData":
    """Test faces of FER-2013, which no champion has learned; only those that it gets wrong if asked."""
    import numpy as np

    from emotion_core.collect.outsider import outsider_probs
    from emotion_core.runs.catalog import champion

    if not hard:
        return some_faces(count, seed, "test")
    data = some_faces(5 * count, seed, "test")
    right = outsider_probs(champion(), data.images).argmax(axis=1) == data.labels
    return _rows_of(data, np.flatnonzero(~right)[:count], f"{data.fingerprint}-hard")


def _rows_of(data: "FaceData", rows: "np.ndarray", fingerprint: str) -> "FaceData":
    import numpy as np

    return replace(
        data,
        fingerprint=fingerprint,
        images=np.array(data.images[rows]),
        labels=data.labels[rows],
        splits=data.splits[rows],
        usage=data.usage[rows],
        ids=data.ids[rows],
    )


def flipped(labels: "np.ndarray", seed: int) -> "np.ndarray":
    """The labels, 5 % of which are another one, each other one as likely."""
    import numpy as np

    rng = np.random.default_rng(seed + 1)
    wrong = rng.choice(len(labels), round(_SHARE * len(labels)), replace=False)
    found = labels.copy()
    found[wrong] = (found[wrong] + rng.integers(1, 7, len(wrong))) % 7
    return found


def ranked(data: "FaceData", seed: int) -> dict[str, float]:
    """Area under the ROC curve of the ranking, precision at 90 % recall, accuracy and seconds."""
    from emotion_core.collect.kernel import quick_probs

    labels = flipped(data.labels, seed)
    started = time.perf_counter()
    probs = quick_probs(replace(data, labels=labels))
    return _found(data, labels, probs, time.perf_counter() - started)


def with_champion(data: "FaceData", seed: int) -> dict[str, dict[str, float]]:
    """The same of quick models, of the champion, and of both as the audit of a collection mixes them."""
    from emotion_core.collect.kernel import quick_probs
    from emotion_core.collect.outsider import outsider_probs, stacked
    from emotion_core.runs.catalog import champion

    labels = flipped(data.labels, seed)
    started = time.perf_counter()
    quick = quick_probs(replace(data, labels=labels))
    fitted = time.perf_counter()
    asked = outsider_probs(champion(), data.images)
    ended = time.perf_counter()
    return {
        "quick": _found(data, labels, quick, fitted - started),
        "champion": _found(data, labels, asked, ended - fitted),
        "both": _found(data, labels, stacked(labels, quick, asked), ended - started),
    }


def _found(
    data: "FaceData", labels: "np.ndarray", probs: "np.ndarray", seconds: float
) -> dict[str, float]:
    import numpy as np
    from sklearn.metrics import precision_recall_curve, roc_auc_score

    from emotion_core.collect.issues import find_issues

    wrong = labels != data.labels
    scores = find_issues(labels, probs).scores
    precision, recall, _ = precision_recall_curve(wrong, scores)
    return {
        "faces": len(labels),
        "flipped": int(wrong.sum()),
        "auc": round(float(roc_auc_score(wrong, scores)), 3),
        "precision_at_90_recall": round(float(precision[recall >= _RECALL].max()), 3),
        "accuracy": round(float(np.mean(probs.argmax(axis=1) == data.labels)), 3),
        "seconds": round(seconds, 1),
    }


def timed(data: "FaceData") -> dict[str, float]:
    """Seconds of a whole audit with given probabilities; near duplicates may be kept."""
    import numpy as np

    from emotion_core.collect.audit import audit

    probs = np.random.default_rng(0).dirichlet(np.ones(7), len(data))
    wall, cpu = time.perf_counter(), time.process_time()
    document = audit(data, probs, "a benchmark").to_json()
    return {
        "faces": len(document["label_issues"]),  # type: ignore[arg-type]
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure from the command line."""
    return measure("audit", HELP, add_arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
