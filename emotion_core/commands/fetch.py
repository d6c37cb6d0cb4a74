"""``fetch``: get files that come from elsewhere, checked by their SHA-256."""

import argparse

HELP = "fetch YuNet, the better face detector (230 kB), or onnxruntime-web for exported pages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to fetch."""
    parser.add_argument("name", choices=["yunet", "onnxruntime-web"])


def run(args: argparse.Namespace) -> int:
    """Fetch it."""
    if args.name == "onnxruntime-web":
        from emotion_core.models.web_runtime import fetch_runtime

        print(f"onnxruntime-web is in {fetch_runtime()}. 'export --format web' copies it.")
        return 0
    from emotion_core.live.fetch import fetch_yunet

    print(f"YuNet is in {fetch_yunet()}. The live page uses it from now on.")
    return 0
