"""The real dashboard as a process of its own, whose log can be held to be clean."""

import re

from benchmarks.browser import Server, start_server

__all__ = ["Server", "problems", "start_server"]

_PROBLEM = re.compile(r"Traceback|Warning\b|WARNING|ERROR|CRITICAL")
# streamlit-webrtc never closes its worker's event loop; the garbage collector says so.
_UNCLOSED_LOOP = re.compile(
    r"^Exception ignored in: <function BaseEventLoop\.__del__.*?^ValueError: [^\n]*\n",
    re.DOTALL | re.MULTILINE,
)


def problems(server: Server) -> list[str]:
    """Lines of the log that tell of a traceback, warning or error."""
    lines = _UNCLOSED_LOOP.sub("", server.log()).splitlines()
    return [line for line in lines if _PROBLEM.search(line)]
