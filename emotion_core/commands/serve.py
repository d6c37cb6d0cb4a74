"""``serve``: a model behind an HTTP interface."""

import argparse

HELP = "answer pictures with expressions over HTTP, on this computer by default"

_LIMITS = {
    "max-mb": (float, "megabytes of a request"),
    "max-megapixels": (float, "megapixels of a picture"),
    "max-images": (int, "pictures of a request"),
    "max-requests": (int, "requests in work at once; one more gets status 429"),
    "timeout": (float, "seconds that a request may take"),
    "workers": (int, "pictures searched at once"),
    "batch": (int, "faces classified at once"),
    "wait-ms": (float, "milliseconds that a batch waits for other requests"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the place, who may ask, and limits."""
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="?",
        help="folder, name, part of it, or architecture (default: the best on validation)",
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port, 0 for a free one (default: 8600)")
    token = parser.add_mutually_exclusive_group()
    token.add_argument(
        "--token", help="what callers must send; other users of this computer see it"
    )
    token.add_argument("--token-file", metavar="FILE", help="file that holds the token")
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        help="host name that callers may use, such as faces.example.org; may be repeated",
    )
    parser.add_argument(
        "--detector", default="auto", help="auto, yunet or haar (default: auto, the best there is)"
    )
    for name, (kind, meaning) in _LIMITS.items():
        parser.add_argument(f"--{name}", type=kind, metavar="N", help=meaning)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    import importlib.util

    from emotion_core.errors import ConfigError

    missing = [
        name
        for name in ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise ConfigError("Serving needs more packages: pip install 'emotion-core[serve]'.")
    from emotion_core.machine import cpu_cores
    from emotion_core.serve.server import serve
    from emotion_core.serve.settings import ServeSettings, read_token

    given = {name.replace("-", "_") for name in ("host", "port", *_LIMITS)}
    values = {name: getattr(args, name) for name in given if getattr(args, name) is not None}
    settings = ServeSettings(
        **{"workers": cpu_cores()} | values,
        token=args.token or (read_token(args.token_file) if args.token_file else ""),
        hosts=tuple(name.lower() for name in args.allow_host or ()),
    )
    serve(args.run, settings, detector=args.detector)
    return 0
