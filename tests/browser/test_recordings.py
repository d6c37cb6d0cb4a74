"""Record, stop, replay, export, delete in a real Chromium with a fake camera; nothing kept when off."""

import csv
import io
from pathlib import Path

import cv2
import pytest
import skimage.data

from benchmarks.browser import open_browser
from benchmarks.live_page import LivePage, write_clip
from emotion_core.labels import EMOTIONS
from tests.browser.server import problems, start_server
from tests.browser.test_camera import save_untrained

_FILM = ".st-key-recording-film video"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("recordings") / "home"


@pytest.fixture(scope="module")
def recording_server(home):
    """Two untrained runs; what is recorded lies below ``home``."""
    checkpoints = home.parent / "checkpoints"
    for seed in (0, 1):
        save_untrained(checkpoints, seed)
    found = start_server(
        checkpoints,
        {
            "EMOTION_CACHE": str(home.parent / "cache"),
            "EMOTION_HOME": str(home),
            "EMOTION_ICE_LOOPBACK": "1",
        },
    )
    yield found
    found.stop()
    assert not problems(found), found.log()


@pytest.fixture
def live(playwright, recording_server, tmp_path):
    photo = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)[20:220, 124:324]
    clip = write_clip(tmp_path / "face.mjpeg", cv2.resize(photo, (360, 360)), seconds=2)
    with open_browser(playwright, clip) as browser:
        page = LivePage(browser, recording_server)
        page.open()
        yield page
        page.close()


def kept(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()] if home.exists() else []


def record(live, home, seconds: float = 3.0) -> Path:
    """Start, mark, record for some seconds and stop; gives the recording's folder."""
    live.select("Compare with", 1)
    live.page.get_by_text("Record", exact=True).click()
    live.page.get_by_text("until you delete them").wait_for()
    live.start()
    live.until(lambda: live.probe()["faces"], "a face")
    live.page.get_by_role("button", name="Mark").click()
    note = live.page.get_by_label("Note on mark 1")
    note.fill("as planned")
    note.press("Enter")
    live.page.get_by_text("Recording, ").wait_for()
    live.page.wait_for_timeout(1000 * seconds)
    live.stop()
    live.until(lambda: list(home.rglob("rows.parquet")), "a whole recording")
    return next(home.rglob("rows.parquet")).parent


def film(page):
    return page.locator(_FILM)


def test_off_keeps_nothing_on_disk(live, home):
    live.start()
    live.until(lambda: live.probe()["faces"], "a face")
    live.page.wait_for_timeout(2000)
    live.stop()
    live.page.get_by_role("heading", name="Last session").wait_for()
    assert kept(home) == []


def test_a_recording_is_replayed_marked_saved_and_deleted(live, home, tmp_path):
    folder, page = record(live, home), live.page
    page.get_by_test_id("stMain").get_by_text("Recordings", exact=True).click()
    film(page).wait_for()
    page.wait_for_function(f"document.querySelector('{_FILM}').readyState >= 2")
    assert film(page).evaluate("video => video.duration") > 2
    page.get_by_label("Position").fill("1.5")
    page.wait_for_function(f"document.querySelector('{_FILM}').currentTime === 1.5")
    assert page.locator("[data-lane='marks'] .mark").get_attribute("title").endswith("as planned")
    assert page.locator(".track[data-lane]").count() == 5
    page.get_by_label("Speed").select_option("2")
    assert film(page).evaluate("video => video.playbackRate") == 2
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"document.querySelector('{_FILM}').currentTime > 1.8")
    film(page).evaluate("video => video.pause()")

    page.get_by_label("Position").fill("0")
    page.get_by_role("button", name="Leave out from here").click()
    page.get_by_label("Position").fill("1")
    page.get_by_role("button", name="Leave out 0:00.0 to here").click()
    page.locator("[data-lane='left out'] .away").wait_for()
    live.until(lambda: '"excluded": [\n  {' in (folder / "notes.json").read_text(), "a part kept")

    rows = csv_rows(page)
    assert {row["excluded"] for row in rows} == {"0", "1"}
    assert all((float(row["time"]) <= 1) == (row["excluded"] == "1") for row in rows)
    assert {row["emotion"] for row in rows} <= {*EMOTIONS, "uncertain", ""}
    html_plays_alone(page, tmp_path)

    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").wait_for(state="detached")
    assert (folder / "video.webm").exists()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete permanently").click()
    page.get_by_role("button", name="Delete permanently").wait_for(state="detached")
    assert kept(home) == []
    assert live.foreign == []


def csv_rows(page) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))


def html_plays_alone(page, tmp_path) -> None:
    """The saved file plays from disk and asks for nothing."""
    with page.expect_download() as download:
        page.get_by_role("button", name="HTML").click()
    saved = tmp_path / "saved.html"
    download.value.save_as(saved)
    alone, asked = page.context.new_page(), []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(saved.as_uri())
    alone.wait_for_function("document.querySelector('video').readyState >= 2")
    alone.get_by_label("Position").fill("1")
    alone.wait_for_function("document.querySelector('video').currentTime === 1")
    assert alone.locator(".track[data-lane]").count() == 5
    assert alone.get_by_text("as planned").count() == 1
    assert {url.partition(":")[0] for url in asked} <= {"file", "blob"}
    alone.close()


def test_the_shipped_recording_plays_and_is_read_again_by_other_models(live):
    page = live.page
    page.get_by_test_id("stMain").get_by_text("Recordings", exact=True).click()
    live.settle()
    live.select("Compare with", 1)
    page.wait_for_function(f"document.querySelector('{_FILM}')?.readyState >= 2")
    assert page.get_by_role("button", name="Delete", exact=True).count() == 0
    page.get_by_role("button", name="Read again by sequential A and sequential B").click()
    page.get_by_text("as recorded").wait_for()
    for lane in ("Sequential A", "Sequential B", "models differ"):
        page.locator(f"[data-lane='{lane}']").wait_for()
    page.get_by_text("as recorded").click()
    page.locator("[data-lane='mobilenet_v1']").wait_for()


def test_the_last_session_survives_a_reload_and_is_forgotten_when_asked(live, home, tmp_path):
    live.start()
    live.until(lambda: live.probe()["faces"], "a face")
    live.page.wait_for_timeout(2000)
    live.stop()
    page = live.page
    page.get_by_role("heading", name="Last session").wait_for()
    page.wait_for_url("**/live?session=*")
    page.reload()
    page.get_by_role("heading", name="Last session").wait_for()
    live.settle()
    with page.expect_download() as download:
        page.get_by_role("button", name="Session as HTML").click()
    text = Path(download.value.path()).read_text()
    assert "Live session" in text and "<video" not in text
    page.get_by_role("button", name="Forget this session").click()
    page.get_by_role("heading", name="Last session").wait_for(state="detached")
    page.reload()
    live.button("Start").wait_for()
    assert page.get_by_role("heading", name="Last session").count() == 0
    assert kept(home) == []
