"""``bench``: one benchmark a module of ``benchmarks``."""

import argparse
import importlib
import pkgutil
from pathlib import Path

import benchmarks as bench

HELP = "measure speed on this machine"


def bench_names() -> list[str]:
    """All benchmarks."""
    names = (item.name for item in pkgutil.iter_modules(bench.__path__))
    return sorted(name for name in names if name not in ("browser", "fuzz"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command a benchmark, each with ``--json``."""
    sub = parser.add_subparsers(dest="bench", metavar="NAME", required=True)
    for name in bench_names():
        module = importlib.import_module(f"{bench.__name__}.{name}")
        child = sub.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(child)
        child.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
        child.set_defaults(run_bench=module.run)


def run(args: argparse.Namespace) -> int:
    """Measure, print, and write the figures with the machine they were measured on."""
    from emotion_core.files import write_json

    result = args.run_bench(args)
    if args.json:
        from emotion_core.evaluation.report import environment

        values = {"bench": args.bench, "environment": environment().to_json()} | result
        write_json(args.json, values, parents=True)
        print(f"Written to {args.json}")
    return 0
