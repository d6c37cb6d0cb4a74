"""``reproduce``: train the reference runs again and set them beside the committed numbers."""

import argparse

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
        "--table", action="store_true", help="print the committed runs as a Markdown table and stop"
    )


def run(args: argparse.Namespace) -> int:
    """Train and compare; 0 when all were trained, 3 when stopped and resumable."""
    from emotion_core.commands.train import train_in_terminal
    from emotion_core.evaluation.table import markdown_table
    from emotion_core.models.card import is_shipped
    from emotion_core.runs import list_runs
    from emotion_core.training.jobs import settled
    from emotion_core.training.reference import (
        reference_config,
        reference_configs,
        reference_name,
        run_of,
    )

    if args.list:
        for name, config in reference_configs().items():
            print(
                f"{name:24} {config.epochs:3d} epochs, batch {config.batch_size}, lr {config.lr:g}"
            )
        return 0
    usable = [item for item in list_runs() if not item.problem]
    if args.table:
        print(markdown_table([item for item in usable if is_shipped(item)]))
        return 0
    committed = {reference_name(item): item for item in usable if is_shipped(item)}

    names = args.only or reference_configs()
    configs = {name: reference_config(name, args.data) for name in names}
    lines = []
    for name, config in configs.items():
        found = run_of(settled(config.replace(compile=args.compile, threads=args.threads)))
        if found.is_locked():
            print(f"{found.name} is being trained by another process; left out.")
            continue
        if found.status().state != "finished" and not train_in_terminal(found):
            print(f"Go on with all of it by the same command, or with this run alone: {found.name}")
            return 3
        new = (found.report() or {})["test"]["accuracy"]
        if name in committed:
            old = (committed[name].report() or {})["test"]["accuracy"]
            lines.append(f"{name:24} committed {old:.2%}, here {new:.2%}, {new - old:+.2%}")
        else:
            lines.append(f"{name:24} not committed, here {new:.2%}")
    print("\n".join(lines))
    return 0
