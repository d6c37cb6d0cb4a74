"""``robustness``: accuracy of a run on degraded faces."""

import argparse
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")
HELP = "measure a run's accuracy under blur, noise, light, JPEG and other corruptions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    add_measured(parser, images=1000, help="test faces to degrade (default: 1000)")


def add_measured(parser: argparse.ArgumentParser, *, images: int, help: str) -> None:
    """Flags that say what ``measured`` measures: a run, on how many faces, where."""
    parser.add_argument("run", metavar="RUN", help="folder, name, part of it, or architecture")
    parser.add_argument(
        "--data",
        default="",
        help="data set (default: the run's own); what is measured on another is not kept",
    )
    parser.add_argument("--images", type=int, default=images, help=help)
    parser.add_argument("--device", default="cpu", help="cpu, cuda:N or auto (default: cpu)")


def run(args: argparse.Namespace) -> int:
    """Measure, show progress on a terminal and print one line per corruption."""
    from emotion_core.evaluation.robustness import measure_robustness
    from emotion_core.units import faces, percent

    result, not_kept = measured(args, measure_robustness)
    print(f"clean {percent(result.clean)} on {faces(result.images)}")
    for name, curve in result.corruptions.items():
        print(f"{name:15} " + "  ".join(f"{percent(value):>7}" for value in curve))
    print(f"mean {percent(result.mean)}")
    if not_kept:
        print(f"Not kept: {not_kept}")
    return 0


def measured(
    args: argparse.Namespace, measure: Callable[..., tuple[_Result, str]]
) -> tuple[_Result, str]:
    """What ``measure`` finds, with progress on a terminal, and why it was not kept.

    Raises:
        ConfigError: ``--images`` is below 1.
    """
    from emotion_core.errors import ConfigError
    from emotion_core.progress import progress_bar
    from emotion_core.runs.catalog import pick_run

    if args.images < 1:
        raise ConfigError(f"--images must be at least 1, got {args.images}.")
    found = pick_run(args.run)
    with progress_bar(total=1, unit="step") as bar:

        def show(done: int, steps: int) -> None:
            bar.total = steps
            bar.update(done - bar.n)

        return measure(found, args.data, images=args.images, device=args.device, progress=show)
