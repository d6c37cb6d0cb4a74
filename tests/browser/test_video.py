"""A video that was looked at plays in the browser, although it never was a file."""

import shutil

import pytest

from tests.browser.server import problems, start_server
from tests.browser.test_camera import trained_on_photographs
from tests.samples import face_clip

FRAMES, RATE = 10, 5


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A dashboard over a shipped run."""
    run, folder = trained_on_photographs(), tmp_path_factory.mktemp("shipped") / "checkpoints"
    if run is None:
        pytest.skip("no trained run is shipped")
    shutil.copytree(run.path, folder / run.name)
    found = start_server(folder)
    yield found
    found.stop()
    assert not problems(found), found.log()


def test_the_annotated_copy_plays(browser, shipped):
    clip = {"name": "face.mp4", "mimeType": "video/mp4", "buffer": face_clip(RATE, FRAMES)}
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{shipped.url}/live")
    page.get_by_test_id("stMain").get_by_text("Video", exact=True).click()
    page.get_by_text("Analyze", exact=True).click()
    page.locator('input[type="file"]').set_input_files(clip)
    page.get_by_role("button", name="Analyze").click()
    page.locator("video").wait_for()
    page.wait_for_function("document.querySelector('video').readyState >= 2")
    video = page.locator("video")
    assert video.evaluate("video => video.duration") == pytest.approx(FRAMES / RATE, abs=0.3)
    video.evaluate("video => video.play()")
    page.wait_for_function("document.querySelector('video').currentTime > 1")
    page.close()
