"""``collect``: collections of one's own faces."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emotion_core.data.parsed import Progress

HELP = "keep own faces: create, add photos and videos, import, export, suggest, merge, delete"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command per action; without one, the collections are listed."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="show all collections")
    create = actions.add_parser("create", help="make an empty collection")
    create.add_argument("name", metavar="NAME")
    create.add_argument(
        "--overlay", action="store_true", help="for corrections of another data set: DATA@NAME"
    )
    add = actions.add_parser("add", help="find the faces of pictures and videos, and keep them")
    add.add_argument("name", metavar="NAME")
    add.add_argument("files", nargs="+", metavar="FILE")
    bring = actions.add_parser("import", help="copy a data set of any form, with its labels")
    bring.add_argument("name", metavar="NAME")
    bring.add_argument("data", metavar="DATA", help="as for train --data")
    out = actions.add_parser("export", help="write the confirmed faces as one file")
    out.add_argument("name", metavar="NAME")
    out.add_argument("file", metavar="FILE", help="ends in .zip, .csv (FER-2013's) or .parquet")
    suggest = actions.add_parser("suggest", help="have a run suggest labels")
    suggest.add_argument("name", metavar="NAME")
    suggest.add_argument("--run", default="@champion", metavar="RUN", help="(default: @champion)")
    rename = actions.add_parser("rename", help="give a collection another name")
    merge = actions.add_parser("merge", help="move all faces of one into another")
    for action, second in ((rename, "NEW"), (merge, "INTO")):
        action.add_argument("name", metavar="NAME")
        action.add_argument("other", metavar=second)
    delete = actions.add_parser("delete", help="delete collections; restore brings them back")
    delete.add_argument(
        "--purge", action="store_true", help="permanently, earlier deleted ones too"
    )
    delete.add_argument("names", nargs="*", metavar="NAME")
    restore = actions.add_parser("restore", help="bring a deleted collection back")
    restore.add_argument("name", metavar="NAME")


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    from emotion_core.progress import progress_bar
    from emotion_core.text import plain

    layout = "{desc} {percentage:3.0f} % |{bar}| {elapsed}"
    with progress_bar(total=1.0, bar_format=layout, leave=False) as bar:

        def progress(text: str, share: float) -> None:
            bar.set_description_str(text)
            bar.n = share
            bar.refresh()

        lines = _ACTIONS[args.action or "list"](args, progress)
    print("\n".join(map(plain, lines)))
    return 0


def _list(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.collect.store import list_collections

    lines = [
        f"{item.name}  {item.faces:,} faces, {item.confirmed:,} labeled, {item.suggested:,} "
        f"suggested, {item.sessions} sessions"
        for item in list_collections()
    ]
    lines += [f"{item.name}  {item.faces:,} corrections" for item in list_collections("overlay")]
    return lines or ["No collection yet. Make one: python -m emotion_core collect create NAME"]


def _create(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.collect.store import create

    create(args.name, "overlay" if args.overlay else "faces")
    use = f"DATA@{args.name}" if args.overlay else f"collection:{args.name}"
    return [f"{args.name} is made. Its faces are the data set {use}."]


def _add(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from pathlib import Path

    from emotion_core.live.gather import gather_files

    gathered = gather_files(args.name, [Path(name) for name in args.files], progress=progress)
    return gathered.words()


def _import(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.collect.transfer import import_data

    return [f"{import_data(args.name, args.data, progress=progress):,} faces added."]


def _export(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.collect.transfer import export_data
    from emotion_core.paths import user_path

    return [f"{export_data(args.name, user_path(args.file)):,} faces written to {args.file}."]


def _suggest(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.collect.suggest import suggest_labels
    from emotion_core.models.checkpoint import load_classifier

    count = suggest_labels(
        args.name, load_classifier(args.run), lambda share: progress("Asking the model", share)
    )
    return [f"{count:,} faces were looked at. Confirm the suggestions on the Collect page."]


def _rename(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.collect.store import rename

    rename(args.name, args.other)
    return [f"{args.name} is called {args.other} now."]


def _merge(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.collect.store import merge

    return [f"{merge(args.name, args.other):,} faces moved from {args.name} to {args.other}."]


def _delete(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.collect.store import delete, purge
    from emotion_core.errors import CollectionError

    if not args.names and not args.purge:
        raise CollectionError("collect delete needs the name of a collection, or --purge.")
    lines = []
    for name in args.names:
        delete(name)
        undo = "" if args.purge else f" Undo within an hour: collect restore {name}"
        lines.append(f"{name}: deleted.{undo}")
    count = purge(**({"older_than": 0.0} if args.purge else {}))
    return [*lines, f"{count:,} faces removed permanently."] if args.purge else lines


def _restore(args: argparse.Namespace, progress: "Progress") -> list[str]:
    from emotion_core.collect.store import restore

    restore(args.name)
    return [f"{args.name} is back."]


_ACTIONS = {
    "list": _list,
    "create": _create,
    "add": _add,
    "import": _import,
    "export": _export,
    "suggest": _suggest,
    "rename": _rename,
    "merge": _merge,
    "delete": _delete,
    "restore": _restore,
}
