"""``sweep``: repeats with several seeds, and a search for better settings."""

import argparse
import shlex
from collections.abc import Callable

HELP = "repeat a training with several seeds, or search better settings; show the groups"

_FORMATS = ("text", "markdown", "latex")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action a sub-command; without one, the groups of all runs are shown."""
    from emotion_core.training.settle import add_flags

    parser.set_defaults(act=_show, only="", format="text")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")

    def add(
        name: str, act: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text)
        action.set_defaults(act=act)
        return action

    start = add("start", _start, "queue the repeats, or search until all trials have ended")
    start.add_argument("sweep", metavar="NAME", help="what the names of its runs begin with")
    start.add_argument("--seeds", type=int, default=1, help="runs of each trial (default: 1)")
    start.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="SETTING=VALUES",
        help="LOW..HIGH, drawn in the logarithm from a tenfold range on, or A,B,C; repeat it",
    )
    start.add_argument("--trials", type=int, default=20, help="settings to try (default: 20)")
    start.add_argument("--at-once", type=int, default=1, help="trials in the queue (default: 1)")
    start.add_argument(
        "--no-prune", action="store_true", help="train poor trials to their end, too"
    )
    start.add_argument(
        "--here", action="store_true", help="on this machine, also where there is a cluster"
    )
    add_flags(start)
    resume = add("resume", _resume, "go on with a sweep that was left")
    resume.add_argument("sweep", metavar="NAME")
    halt = add("stop", _stop, "stop its runs and ask for no further trial; resume goes on")
    halt.add_argument("sweep", metavar="NAME")
    show = add("show", _show, "groups of runs: mean, standard deviation, paired tests")
    show.add_argument(
        "only", nargs="?", default="", metavar="NAME", help="of a sweep; all runs without one"
    )
    show.add_argument("--format", choices=_FORMATS, default="text", help="default: text")
    add("list", _list, "names of the sweeps, the newest first")


def run(args: argparse.Namespace) -> int:
    """Do the action; 3 if a search was left before its end."""
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)


def _start(args: argparse.Namespace) -> int:
    from emotion_core.errors import ConfigError
    from emotion_core.training.ranges import parse_range
    from emotion_core.training.searcher import create_sweep
    from emotion_core.training.settle import requested
    from emotion_core.training.sweep import Sweep, start_repeats

    base, *others = requested(args)
    if others:
        raise ConfigError("A sweep takes one model; vary its options, or start one for each.")
    ranges = tuple(map(parse_range, args.vary))
    trials = args.trials if ranges else 1
    sweep = Sweep(
        args.sweep,
        base,
        ranges,
        args.seeds,
        trials,
        args.at_once,
        prune=not args.no_prune,
        here=args.here,
    )
    if not ranges:
        names = [run.name for run in start_repeats(sweep)]
        print(f"Queued {', '.join(names)}. Look: python -m emotion_core sweep show {sweep.name}")
        return 0
    create_sweep(sweep)
    return _search(sweep.name)


def _resume(args: argparse.Namespace) -> int:
    from emotion_core.training.searcher import resume
    from emotion_core.training.sweep import read_sweep

    if read_sweep(args.sweep).ranges:
        return _search(args.sweep)
    resume(args.sweep)
    print(f"Its runs are queued. Look: python -m emotion_core sweep show {args.sweep}")
    return 0


def _stop(args: argparse.Namespace) -> int:
    from emotion_core.training.searcher import stop

    stop(args.sweep)
    print(f"Asked to stop. Go on with: python -m emotion_core sweep resume {args.sweep}")
    return 0


def _search(name: str) -> int:
    from emotion_core.processes import stop_on_signals
    from emotion_core.training.search import run_sweep

    ended = run_sweep(name, stop_on_signals(), lambda line: print(line, flush=True))
    if not ended:
        print(f"Left; its runs go on. Go on with: python -m emotion_core sweep resume {name}")
        return 3
    return _show(argparse.Namespace(only=name, format="text"))


def _show(args: argparse.Namespace) -> int:
    from emotion_core.evaluation.groups import group_runs, paired_group_tests
    from emotion_core.reporting import groups as tables
    from emotion_core.runs.catalog import list_runs
    from emotion_core.training.settle import as_flags
    from emotion_core.training.sweep import read_sweep, sweep_names

    runs = list_runs()
    if args.only:
        runs = [run for run in runs if run.name.startswith(f"{args.only}-")]
    groups = group_runs(runs)
    if not groups:
        print("No finished run yet.")
        return 0
    varied = (
        [one.name for one in read_sweep(args.only).ranges] if args.only in sweep_names() else []
    )
    cells = tables.group_cells(groups, paired_group_tests(groups), varied)
    write = {
        "text": tables.groups_text,
        "markdown": tables.groups_markdown,
        "latex": tables.groups_latex,
    }[args.format]
    print(write(cells))
    if args.format == "text":
        flags = shlex.join(as_flags(groups[0].config))
        print(f"\nThe first one's settings: python -m emotion_core jobs start {flags}")
    return 0


def _list(args: argparse.Namespace) -> int:
    from emotion_core.training.sweep import sweep_names

    print("\n".join(sweep_names()) or "No sweeps yet.")
    return 0
