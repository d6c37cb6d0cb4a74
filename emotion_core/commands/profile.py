"""``profile``: a model that knows one face, fitted from takes and kept only where it helps."""

import argparse
from pathlib import Path

HELP = "a profile of your own face: fit from takes, list, export, delete"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action per sub-command; without one, the profiles are listed."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="the profiles with what they gained on second takes")
    fit = actions.add_parser("fit", help="learn first takes; keep it if second takes get better")
    fit.add_argument("name", metavar="NAME", help="what to call it, such as 'mine'")
    fit.add_argument(
        *("folder",),
        metavar="FOLDER",
        type=Path,
        help="folders of pictures named neutral_1, neutral_2, happy_1, happy_2 and so on",
    )
    fit.add_argument("--run", default="", help="the model (default: best on validation)")
    fit.add_argument("--whole", action="store_true", help="the pictures are faces already")
    export = actions.add_parser("export", help="copy a profile's files into a folder")
    export.add_argument("name", metavar="NAME")
    export.add_argument("folder", metavar="FOLDER", type=Path)
    delete = actions.add_parser("delete", help="remove a profile permanently")
    delete.add_argument("name", metavar="NAME")


def run(args: argparse.Namespace) -> int:
    """Do the action; 1 where a fitted profile is not kept."""
    from emotion_core.personal import profile_files
    from emotion_core.personal.profile import verdict
    from emotion_core.text import plain

    if args.action == "fit":
        return _fit(args)
    if args.action == "export":
        for path in profile_files.export_profile(args.name, args.folder):
            print(plain(f"Written to {path}"))
    elif args.action == "delete":
        profile_files.delete_profile(args.name)
        print(f"Profile '{args.name}' is deleted, with its pictures if there were any.")
    else:
        found = profile_files.list_profiles()
        for item in found:
            print(plain(f"{item.name}  of {item.run}  {verdict(item.outcome)}"))
        if not found:
            print("No profiles yet. Make one: python -m emotion_core profile fit NAME FOLDER")
    return 0


def _fit(args: argparse.Namespace) -> int:
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.personal.diagnose import diagnose_answers, diagnose_view
    from emotion_core.personal.folder import read_takes
    from emotion_core.personal.profile import fit_profile, verdict
    from emotion_core.personal.profile_files import save_profile
    from emotion_core.personal.takes import joined
    from emotion_core.runs.catalog import best_run, pick_run

    found = pick_run(args.run) if args.run else best_run()
    takes, view = read_takes(args.folder, whole=args.whole)
    classifier = load_classifier(found)
    made = fit_profile(args.name, found, classifier, takes)
    images, labels = joined(takes)
    answered = classifier.probs(images).argmax(axis=1)
    for item in (*diagnose_view(takes, view), *diagnose_answers(labels, answered)):
        told = f": {item.problem}. {item.change}" if item.problem else ""
        print(f"{item.name:12} {item.measured}{told}")
    print(verdict(made.outcome))
    if not made.outcome.helps:
        print("The profile is not kept.")
        return 1
    save_profile(made)
    print(f"Profile '{made.name}' is kept.")
    return 0
