"""``transfer``: how a run's answers stand other cameras and crops, measured on validation faces."""

import argparse

HELP = "measure a run on validation faces as other cameras, crops and light show them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="folder, name, part of it, or architecture")
    parser.add_argument(
        "--data",
        default="",
        help="data set (default: the run's own); what is measured on another is not kept",
    )
    parser.add_argument(
        "--images", type=int, default=500, help="validation faces to change (default: 500)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda:N or auto (default: cpu)")


def run(args: argparse.Namespace) -> int:
    """Measure, show progress on a terminal and print one line per part."""
    from emotion_core.errors import ConfigError
    from emotion_core.evaluation.transfer_measure import measure_transfer
    from emotion_core.progress import progress_bar
    from emotion_core.runs.catalog import pick_run
    from emotion_core.units import faces, percent, percent_interval

    if args.images < 1:
        raise ConfigError(f"--images must be at least 1, got {args.images}.")
    found = pick_run(args.run)
    with progress_bar(total=1, unit="step") as bar:

        def show(done: int, steps: int) -> None:
            bar.total = steps
            bar.update(done - bar.n)

        result, not_kept = measure_transfer(
            found, args.data, images=args.images, device=args.device, progress=show
        )
    of = f", weights of {result.measured}" if result.measured else ""
    print(f"clean {percent(result.clean)} on {faces(result.images)} of validation{of}")
    for part, kinds in result.views.items():
        for kind, curve in kinds.items():
            print(f"  {kind:15} " + "  ".join(f"{percent(value):>7}" for value in curve))
        print(f"{part:17} {percent(result.parts[part]):>7}")
    print(f"{'mirror':17} {percent(result.parts['mirror']):>7} same answer")
    print(f"transfer {percent_interval(result.transfer, result.transfer_ci95)}")
    if not_kept:
        print(f"Not kept: {not_kept}")
    return 0
