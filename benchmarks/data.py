"""How fast each form of a data set loads, parsed and from the cache, and with how much memory."""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.command import Figures, measure

if TYPE_CHECKING:
    from emotion_core.data.faces import FaceData

HELP = "time loading a data set as folder, zip and CSV, parsed and cached, and its peak memory"

# A process of its own, because a peak of memory never falls again.
_CHILD = """
import json, resource, sys, time
from emotion_core.data.sources import load_data
def peak_mb():
    # Linux hands ru_maxrss on from the parent; VmHWM begins anew.
    try:
        with open("/proc/self/status") as lines:
            return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) / 1e3
    except (OSError, StopIteration):
        scale = 1e6 if sys.platform == "darwin" else 1e3
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
before = peak_mb()
start, cpu = time.perf_counter(), time.process_time()
data = load_data(sys.argv[1])
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
print(json.dumps({"seconds": seconds, "cpu_s": cpu, "peak_mb": peak_mb(), "libraries_mb": before,
                  "faces": len(data), "fingerprint": data.fingerprint}))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the benchmark."""
    parser.add_argument(
        "--data", default="fer2013", help="data set to write in each form (default: fer2013)"
    )
    parser.add_argument("--drawn", type=int, default=2000, help="faces to draw (default: 2000)")


def run(args: argparse.Namespace) -> Figures:
    """Write the data set in each form, load each in a fresh process, and print the figures."""
    from emotion_core.data.sources import load_data
    from emotion_core.data.synthetic import synthetic_faces
    from emotion_core.data.walk import write_folder
    from emotion_core.errors import ConfigError

    if args.drawn < 1:
        raise ConfigError(f"--drawn must be 1 or more, got {args.drawn}.")
    data = load_data(args.data)
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="emotion-bench-") as name:
        root = Path(name)
        forms = {"folder": root / "folder", "zip": root / "faces.zip", "CSV": root / "faces.csv"}
        write_folder(data, forms["folder"])
        write_zip(data, forms["zip"])
        write_csv(data, forms["CSV"])
        for form, path in forms.items():
            parsed = _load_alone(path, root / "cache")
            cached = _load_alone(path, root / "cache")
            if not parsed["fingerprint"] == cached["fingerprint"] == data.fingerprint:
                raise RuntimeError(f"{form} does not give the same faces back")
            rows[form] = {
                "size_mb": _size(path) / 1e6,
                "parsed_s": parsed["seconds"],
                "parsed_cpu_s": parsed["cpu_s"],
                "cached_s": cached["seconds"],
                "cached_cpu_s": cached["cpu_s"],
                "peak_mb": parsed["peak_mb"],
                "cached_peak_mb": cached["peak_mb"],
                "libraries_mb": parsed["libraries_mb"],
            }
    start, cpu = time.perf_counter(), time.process_time()
    synthetic_faces(args.drawn)
    drawn_s, drawn_cpu_s = time.perf_counter() - start, time.process_time() - cpu

    print(f"{data.name}: {len(data):,} faces, {os.cpu_count()} cores, files in the system's cache")
    # CPU time beside the clock: on a busy machine it is the one that can be compared.
    print(f"{'form':8}{'on disk':>12}{'parsed (CPU)':>21}{'cached (CPU)':>21}{'peak memory':>14}")
    for form, row in rows.items():
        print(
            f"{form:8}{row['size_mb']:9.0f} MB"
            f"{row['parsed_s']:9.2f} s ({row['parsed_cpu_s']:5.2f} s)"
            f"{row['cached_s']:9.2f} s ({row['cached_cpu_s']:5.2f} s)"
            f"{row['peak_mb']:11.0f} MB"
        )
    print(f"drawing {args.drawn:,} faces: {drawn_s:.2f} s ({drawn_cpu_s:.2f} s of CPU time)")
    return {
        "data": data.name,
        "fingerprint": data.fingerprint,
        "faces": len(data),
        "forms": rows,
        "drawn_faces": args.drawn,
        "drawn_s": drawn_s,
        "drawn_cpu_s": drawn_cpu_s,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("data", HELP, add_arguments, run, argv)


def write_zip(data: "FaceData", path: Path) -> None:
    """Write the folder tree as a zip."""
    from emotion_core.data.walk import picture_files

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, picture in picture_files(data):
            archive.writestr(name, picture)


def write_csv(data: "FaceData", path: Path) -> None:
    """Write ``emotion,pixels,Usage`` with the original codes."""
    from emotion_core.data.split_names import split_code
    from emotion_core.data.table import CSV_ORDER
    from emotion_core.labels import EMOTIONS

    usage = ("Training", "Validation", "PrivateTest")  # by split
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["emotion", "pixels", "Usage"])
        for position, image in enumerate(data.images):
            code = CSV_ORDER.index(EMOTIONS[data.labels[position]])
            kind, split = data.usage[position], int(data.splits[position])
            if split_code(kind) != split:  # none, or the tree had it elsewhere
                kind = usage[split]
            out.writerow([code, " ".join(map(str, image.ravel().tolist())), kind])


def _load_alone(path: Path, cache: Path) -> Figures:
    found = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)],
        env=os.environ | {"EMOTION_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    result: Figures = json.loads(found.stdout)
    return result


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    sys.exit(main())
