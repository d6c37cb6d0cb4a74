"""Whether the loop pays: a champion meets a changed world, and learns a few corrections from it.

The champion has not learned the validation faces of FER-2013. They are changed as another camera
would: darker, of less contrast, blurred, cropped wider. One half gives corrections, the other is held
out. The champion goes on as ``improve`` does, on corrections (faces that it gets wrong) or on as
many random faces of the same half.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.command import Figures, measure

if TYPE_CHECKING:
    import numpy as np

    from emotion_core.data.faces import FaceData
    from emotion_core.runs.run import Run

_WORLD = "changed world"
HELP = "accuracy on a changed world before and after 50, 200 and 500 corrections"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which champion, how many corrections and seeds."""
    parser.add_argument("--run", default="sequential", help="a run that is no final training")
    parser.add_argument("--counts", type=int, nargs="+", default=[50, 200, 500])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--kinds", nargs="+", default=["corrections", "random"], choices=["corrections", "random"]
    )
    parser.add_argument("--epochs", type=int, help="instead of improve's")
    parser.add_argument("--lr", type=float, help="instead of improve's")
    parser.add_argument("--replay", type=int, help="instead of improve's")


def run(args: argparse.Namespace) -> Figures:
    """Improve once for each count, kind and seed, and print each result."""
    import numpy as np

    from emotion_core.collect import improve
    from emotion_core.data.sources import load_data
    from emotion_core.data.splits import split_indices
    from emotion_core.errors import ConfigError
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.runs.catalog import pick_run

    old = pick_run(args.run)
    if old.config().final:
        raise ConfigError(f"{old.name} has learned the validation faces; name another run.")
    fer = load_data("fer2013")
    val = split_indices(fer).val
    changed = change(np.array(fer.images[val]))
    half = np.random.default_rng(0).permutation(len(val)) % 2 == 0
    labels = fer.labels[val]
    before = load_classifier(old).logits(changed).argmax(axis=1)
    wrong = before != labels
    rows = []
    settings = {name: getattr(args, name) for name in ("epochs", "lr", "replay")}
    settings = {name: value for name, value in settings.items() if value}
    for count in args.counts:
        for kind in args.kinds:
            for seed in args.seeds:
                pool = np.flatnonzero(half & wrong if kind == "corrections" else half)
                chosen = np.random.default_rng(seed).permutation(pool)[:count]
                replay = settings.get("replay", improve.REPLAY)
                data = mixed(fer, changed[chosen], labels[chosen], replay)
                new = improved(old, data, seed, settings)
                row = {"count": len(chosen), "kind": kind, "seed": seed} | figures(
                    old, new, fer, changed[~half], labels[~half], before[~half]
                )
                rows.append(row)
                print(row, flush=True)
    return {"run": old.name, "world": int((~half).sum()), "settings": settings, "rows": rows}


def change(faces: "np.ndarray") -> "np.ndarray":
    """The faces as a poor camera in low light gives them.

    Args:
        faces: ``(n, 48, 48)`` uint8.
    """
    import cv2
    import numpy as np

    found = []
    for face in faces:
        wide = cv2.copyMakeBorder(face, 7, 7, 7, 7, cv2.BORDER_REPLICATE)  # a wider crop
        small = cv2.resize(wide, (48, 48), interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(small, (0, 0), 1.4)
        found.append(np.clip(12 + 0.3 * soft.astype(np.float32) ** 0.97, 0, 255))
    noise = np.random.default_rng(0).normal(0, 3, (len(faces), 48, 48))
    return np.clip(np.stack(found) + noise, 0, 255).astype(np.uint8)


def mixed(fer: "FaceData", faces: "np.ndarray", labels: "np.ndarray", replay: int) -> "FaceData":
    """Own faces among replayed ones, as ``fer2013*20+collection:NAME^6`` gives them."""
    import numpy as np

    from emotion_core.collect.improve import repeats_of
    from emotion_core.data.combined import joined
    from emotion_core.data.faces import BY_HAND, FaceData, fingerprint

    splits = np.zeros(len(labels), np.uint8)
    own = FaceData(
        images=faces,
        labels=labels,
        splits=splits,
        usage=np.array([BY_HAND] * len(labels)),
        ids=np.array([f"face-{at}" for at in range(len(labels))]),
        name=_WORLD,
        source="changed",
        fingerprint=fingerprint(faces, labels, splits),
        test_fingerprint="",
    )
    repeats = (1, repeats_of(len(labels)))
    return replace(joined([fer, own], (replay, 0), repeats), source=_WORLD)


def improved(old: "Run", data: "FaceData", seed: int, settings: "Mapping[str, Any]") -> "Run":
    """A run that went on from ``old``, in a folder of its own, as ``improve`` sets it up."""
    from emotion_core.collect.improve import continued
    from emotion_core.runs.create import create_run
    from emotion_core.training.loop import train

    given = {name: value for name, value in settings.items() if name != "replay"}
    place = str(old.path.resolve())
    config = continued(old, data="fer2013", seed=seed, **given).replace(
        start_from=place,
        average_with=place,
        teacher=place,
        threads=int(os.environ.get("OMP_NUM_THREADS", "0")),
    )
    found = create_run(config, Path(tempfile.mkdtemp(prefix="loop-")))
    train(found, config, data)
    return found


def figures(
    old: "Run",
    new: "Run",
    fer: "FaceData",
    faces: "np.ndarray",
    labels: "np.ndarray",
    before: "np.ndarray",
) -> dict[str, object]:
    """Old against new on held-out changed faces and on FER-2013's test faces."""
    from emotion_core.collect.gate import compare
    from emotion_core.evaluation.results import load_results
    from emotion_core.models.checkpoint import load_classifier

    own = compare("world", labels, before, load_classifier(new).logits(faces).argmax(axis=1))
    first, second = load_results([old, new])[0]
    test = compare("test", first.labels, first.predicted, second.predicted)
    return {
        "world_before": round(100 * own.old, 1),
        "world_after": round(100 * own.new, 1),
        "world_ci95": [round(100 * end, 1) for end in own.ci95],
        "test_before": round(100 * test.old, 2),
        "test_after": round(100 * test.new, 2),
        "test_ci95": [round(100 * end, 2) for end in test.ci95],
        "ece_after": round(second.test.ece, 3),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure from the command line."""
    return measure("loop", HELP, add_arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
