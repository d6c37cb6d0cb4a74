"""``fetch``: get the face detector's file."""

import argparse

HELP = "fetch YuNet, the better face detector (230 kB)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to fetch."""
    parser.add_argument("name", choices=["yunet"])


def run(args: argparse.Namespace) -> int:
    """Fetch it."""
    from emotion_core.live.fetch import fetch_yunet

    print(f"YuNet is in {fetch_yunet()}. The live page uses it from now on.")
    return 0
