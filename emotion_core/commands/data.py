"""``data``: look at, fetch and make data sets."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emotion_core.data.parsed import Progress

HELP = "look at a data set, fetch FER-2013 or FER+ votes, draw synthetic faces, count duplicates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command per action."""
    from emotion_core.data.label_tables import HELP as LABELS_HELP

    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="counts by split and emotion, and what was fixed")
    info.add_argument("spec", help="path, 'fer2013', 'synthetic' or 'synthetic:N'")
    fetch = actions.add_parser("fetch", help="download a data set, or FER+'s votes on FER-2013")
    fetch.add_argument("name", choices=["fer2013", "ferplus"])
    fetch.add_argument("--file", default="", help="ferplus: a table of votes that is here already")
    fetch.add_argument(
        "--data",
        default="fer2013",
        metavar="CSV",
        help="ferplus: FER-2013's original CSV, whose order the votes are in (default: fer2013)",
    )
    draw = actions.add_parser("synthetic", help="write drawn faces as a folder tree")
    draw.add_argument("--out", required=True, help="folder to make")
    draw.add_argument("-n", "--number", type=int, default=2800, help="faces (default: 2800)")
    twins = actions.add_parser(
        "duplicates", help="count identical, near-identical, mirrored and re-cropped images"
    )
    twins.add_argument("spec", help="path, 'fer2013' or 'synthetic'")
    for action in (info, twins):
        action.add_argument("--labels", default="", metavar="TABLE", help=LABELS_HELP)


def run(args: argparse.Namespace) -> int:
    """Do one action."""
    from emotion_core.progress import progress_bar
    from emotion_core.text import plain

    layout = "{desc} {percentage:3.0f} % |{bar}| {elapsed}"
    bar = progress_bar(total=1.0, bar_format=layout, leave=False)

    def progress(text: str, share: float) -> None:
        bar.set_description_str(text)
        bar.n = share
        bar.refresh()

    actions = {"info": _info, "fetch": _fetch, "synthetic": _synthetic, "duplicates": _duplicates}
    with bar:
        lines = actions[args.action](args, progress)
    print("\n".join(map(plain, lines)))
    return 0


def _info(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.data.label_tables import with_labels
    from emotion_core.data.sources import load_data
    from emotion_core.labels import EMOTIONS
    from emotion_core.units import percent

    data = load_data(with_labels(args.spec, args.labels), progress=progress)
    counts = data.counts()
    lines = [f"{data.name}: {len(data):,} faces, fingerprint {data.fingerprint}"]
    lines.append(f"{'':10}" + "".join(f"{split:>16}" for split in counts))
    for emotion in EMOTIONS:
        cells = [
            f"{row[emotion]:>8,} {percent(row[emotion] / max(sum(row.values()), 1)):>7}"
            for row in counts.values()
        ]
        lines.append(f"{emotion:10}" + "".join(f"{cell:>16}" for cell in cells))
    lines += [f"{note.kind}: {note.thing}: {note.message} ({note.count})" for note in data.notes]
    return lines


def _fetch(args: argparse.Namespace, progress: "Progress") -> list[str]:
    if args.name == "ferplus":
        return _fetch_votes(args)
    from emotion_core.data.fetch import fetch_fer2013

    path = fetch_fer2013(progress)
    return [f"FER-2013 is in {path}. Train on it with: python -m emotion_core train --data fer2013"]


def _fetch_votes(args: argparse.Namespace) -> list[str]:
    from emotion_core.data.fetch_ferplus import bring_votes

    number = bring_votes(args.file, args.data)
    return [
        f"{number:,} pictures of FER-2013 have FER+ votes now. Audit and Predictions show them, and "
        "'train --votes 0.5' learns them beside the labels."
    ]


def _synthetic(args: argparse.Namespace, progress: "Progress") -> list[str]:
    import tempfile
    from pathlib import Path

    from emotion_core.data.sources import load_data
    from emotion_core.data.walk import write_folder
    from emotion_core.errors import DataError

    out = Path(args.out)
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out} exists and is not empty. Give a new folder.")
    data = load_data(f"synthetic:{args.number}", progress=progress)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
        made = Path(temporary) / out.name  # inside, because the outer one is for this user only
        write_folder(data, made)
        if out.exists():
            out.rmdir()
        made.rename(out)
    return [f"{len(data):,} drawn faces are in {out}."]


def _duplicates(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.data.label_tables import with_labels
    from emotion_core.data.repeats import count_repeats
    from emotion_core.data.sources import load_data

    data = load_data(with_labels(args.spec, args.labels), progress=progress)
    found = count_repeats(data, progress)
    return [f"{text:70} {number:7,d}" for text, number in found.items()]
