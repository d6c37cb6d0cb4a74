"""``rollback``: make the previous champion the champion again."""

import argparse

HELP = "make the previous champion the champion again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--why", default="", metavar="TEXT", help="a sentence for the history")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from emotion_core.runs import registry
    from emotion_core.runs.catalog import known_as
    from emotion_core.text import plain

    entry = registry.rollback(why=args.why)
    print(plain(f"{known_as(entry.run)} is @champion again."))
    return 0
