"""How fast a large collection is: the queries behind a page of the grid, and "more like this"."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from benchmarks.command import Figures, measure

HELP = "time of a page of faces and of 'more like this' in a collection of 50,000 faces"
_NAME = "large"
_SESSION = 500  # faces
_TURNS = 5
_FEATURES = 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many faces."""
    parser.add_argument("--faces", type=int, default=50_000)


def run(args: argparse.Namespace) -> Figures:
    """Fill a collection in a folder of its own, and time what the page asks of it."""
    with tempfile.TemporaryDirectory(prefix="collection-") as folder:
        os.environ["EMOTION_HOME"] = folder
        filled = fill(args.faces)
        return {"faces": args.faces, "fill_seconds": round(filled, 1)} | timings()


def fill(count: int) -> float:
    """Random faces in sessions: half labelled, a quarter suggested. Gives the seconds it took."""
    import numpy as np

    from emotion_core.collect.faces import NewFace, add_faces, start_session
    from emotion_core.collect.quality import Quality
    from emotion_core.collect.store import create
    from emotion_core.labels import EMOTIONS

    rng, started = np.random.default_rng(0), time.perf_counter()
    create(_NAME)
    words = ("person", "model", "person", "")
    for number, first in enumerate(range(0, count, _SESSION)):
        by = words[number % len(words)]
        session = start_session(_NAME, f"session {number}")
        add_faces(
            session,
            [
                NewFace(
                    rng.integers(0, 255, (48, 48), np.uint8),
                    rng.integers(0, 255, (112, 112), np.uint8),
                    "photo",
                    f"photo-{at // 5}.jpg",
                    Quality(60, 1, 100, 30),
                    label=EMOTIONS[at % 7] if by else "",
                    by=by,
                    who="a benchmark" if by else "",
                    probs=rng.dirichlet(np.ones(7)),
                    answered_by="a benchmark",
                )
                for at in range(first, min(first + _SESSION, count))
            ],
        )
        print(f"\r{min(first + _SESSION, count):,} faces", end="", file=sys.stderr, flush=True)
    return time.perf_counter() - started


def timings() -> Figures:
    """Median milliseconds: wall clock, and of the processor, which a busy machine leaves alone."""
    import numpy as np

    from emotion_core.collect import query, store
    from emotion_core.collect.neighbours import Vectors
    from emotion_core.collect.review import next_faces
    from emotion_core.data.collection_file import read_face
    from emotion_core.plots.pictures import data_uri

    ids = np.array(sorted(query.face_files(_NAME)), np.int64)
    values = np.random.default_rng(0).standard_normal((len(ids), _FEATURES), np.float32)
    vectors = Vectors(ids, values / np.linalg.norm(values, axis=1, keepdims=True))

    def page(which: query.Filter) -> None:
        store.purge()
        store.list_collections()
        query.label_counts(_NAME)
        query.list_sessions(_NAME)
        for item in query.list_faces(_NAME, which)[0]:
            data_uri(read_face(item.file, large=item.large), jpeg=85)

    asked: dict[str, Callable[[], object]] = {
        "page of the newest": lambda: page(query.Filter()),
        "page to do, least certain first": lambda: page(
            query.Filter(state="to do", order="least certain")
        ),
        "what to label next": lambda: next_faces(_NAME, vectors),
        "more like this": lambda: vectors.like(int(ids[len(ids) // 2]), query.PAGE),
    }
    return {name: _time(call) for name, call in asked.items()}


def _time(call: Callable[[], object]) -> dict[str, float]:
    walls, cpus = [], []
    for _ in range(_TURNS):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    middle = _TURNS // 2
    return {
        "ms": round(1000 * sorted(walls)[middle], 1),
        "cpu_ms": round(1000 * sorted(cpus)[middle], 1),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure from the command line."""
    return measure("collection", HELP, add_arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
