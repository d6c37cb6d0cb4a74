"""``dashboard``: open the dashboard in a browser."""

import argparse

HELP = "open the dashboard on http://127.0.0.1:8501"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it listens; everything else is Streamlit's configuration."""
    parser.add_argument("--port", type=int, default=8501, help="port (default: 8501)")
    parser.add_argument(
        "--headless", action="store_true", help="do not open a browser on this computer"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the pages until Ctrl-C."""
    import importlib.util
    import os
    import sys

    from emotion_core.errors import ConfigError
    from emotion_core.paths import dashboard_dir

    if importlib.util.find_spec("streamlit") is None:
        raise ConfigError(
            "The dashboard needs more packages: pip install 'emotion-core[dashboard]'."
        )
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    command += ["--server.port", str(args.port)]
    command += ["--server.headless", "true"] if args.headless else []
    os.chdir(dashboard_dir())  # Streamlit reads .streamlit/config.toml of the folder it starts in
    # In place of this process: the signal that stops a service or a container must reach Streamlit.
    os.execv(sys.executable, command)
