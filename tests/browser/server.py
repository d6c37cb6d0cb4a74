"""The real dashboard as a process of its own, whose log can be held to be clean."""

import re
from pathlib import Path

from benchmarks.browser import Server, start_server
from emotion_core.paths import PROJECT

__all__ = ["Server", "problems", "start_server", "start_shipped"]

_PROBLEM = re.compile(r"Traceback|Warning\b|WARNING|ERROR|CRITICAL")
# streamlit-webrtc never closes its worker's event loop; the garbage collector says so.
_UNCLOSED_LOOP = re.compile(
    r"^Exception ignored in: <function BaseEventLoop\.__del__.*?^ValueError: [^\n]*\n",
    re.DOTALL | re.MULTILINE,
)


def start_shipped(folder: Path, env: dict[str, str] | None = None) -> Server:
    """The dashboard on the shipped runs, without FER-2013 and without a network.

    Args:
        folder: For what it writes.
        env: Further environment variables.
    """
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir()
    for path in (PROJECT / "checkpoints").iterdir():
        (checkpoints / path.name).symlink_to(path)
    return start_server(
        checkpoints,
        {
            "EMOTION_CACHE": str(folder / "cache"),
            "EMOTION_HOME": str(folder / "home"),
            "FER2013_DIR": str(folder / "nowhere"),
        }
        | (env or {}),
    )


def problems(server: Server) -> list[str]:
    """Lines of the log that tell of a traceback, warning or error."""
    lines = _UNCLOSED_LOOP.sub("", server.log()).splitlines()
    return [line for line in lines if _PROBLEM.search(line)]
