"""``streamlit`` with inner counters of the Live page beside it, for tests and benchmarks.

``python -m benchmarks.probe PORT run app.py ...`` is ``streamlit run app.py ...``, and answers on
127.0.0.1:PORT with JSON: what the process holds, and the state of each viewer's stream. The
dashboard itself knows nothing of it.
"""

import itertools
import json
import sys
import threading
import time
import weakref
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from emotion_core.live.stream import LiveStream
from emotion_core.memory import resident_mb

_connections: "weakref.WeakSet[Any]" = weakref.WeakSet()
_streams: "weakref.WeakValueDictionary[int, LiveStream]" = weakref.WeakValueDictionary()


def census() -> dict[str, Any]:
    """What this process holds.

    Returns:
        ``connections`` that are not closed, names of the ``threads``, ``resident_mb``, ``time``,
        and ``streams`` by number, in the order in which they were created.
    """
    return {
        "connections": sum(item.connectionState != "closed" for item in list(_connections)),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "resident_mb": resident_mb(),
        "time": time.time(),
        "streams": {number: _stream_row(stream) for number, stream in list(_streams.items())},
    }


def count_instances() -> None:
    """Count peer connections and streams from now on."""
    from aiortc import RTCPeerConnection

    numbers = itertools.count()
    connect, create = RTCPeerConnection.__init__, LiveStream.__init__

    def connect_counted(self: Any, *args: Any, **options: Any) -> None:
        connect(self, *args, **options)
        _connections.add(self)

    def create_counted(self: LiveStream, *args: Any, **options: Any) -> None:
        create(self, *args, **options)
        _streams[next(numbers)] = self

    RTCPeerConnection.__init__ = connect_counted  # type: ignore[method-assign]
    LiveStream.__init__ = create_counted  # type: ignore[method-assign]


def serve(port: int) -> None:
    """Answer every request on 127.0.0.1 with the census, in a background thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(census()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the dashboard's log must stay clean."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, name="probe", daemon=True).start()


def _stream_row(stream: LiveStream) -> dict[str, Any]:
    seen = stream.state()
    faces = seen.result.faces if seen.result else []
    return {
        "running": seen.running,
        "frames": seen.frames,
        "failed": seen.failed,
        "fps": seen.fps,
        "latency_ms": seen.latency_ms,
        "longest_gap": seen.longest_gap,
        "timings_ms": seen.result.timings_ms if seen.result else {},
        "hint": seen.hint,
        "problem": seen.problem,
        "faces": [
            {"id": item.track_id, "emotion": item.emotion, "box": item.box_xyxy.tolist()}
            | {"second": item.second.emotion if item.second else None}
            for item in faces
        ],
    }


if __name__ == "__main__":
    from streamlit.web.cli import main

    count_instances()
    serve(int(sys.argv.pop(1)))
    sys.exit(main())
