"""What a foreign site can do with the dashboard of whoever visits it: nothing."""

import contextlib
import http.server
import threading

import pytest

from benchmarks import browser as live_browser


@pytest.fixture(scope="module")
def mapped(playwright):
    """A Chromium in which every name of .test means this computer, as after DNS rebinding."""
    found = playwright.chromium.launch(
        executable_path=live_browser.chromium_path(),
        args=[*live_browser.ARGS, "--host-resolver-rules=MAP *.test 127.0.0.1"],
    )
    yield found
    found.close()


@contextlib.contextmanager
def foreign_site(html: str):
    """A site of somebody else, on a port of its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *args):
            """Keep the test's output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found.server_port
        found.shutdown()


def test_a_name_that_is_made_to_point_here_gets_no_page(mapped, server):
    port = server.url.rpartition(":")[2]
    page = mapped.new_page()
    answer = page.goto(f"http://evil.test:{port}/")
    assert answer.status == 421
    opened = page.evaluate(
        """port => new Promise(done => {
             const socket = new WebSocket(`ws://evil.test:${port}/_stcore/stream`);
             socket.onopen = () => done("open");
             socket.onerror = () => done("refused");
           })""",
        port,
    )
    assert opened == "refused"
    page.close()


def test_a_foreign_page_cannot_frame_the_dashboard(mapped, server):
    html = f'<h1>Free prizes</h1><iframe src="{server.url}/"></iframe>'
    with foreign_site(html) as port:
        page = mapped.new_page()
        with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
            page.goto(f"http://evil.test:{port}/")
        assert "Emotion Core" not in "".join(
            frame.content() for frame in page.frames if frame.url.startswith("http://127")
        )
        page.close()


def test_the_owner_s_own_browser_is_the_owner(browser, server):
    page = browser.new_page()
    page.goto(server.url)
    page.get_by_role("heading", name="Overview").wait_for(timeout=60_000)
    assert page.get_by_text("Demo mode").count() == 0
    page.close()
