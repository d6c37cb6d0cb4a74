"""A real server in a thread of the tests, and a caller of it."""

import base64
import contextlib
import http.client
import io
import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn

from emotion_core.serve.server import listen, server_config
from emotion_core.serve.service import Service
from emotion_core.serve.settings import ServeSettings

BOUNDARY = "boundary-of-the-tests"


@dataclass(frozen=True)
class Answer:
    """Status, headers with names in lower case, and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Why there is no result."""
        error = self.json["error"]
        assert set(error) == {"code", "message", "image"} and error["message"].endswith(".")
        return error["code"]


@dataclass(frozen=True)
class Caller:
    """Asks one server."""

    port: int
    service: Service

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        ) as c:
            c.request(method, path, body, headers or {})
            found = c.getresponse()
            names = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, names, found.read())

    def send(self, *files: bytes, path: str = "/v1/predict", **headers: str) -> Answer:
        """Files as a form."""
        kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.ask("POST", path, form(files), kind | headers)

    def send_json(self, *texts: str, path: str = "/v1/predict") -> Answer:
        """Texts as Base64 in JSON."""
        body = json.dumps({"images": list(texts)})
        return self.ask("POST", path, body, {"content-type": "application/json"})


@contextlib.contextmanager
def running(service: Service) -> Iterator[Caller]:
    """The service on a free port of this computer."""
    with listen(ServeSettings(port=0)) as listening:
        server = uvicorn.Server(server_config(service))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield Caller(listening.getsockname()[1], service)
        finally:
            server.should_exit = True
            thread.join()


def form(files: Sequence[bytes], field: str = "files", name: str = "face.png") -> bytes:
    """A body as browsers and curl send files."""
    out = io.BytesIO()
    for data in files:
        out.write(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; '.encode())
        out.write(f'filename="{name}"\r\n\r\n'.encode() + data + b"\r\n")
    out.write(f"--{BOUNDARY}--\r\n".encode())
    return out.getvalue()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()
