"""``python -m emotion_core``: one sub-command a module of ``emotion_core.commands``.

A command module has ``HELP`` (one line), ``add_arguments(parser)`` and ``run(args) -> int``; heavy
imports belong inside ``run``, so that ``--help`` answers at once.
"""

import argparse
import importlib
import io
import pkgutil
import sys
from collections.abc import Callable, Sequence

from emotion_core import __version__, commands
from emotion_core.errors import EmotionError
from emotion_core.paths import link_shipped_runs, variable_of
from emotion_core.text import plain


def command_names() -> list[str]:
    """All sub-commands."""
    return sorted(item.name for item in pkgutil.iter_modules(commands.__path__))


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="python -m emotion_core",
        description="Train, compare and demonstrate facial-expression classifiers.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    sub = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in command_names():
        module = importlib.import_module(f"{commands.__name__}.{name}")
        child = sub.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(child)
        child.set_defaults(run_command=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an error the user can act on is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # no letter that a terminal lacks ends a command
            stream.reconfigure(errors="backslashreplace")
    args = build_parser().parse_args(argv)
    link_shipped_runs()
    return exit_code(lambda: args.run_command(args))


def exit_code(run: Callable[[], int]) -> int:
    """The exit code of a command; an error that the user can act on becomes one line."""
    try:
        return run()
    except EmotionError as error:
        print(f"error: {plain(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130  # as shells count it
    except OSError as error:  # a place that cannot be read or written
        print(f"error: {plain(_place_told(error))}", file=sys.stderr)
        return 2


def _place_told(error: OSError) -> str:
    """A place that failed, why, and which variable names another one."""
    reason = str(error.strerror or error)
    if not isinstance(error.filename, str):
        return reason
    variable = variable_of(error.filename)
    hint = f". Make room there, or name another folder in {variable}." if variable else ""
    return f"{error.filename}: {reason}{hint}"
