"""A download is used only if it is exactly the expected file."""

import hashlib
import http.server
import socket
import threading
import urllib.error
from email.message import Message

import pytest

from emotion_core.errors import FetchError
from emotion_core.live import fetch
from emotion_core.live.fetch import fetch_yunet
from emotion_core.paths import cache_dir


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            if self.path == "/torn":
                self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"ff\r\nno more" if self.path == "/torn" else b"another file")

        def log_message(self, *_):
            pass

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}/yunet.onnx"
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))


def test_another_file_is_refused_and_not_kept(server):
    with pytest.raises(FetchError, match=r"not the expected YuNet file.*nothing was kept"):
        fetch_yunet(url=server)
    assert not list(cache_dir().rglob("*.onnx"))


def test_without_a_network_the_way_by_hand_is_told():
    with pytest.raises(FetchError, match=r"could not be downloaded.*save it as"):
        fetch_yunet(url="http://127.0.0.1:9/yunet.onnx")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (urllib.error.URLError(socket.gaierror(-2, "Name or service not known")), "was not found"),
        (TimeoutError("timed out"), "no answer within 15 s"),
        (
            urllib.error.HTTPError("", 404, "Not Found", Message(), None),
            r"answered 404 \(Not Found",
        ),
        (urllib.error.URLError(OSError(111, "Connection refused")), "Connection refused"),
    ],
)
def test_why_a_download_failed_is_told_in_words(monkeypatch, error, words):
    def refuse(*given, **more):
        raise error

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(FetchError, match=words) as told:
        fetch_yunet()
    assert "urlopen" not in str(told.value)


def test_an_answer_that_breaks_off_is_one_line(server):
    with pytest.raises(FetchError, match=r"could not be downloaded.*save it as"):
        fetch_yunet(url=server.replace("yunet.onnx", "torn"))


def test_a_cache_that_cannot_be_written_is_one_line(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(fetch, "YUNET_SHA256", hashlib.sha256(b"another file").hexdigest())
    with pytest.raises(FetchError, match=r"cannot be written"):
        fetch_yunet(url=server)
