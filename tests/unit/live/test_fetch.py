"""A download is used only if it is exactly the expected file."""

import http.server
import threading

import pytest

from emotion_core.errors import FetchError
from emotion_core.live.fetch import fetch_yunet
from emotion_core.paths import cache_dir


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"another file")

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
