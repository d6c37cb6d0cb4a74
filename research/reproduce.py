"""Train the shipped runs again, with all that they were made from, or print their tables.

``python -m research.reproduce --only mobilenet_v1`` first trains the archived runs whose weights or
answers went into it. ``--gpu`` trains the plans of ``research/gpu.py`` instead, which are too long for a
CPU; ``--gpu --trial`` takes one step of each of them on drawn faces, wherever it runs.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Mapping, Sequence

from emotion_core.errors import ConfigError, EmotionError
from emotion_core.recipes import TrainConfig
from emotion_core.reporting.markdown import headline_table, markdown_table
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.shipped import Catalog, read_catalog
from emotion_core.training.failures import Stopped
from emotion_core.training.settle import settled
from emotion_core.training.terminal import train_in_terminal
from emotion_core.units import percent
from research.experiments import Line, experiment_config, experiments, run_of
from research.gpu import plans

_TRIAL_DATA = "synthetic:70"  # fewer training faces than a batch, so an epoch is one step


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 when all were trained, 3 when stopped and resumable."""
    args = _parser().parse_args(words)
    shipped = {run.id: run for run in list_runs() if not run.problem}
    catalog = read_catalog()
    names = [name for name in catalog.shipped if name in shipped]
    if args.table:
        print(table(args.table, catalog, shipped))
        return 0
    if args.gpu or args.trial:
        return _on_gpu(args)
    networks = {name: line for name, line in experiments().items() if line["recipe"] != "baseline"}
    if args.list:
        for name, line in networks.items():
            minutes = f"{line['minutes']:.0f} of {line['chain_minutes']:.0f} minutes"
            print(f"{name:32} {line['epochs']:3d} epochs, {minutes}, test {line['test']:.1%}")
        return 0
    wanted = args.only or [name for name in names if name in networks]
    for name in wanted:
        experiment_config(name)  # a mistyped name is told before anything is trained
    return _reproduce(wanted, args, experiments())


def table(kind: str, catalog: Catalog, shipped: Mapping[str, Run]) -> str:
    """A Markdown table: ``headline`` is the README's, ``shipped`` that of docs/results.md."""
    if kind == "headline":
        return headline_table(shipped[catalog.shown[0]], [shipped[n] for n in catalog.ensemble])
    return markdown_table([shipped[name] for name in catalog.shipped if name in shipped])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m research.reproduce", description=__doc__)
    parser.add_argument(
        "--only", metavar="NAME", action="append", help="only this run of --list; repeatable"
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
    parser.add_argument("--gpu", action="store_true", help="train the long plans, on a GPU")
    parser.add_argument(
        "--trial",
        action="store_true",
        help="one step of each long plan, on drawn faces and any machine",
    )
    parser.add_argument("--list", action="store_true", help="list the runs and stop")
    parser.add_argument(
        "--table",
        nargs="?",
        const="shipped",
        choices=("shipped", "headline"),
        help="print the shipped runs, or the README's three rows, as a Markdown table and stop",
    )
    return parser


def _on_gpu(args: argparse.Namespace) -> int:
    """Train the long plans, or try one step of each."""
    import torch

    known = plans()
    wanted = args.only or list(known)
    for name in wanted:
        experiment_config(name, known=known)
    if args.list:
        print("\n".join(known))
        return 0
    if args.trial:
        for name in wanted:
            if not _try(name, args, known):
                return 3
        return 0
    if not torch.cuda.is_available():
        raise ConfigError(
            "--gpu needs a GPU, and none is here. --gpu --trial takes one step of each."
        )
    return _reproduce(wanted, args, experiments() | known)


def _try(name: str, args: argparse.Namespace, known: Mapping[str, Line]) -> bool:
    """One step of a plan on drawn faces, of which nothing is kept; False if it was stopped."""
    config = experiment_config(name, _TRIAL_DATA, known).replace(
        epochs=1, name=f"{name}-trial", compile=args.compile, threads=args.threads
    )
    started = time.monotonic()
    run = create_run(settled(config))  # never one that another command works on
    try:
        finished = train_in_terminal(run, run.config())
    finally:
        shutil.rmtree(run.path)
    seconds = time.monotonic() - started
    print(
        f"{name}: " + (f"one step, validation and test in {seconds:.1f} s" if finished else "left")
    )
    return finished


def _reproduce(names: Sequence[str], args: argparse.Namespace, known: Mapping[str, Line]) -> int:
    trained: dict[str, Run | None] = {}
    lines = []
    for name in names:
        try:
            run = _trained(name, args, trained, known)
        except Stopped as stopped:
            print(f"Go on with all of it by the same command, or with this run alone: {stopped}")
            return 3
        if run is not None:
            lines.append(f"{name:32} {_compared(known[name], run.require_report().test.accuracy)}")
    print("\n".join(lines))
    return 0


def _compared(line: Line, accuracy: float) -> str:
    if "aim" in line:
        return f"{percent(accuracy)}, the aim is {percent(line['aim'])}"
    return f"was {line['test']:.2%}, here {accuracy:.2%}, {accuracy - line['test']:+.2%}"


def _trained(
    name: str,
    args: argparse.Namespace,
    trained: dict[str, Run | None],
    known: Mapping[str, Line],
) -> Run | None:
    """Train a run, and first those that it needs.

    Args:
        name: Of ``known``.
        args: The command's.
        trained: What this command has trained so far, by name; added to.
        known: Lines by name, those of earlier runs among them.

    Returns:
        The run; None while another process trains it or one that it needs.

    Raises:
        Stopped: with the name of the run that was stopped.
    """
    if name in trained:
        return trained[name]
    trained[name] = None
    config = experiment_config(name, args.data, known)
    config = config.replace(compile=args.compile, threads=args.threads)
    ids = {}
    for parent in config.needed():
        run = _usable(parent) or _trained(parent, args, trained, known)
        if run is None:
            print(f"{name} needs {parent}; left out.")
            return None
        ids[parent] = run.id
    run = run_of(settled(_with_ids(config, ids)))
    if run.is_locked():
        print(f"{run.name} is being trained by another process; left out.")
        return None
    if run.status().state != "finished" and not train_in_terminal(run, run.config()):
        raise Stopped(run.name)
    trained[name] = run
    return run


def _usable(name: str) -> Run | None:
    """The shipped run of a name, where its weights are here."""
    for run in list_runs():
        if run.id == name and not run.problem and run.weights_path.exists():
            return run
    return None


def _with_ids(config: TrainConfig, ids: dict[str, str]) -> TrainConfig:
    named = config.with_earlier(lambda name: ids[name])
    return named.replace(chosen_by=ids[config.chosen_by]) if config.final else named


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EmotionError as error:
        sys.exit(f"error: {error}")
