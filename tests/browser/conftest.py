"""A real server and a real Chromium; skipped where there is no Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import browser as live_browser
from tests.browser.server import Server, problems, start_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if live_browser.chromium_path() is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium (apt-get install chromium)"))


# By module: Playwright's event loop would else run on in the thread of later tests.
@pytest.fixture(scope="module")
def playwright():
    with live_browser.playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(playwright):
    """A Chromium without a camera."""
    found = live_browser.open_browser(playwright)
    yield found
    found.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """A dashboard with an empty checkpoints folder; its log must stay clean."""
    found = start_server(tmp_path_factory.mktemp("server") / "checkpoints")
    yield found
    found.stop()
    assert not problems(found), found.log()
