"""Work in a process of its own, whose time and memory the system bounds and measures."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from emotion_core.paths import PROJECT

# A server, so that the libraries are loaded once; each call runs in a fork of it.
_SERVER = """
import importlib, json, os, resource, sys

def limited(place, arguments, cpu_seconds, environment, reply):
    os.environ.update(environment)
    # The second one in bytes of addresses, of which memory that is only announced takes part, too.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, name = place.split(":")
    try:
        kind, text = "", str(getattr(importlib.import_module(module), name)(*arguments))
    except BaseException as error:
        kind, text = type(error).__name__, str(error)
        from emotion_core.errors import EmotionError
        if not isinstance(error, EmotionError):
            kind = f"uncaught {kind}"
    os.write(reply, json.dumps([kind, text[:2000]]).encode())
    os._exit(0)

for module in sys.argv[1:]:
    importlib.import_module(module)
for line in sys.stdin:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        limited(*json.loads(line), writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        answer = file.read()
    _, status, usage = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    kind, text = json.loads(answer) if answer else (f"killed by signal {-code}", "")
    print(json.dumps([kind, text, usage.ru_maxrss // 1024]), flush=True)
"""


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Attributes:
        kind: Name of the error's class; ``uncaught`` before it where no user could act on it;
            ``killed by signal N``; empty if the call returned.
        text: The error's message, or what was returned, as text.
        megabytes: Largest memory of the process, with about 130 for its libraries.
    """

    kind: str
    text: str
    megabytes: int


class Limited:
    """A server for calls under limits; ``close`` it.

    Args:
        modules: Loaded once, before the first call.
    """

    def __init__(self, *modules: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, *modules],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def call(
        self, place: str, *arguments: Any, cpu_seconds: int = 10, **environment: str
    ) -> Outcome:
        """Call ``module:function`` with arguments that JSON can hold."""
        assert self._process.stdin and self._process.stdout
        request = json.dumps([place, arguments, cpu_seconds, environment])
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        return Outcome(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the server."""
        self._process.communicate("")


def faces_of(path: str) -> str:
    """How many faces a data set has, and what is told of it."""
    from emotion_core.data.sources import load_data

    data = load_data(path)
    return f"{len(data)} faces; " + "; ".join(f"{n.thing}: {n.message}" for n in data.notes)
