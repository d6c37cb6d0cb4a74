"""The command line around a benchmark: its flags, its figures as JSON, its errors in one line."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emotion_core.cli import exit_code

Figures = dict[str, Any]  # JSON, as ``--json`` writes it


def measure(
    name: str,
    purpose: str,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace], Figures],
    argv: Sequence[str] | None = None,
) -> int:
    """Parse the flags, run a benchmark, and write its figures where ``--json`` says.

    Args:
        name: Name of the benchmark's module.
        purpose: One line for ``--help``.
        add_arguments: Adds the benchmark's own flags.
        run: Measures, prints, and returns the figures.
        argv: Arguments; None takes those of the process.

    Returns:
        The exit code, as ``emotion_core.cli`` defines it.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=purpose)
    add_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    args = parser.parse_args(argv)

    def run_and_write() -> int:
        result = run(args)
        if args.json:
            from emotion_core.evaluation.cost import environment
            from emotion_core.files import write_json

            values = {"benchmark": name, "environment": environment().to_json()} | result
            write_json(args.json, values, parents=True)
            print(f"Written to {args.json}")
        return 0

    return exit_code(run_and_write)
