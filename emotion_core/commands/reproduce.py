"""``reproduce``: train the reference runs again and set them beside the committed numbers."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emotion_core.runs.run import Run

HELP = "train the reference runs again, or print the table of the committed ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs, on which data."""
    parser.add_argument(
        "--only", metavar="NAME", action="append", help="only this reference run; repeatable"
    )
    parser.add_argument("--data", default="fer2013", help="where FER-2013 is (default: fer2013)")
    parser.add_argument(
        "--compile", action="store_true", help="train with torch.compile (needs a C++ compiler)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        metavar="N",
        help="CPU threads; two commands with half the cores each train more than one with all",
    )
    parser.add_argument("--list", action="store_true", help="list the reference runs and stop")
    parser.add_argument(
        "--table",
        nargs="?",
        const="all",
        choices=("all", "best"),
        help="print the committed runs as a Markdown table and stop; best: of each architecture and "
        "recipe the one that is best on validation",
    )


def run(args: argparse.Namespace) -> int:
    """Train and compare; 0 when all were trained, 3 when stopped and resumable."""
    from emotion_core.reporting.markdown import markdown_table
    from emotion_core.runs.catalog import is_shipped, list_runs
    from emotion_core.training.failures import Stopped
    from emotion_core.training.reference import reference_config, reference_configs, reference_name

    width = max(map(len, reference_configs()))
    if args.list:
        for name, config in reference_configs().items():
            print(
                f"{name:{width}} {config.epochs:3d} epochs, batch {config.batch_size}, lr {config.lr:g}"
            )
        return 0
    usable = [item for item in list_runs() if not item.problem]
    if args.table:
        shipped = [item for item in usable if is_shipped(item)]
        print(markdown_table(shipped, best_only=args.table == "best"))
        return 0
    committed = {reference_name(item): item for item in usable if is_shipped(item)}

    names = args.only or list(reference_configs())
    for name in names:
        reference_config(name)  # a mistyped name is told before anything is trained
    trained: dict[str, Run | None] = {}
    lines = []
    for name in names:
        try:
            found = _trained(name, args, trained)
        except Stopped as stopped:
            print(f"Go on with all of it by the same command, or with this run alone: {stopped}")
            return 3
        if found is None:
            continue
        new = found.require_report().test.accuracy
        if name in committed:
            old = committed[name].require_report().test.accuracy
            lines.append(f"{name:{width}} committed {old:.2%}, here {new:.2%}, {new - old:+.2%}")
        else:
            lines.append(f"{name:{width}} not committed, here {new:.2%}")
    print("\n".join(lines))
    return 0


def _trained(name: str, args: argparse.Namespace, trained: "dict[str, Run | None]") -> "Run | None":
    """Train a reference run, and first those that it needs and that came without weights.

    Args:
        name: Of the reference run.
        args: The command's.
        trained: What this command has trained so far, by name; added to.

    Returns:
        The run; None while another process trains it or one that it needs.

    Raises:
        Stopped: with the name of the run that was stopped.
    """
    from emotion_core.training.failures import Stopped
    from emotion_core.training.reference import (
        reference_config,
        run_of,
        without_weights,
    )
    from emotion_core.training.settle import settled
    from emotion_core.training.terminal import train_in_terminal

    if name in trained:
        return trained[name]
    trained[name] = None
    config = reference_config(name, args.data).replace(compile=args.compile, threads=args.threads)
    others = {}
    for earlier, needed in without_weights(config).items():
        found = _trained(needed, args, trained)
        if found is None:
            print(f"{name} needs {needed}; left out.")
            return None
        others[earlier] = found.name
    run = run_of(settled(config.with_earlier(lambda earlier: others.get(earlier, earlier))))
    if run.is_locked():
        print(f"{run.name} is being trained by another process; left out.")
        return None
    if run.status().state != "finished" and not train_in_terminal(run, run.config()):
        raise Stopped(run.name)
    trained[name] = run
    return run
