"""``improve``: go on from the champion with own faces, and ask the gate."""

import argparse

HELP = "train the champion further on a collection's faces among replayed earlier ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("collection", metavar="COLLECTION", help="name of the collection")
    parser.add_argument(
        "--from", dest="start", default="@champion", metavar="RUN", help="(default: @champion)"
    )
    parser.add_argument("--base", default="", metavar="DATA", help="data set that is replayed")
    usual = "(default: as docs/collections.md tells)"
    parser.add_argument(
        "--replay", type=int, help=f"earlier faces each time an own one is seen {usual}"
    )
    parser.add_argument("--epochs", type=int, help=f"passes over both together {usual}")
    parser.add_argument("--lr", type=float, help=f"peak learning rate {usual}")
    parser.add_argument("--seed", type=int, help="of the run (default: 0)")
    parser.add_argument("--wait", action="store_true", help="wait for the end, then ask the gate")


def run(args: argparse.Namespace) -> int:
    """Queue the job; with --wait, 3 where the gate refuses."""
    from emotion_core.collect.gate import check
    from emotion_core.collect.improve import improve_config, start_improving, wait_for
    from emotion_core.errors import ConfigError
    from emotion_core.progress import progress_bar
    from emotion_core.runs.catalog import load_run
    from emotion_core.text import plain

    if args.replay is not None and not 1 <= args.replay <= 100:
        raise ConfigError(f"--replay must be from 1 to 100, got {args.replay}.")
    old = load_run(args.start)
    names = ("replay", "epochs", "lr", "seed")
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    config = improve_config(args.collection, start=args.start, base=args.base, **given)
    started = start_improving(config)
    print(plain(f"Queued {started.name}, which goes on from {old.name}."))
    if not args.wait:
        print(plain(f"Once it is finished: python -m emotion_core promote {started.name}"))
        return 0
    with progress_bar(total=1.0, bar_format="{percentage:3.0f} % |{bar}| {elapsed}") as bar:
        wait_for(started, lambda share: bar.update(share - bar.n))
    gate = check(old, started)
    for sentence in [*gate.words(), *gate.refusals]:
        print(plain(sentence))
    print(
        plain(
            f"Promote it: python -m emotion_core promote {started.name}"
            if gate.passed
            else "Not promoted."
        )
    )
    return 0 if gate.passed else 3
