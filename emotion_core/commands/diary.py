"""``diary``: one's own diary of expressions, from the command line."""

import argparse
from pathlib import Path

HELP = "your own diary: status, on, off, check-in, export, delete"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action per sub-command; without one, the status is shown."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("status", help="whether it is on, what it holds, and where")
    start = actions.add_parser("on", help="switch it on; nothing is kept before")
    start.add_argument(
        "--days", type=int, metavar="N", help="keep entries for N days (default: 90)"
    )
    actions.add_parser("off", help="add nothing more; what is stored stays")
    entry = actions.add_parser("check-in", help="write down how you feel, in your own view")
    entry.add_argument("--word", default="", help="one of the seven words")
    entry.add_argument("--valence", type=float, help="-1 unpleasant to 1 pleasant")
    entry.add_argument("--arousal", type=float, help="-1 sleepy to 1 activated")
    entry.add_argument("--note", default="", help="free text")
    for tag in ("place", "company", "activity"):
        entry.add_argument(f"--{tag}", default="", help="tag")
    export = actions.add_parser("export", help="write everything to a file")
    export.add_argument("file", metavar="FILE", type=Path, help=".zip (CSV tables), .json or .ics")
    delete = actions.add_parser("delete", help="overwrite and remove everything, settings too")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 when it is done, 1 when the question was answered with no."""
    action = args.action or "status"
    done = {
        "status": _status,
        "on": _on,
        "off": _off,
        "check-in": _check_in,
        "export": _export,
        "delete": _delete,
    }[action](args)
    return done or 0


def _status(args: argparse.Namespace) -> int | None:
    from datetime import datetime

    from emotion_core.personal.database import diary_path
    from emotion_core.personal.diary import status
    from emotion_core.units import megabytes

    found = status()
    if not found.exists:
        print("The diary is off, and nothing is on the disk.")
        print("Switch it on: python -m emotion_core diary on")
        return None
    print(f"The diary is {'on' if found.on else 'off'}: {diary_path()}")
    print(
        f"minutes: {found.minutes:,}, check-ins: {found.check_ins:,}, {megabytes(found.size_bytes)}; "
        f"entries are kept for {found.kept_days} days"
    )
    if found.last:
        ends = (f"{datetime.fromtimestamp(at):%Y-%m-%d}" for at in (found.first, found.last))
        print("from {} to {}".format(*ends))
    return None


def _on(args: argparse.Namespace) -> int | None:
    from emotion_core.errors import DiaryError
    from emotion_core.personal import diary
    from emotion_core.personal.database import diary_path

    if args.days is not None and not 1 <= args.days <= diary.MOST_DAYS:
        raise DiaryError(f"--days must be 1 to {diary.MOST_DAYS}, got {args.days}.")
    diary.switch_on()
    if args.days is not None:
        diary.set_kept_days(args.days)
    print(f"The diary is on: {diary_path()}")
    print("It keeps numbers per minute and your check-ins, never a picture.")
    return None


def _off(args: argparse.Namespace) -> int | None:
    from emotion_core.personal.diary import switch_off

    switch_off()
    print("The diary is off. What is stored stays; delete it: python -m emotion_core diary delete")
    return None


def _check_in(args: argparse.Namespace) -> int | None:
    import time

    from emotion_core.personal.clock import offset_at
    from emotion_core.personal.diary import check_in
    from emotion_core.personal.entries import CheckIn

    now = int(time.time())
    number = check_in(
        CheckIn(
            now,
            offset_at(now),
            args.valence,
            args.arousal,
            args.word,
            args.note,
            args.place,
            args.company,
            args.activity,
        )
    )
    print(f"Check-in {number} is saved.")
    return None


def _export(args: argparse.Namespace) -> int | None:
    from emotion_core.errors import DiaryError
    from emotion_core.files import write_bytes
    from emotion_core.personal.transfer import FORMATS, export_diary
    from emotion_core.text import plain

    forms = {f".{suffix}": form for form, suffix in FORMATS.items()}
    form = forms.get(args.file.suffix.lower())
    if form is None:
        raise DiaryError(f"'{args.file.name}' must end in {', '.join(forms)}.")
    write_bytes(args.file, export_diary(form))
    print(plain(f"Written to {args.file}"))
    return None


def _delete(args: argparse.Namespace) -> int | None:
    import sys

    from emotion_core.errors import DiaryError
    from emotion_core.personal.database import diary_path
    from emotion_core.personal.diary import delete_everything

    if diary_path().exists() and not args.yes:
        if not sys.stdin.isatty():
            raise DiaryError("Deleting the diary cannot be undone. Confirm it with --yes.")
        if input("Delete the whole diary permanently? [y/N] ").strip().lower() not in ("y", "yes"):
            print("Nothing was deleted.")
            return 1
    print("The diary is deleted." if delete_everything() else "There was no diary.")
    return None
