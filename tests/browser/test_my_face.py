"""The guided minute in a real Chromium: begun, seen through, its profile chosen, listed and deleted.

The camera is a canvas in the browser, sent over the same WebRTC connection as a camera's picture: it
shows a drawn person who does what the page asks for. All seconds pass faster, by the factor that
``EMOTION_MINUTE_PACE`` sets for tests.
"""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.live_page import LivePage
from emotion_core.data.synthetic import draw_face
from emotion_core.labels import EMOTIONS
from emotion_core.paths import PROJECT
from emotion_core.plots.pictures import data_uri
from tests.browser.server import problems, start_server

RUN = "mobilenet_v1"
MINUTE_MS = 400_000  # a busy machine works on two frames per second, and each take needs three
_PERSON = (77, 6)  # not the one whose face shows what is meant

# In place of a camera: a person who does what the page shows.
_CAMERA = """(pictures) => {
  const images = {};
  for (const [name, source] of Object.entries(pictures))
    (images[name] = new Image()).src = source;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [640, 480];
  const draw = canvas.getContext('2d');
  let tick = 0;
  setInterval(() => {
    let asked = null;
    try { asked = window.parent.document.querySelector('.my-face'); } catch (error) {}
    const name = asked ? asked.dataset.expression : 'neutral';
    tick += 1;
    draw.fillStyle = '#787878';
    draw.fillRect(0, 0, 640, 480);
    draw.drawImage(images[name] || images.neutral,
                   170 + 6 * Math.sin(tick / 9), 90 + 4 * Math.cos(tick / 7), 300, 300);
  }, 50);
  if (navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(20);
}"""


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("my-face")


@pytest.fixture(scope="module")
def server(places):
    """One shipped run; everything that is written lies below one folder."""
    shipped = PROJECT / "checkpoints" / RUN
    if not (shipped / "model.safetensors").exists():
        pytest.skip(f"{RUN} is not shipped with its weights")
    shutil.copytree(shipped, places / "checkpoints" / RUN)
    (places / "tmp").mkdir()
    found = start_server(
        places / "checkpoints",
        {
            "EMOTION_CACHE": str(places / "cache"),
            "EMOTION_HOME": str(places / "home"),
            "TMPDIR": str(places / "tmp"),
            "EMOTION_ICE_LOOPBACK": "1",
            "EMOTION_MINUTE_PACE": "0.3",
        },
    )
    yield found
    found.stop()
    assert not problems(found), found.log()


def open_live(browser, server) -> LivePage:
    page = LivePage(browser, server)
    pictures = {
        name: data_uri(draw_face(name, _PERSON, 300, clean=True, intensity=1.1))
        for name in EMOTIONS
    }
    page.page.add_init_script(f"({_CAMERA})({json.dumps(pictures)})")
    page.open()
    page.start()
    page.until(lambda: len(page.probe()["faces"]) == 1, "the drawn person's face")
    return page


def begin(page: LivePage, name: str = "me") -> None:
    page.page.get_by_role("button", name="My face").click()
    field = page.page.get_by_label("Name of the profile")
    field.fill(name)
    field.press("Tab")
    page.settle()
    page.page.get_by_role("button", name="Begin").click()
    page.page.locator(".my-face").wait_for()


def written(places: Path) -> list[str]:
    """Files that appeared beside the run, its log and the converted networks of the cache."""
    return sorted(
        str(path.relative_to(places))
        for path in places.rglob("*")
        if path.is_file()
        and path.suffix not in (".onnx", ".log")
        and not path.is_relative_to(places / "checkpoints")
    )


@pytest.mark.timeout(900)  # the minute waits for frames, of which a busy machine has few
def test_a_profile_is_learned_in_the_minute_used_listed_exported_and_deleted(
    browser, server, places
):
    page = open_live(browser, server)
    assert written(places) == []
    begin(page)
    guide = page.page.locator(".my-face")
    assert guide.get_attribute("data-expression") == "neutral"
    assert page.page.get_by_role("button", name="Skip").is_disabled()
    page.until(lambda: guide.get_attribute("data-expression") == "happy", "the second expression")
    guide.get_by_text("Smile so that your cheeks rise.").wait_for()
    page.until(
        lambda: guide.get_attribute("data-expression") == "disgust", "disgust", MINUTE_MS / 1000
    )
    page.page.get_by_role("button", name="Skip").click()
    page.page.get_by_text("On your second take: before").wait_for(timeout=MINUTE_MS)
    page.page.get_by_text("Profile 'me' is kept and in use, for you alone.").wait_for()
    bars = page.page.locator(".st-key-my-face-result .live-bars")
    assert bars.get_by_text("happy").count() == 1 and bars.get_by_text("disgust").count() == 0
    page.page.get_by_role("heading", name="Why is it wrong for me?").wait_for()
    page.page.get_by_text("Measured on both takes with the general model.").wait_for()
    assert written(places) == ["home/profiles/me.json", "home/profiles/me.safetensors"]

    picker = page.page.get_by_test_id("stSelectbox").filter(has_text="Model for")
    chosen = picker.get_by_role("combobox")
    page.until(lambda: chosen.input_value() == "me", "the kept profile in use")
    page.page.get_by_role("button", name="Back to the readout").click()
    page.page.get_by_text("In the picture: 1").wait_for()
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Export").click()
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"
    page.select("Model for", 0)
    page.until(lambda: chosen.input_value() == "everybody", "everybody's model")
    page.select("Model for", 1)
    page.until(lambda: chosen.input_value() == "me", "the profile once more")
    page.until(lambda: page.probe()["running"] and page.probe()["faces"], "a face all the while")

    page.page.get_by_role("button", name="Delete").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.page.get_by_role("heading", name="Profiles").wait_for(state="detached")
    picker.wait_for(state="detached")
    page.until(lambda: page.probe()["running"] and page.probe()["faces"], "the general model")
    assert written(places) == [] and page.probe()["failed"] == 0
    page.close()


def test_a_minute_that_is_stopped_keeps_nothing(browser, server, places):
    page = open_live(browser, server)
    begin(page)
    page.page.locator(".stMain").get_by_role("button", name="Stop", exact=True).click()
    page.page.get_by_text("The minute was stopped. Nothing of it is kept.").wait_for()
    begin(page)
    page.stop()  # of the video
    page.page.get_by_text("The minute was stopped. Nothing of it is kept.").wait_for()
    assert written(places) == []
    page.close()
