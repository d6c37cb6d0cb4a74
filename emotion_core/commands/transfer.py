"""``transfer``: how a run's answers stand other cameras and crops, measured on validation faces."""

import argparse

from emotion_core.commands.robustness import add_measured, measured

HELP = "measure a run on validation faces as other cameras, crops and light show them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    add_measured(parser, images=500, help="validation faces to change (default: 500)")


def run(args: argparse.Namespace) -> int:
    """Measure, show progress on a terminal and print one line per part."""
    from emotion_core.evaluation.transfer_measure import measure_transfer
    from emotion_core.units import faces, percent, percent_interval

    result, not_kept = measured(args, measure_transfer)
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
