"""``promote``: make a run the champion, if it is proved to be better."""

import argparse

HELP = "make a run the champion if the gate lets it: no loss on test, better on own faces"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="folder, name, alias or part of the name")
    parser.add_argument("--why", default="", metavar="TEXT", help="a sentence for the history")
    parser.add_argument(
        "--anyway",
        default="",
        metavar="REASON",
        help="promote it although the gate refuses; the reason is kept in the history",
    )


def run(args: argparse.Namespace) -> int:
    """Ask the gate, print what it found, and promote."""
    from emotion_core.collect.improve import promote
    from emotion_core.runs.catalog import load_run
    from emotion_core.text import plain

    _, gate = promote(load_run(args.run), why=args.why, anyway=args.anyway)
    for sentence in [*gate.words(), *gate.refusals]:
        print(plain(sentence))
    print(plain(f"{gate.new} is @champion now, {gate.old} is @previous."))
    return 0
