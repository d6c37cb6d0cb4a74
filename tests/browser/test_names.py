"""Names from files and addresses are text in the browser: no markup, no link, no request."""

import pytest

from emotion_core.paths import PROJECT
from tests.browser.server import problems, start_server
from tests.samples import HOSTILE

SCRIPT = """
import streamlit as st
from emotion_core.text import plain
from tests.samples import HOSTILE
for number, text in enumerate(HOSTILE):
    for draw in (st.markdown, st.caption, st.error):
        with st.container(key=f"{draw.__name__}-{number}"):
            draw(plain(text, "markdown"))
        with st.container(key=f"{draw.__name__}-inside-{number}"):
            draw(f"Run {plain(text, 'markdown')} is here")
st.markdown("done", width="content")
"""


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    (folder / "names.py").write_text(SCRIPT)
    found = start_server(
        folder / "checkpoints", {"PYTHONPATH": str(PROJECT)}, script=str(folder / "names.py")
    )
    yield found
    found.stop()
    assert not problems(found), found.log()


def foreign(page, url: str) -> list[str]:
    """Requests that leave the server, as they come."""
    found: list[str] = []

    def watch(request) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            found.append(request.url)

    page.on("request", watch)
    return found


def test_hostile_names_show_as_they_are(browser, names):
    page = browser.new_page()
    page.set_default_timeout(60_000)
    left = foreign(page, names.url)
    page.goto(names.url)
    page.get_by_text("done", exact=True).wait_for()
    for number, text in enumerate(HOSTILE):
        for kind in ("markdown", "caption", "error"):
            for place, shown in (
                (f"{kind}-{number}", text),
                (f"{kind}-inside-{number}", f"Run {text} is here"),
            ):
                paragraphs = page.locator(f".st-key-{place} p")
                texts = [text.replace("\u2060", "") for text in paragraphs.all_inner_texts()]
                assert texts == [shown], place
                assert paragraphs.locator("*").count() == 0, place  # nothing but text
    assert left == []
    page.close()
