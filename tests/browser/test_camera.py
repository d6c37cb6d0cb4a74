"""The Live page in a real Chromium with a fake camera: from START to a closed tab."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from benchmarks.browser import open_browser
from benchmarks.live_page import LivePage, write_clip
from emotion_core.live.highlights import SIDE
from emotion_core.paths import PROJECT
from emotion_core.recipes import recipe_config
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status, now
from tests.browser.server import problems, start_server
from tests.samples import write_untrained

# What a viewer's stream runs in; Streamlit keeps a watcher for each tab a while longer.
_MEDIA_THREADS = ("async_media_processor", "video-decoder", "process_offer")


def save_untrained(root, seed):
    run = create_run(recipe_config("best", "sequential", data="synthetic", seed=seed), root)
    write_untrained(run, seed)
    run.write_status(Status(state="stopped", created=now(), epochs=1))
    return run


def trained_on_photographs() -> Run | None:
    """A shipped run that knows real faces."""
    for run in list_runs(PROJECT / "checkpoints"):
        report = None if run.problem else run.report()
        if report and not report.data.synthetic and run.weights_path.exists():
            return run
    return None


@pytest.fixture(scope="module")
def live_server(tmp_path_factory):
    """Two untrained runs, and a shipped one where there is one; media stays on 127.0.0.1."""
    folder = tmp_path_factory.mktemp("live")
    checkpoints = folder / "checkpoints"
    for seed in (0, 1):
        save_untrained(checkpoints, seed)
    shipped = trained_on_photographs()
    if shipped:
        shutil.copytree(shipped.path, checkpoints / shipped.name)
    found = start_server(
        checkpoints,
        {
            "EMOTION_CACHE": str(folder / "cache"),
            "EMOTION_ICE_LOOPBACK": "1",
        },
    )
    yield found
    found.stop()
    assert not problems(found), found.log()


@pytest.fixture(scope="module")
def camera(playwright, tmp_path_factory):
    """A Chromium whose camera shows the photograph of a smiling face."""
    photo = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)[20:220, 124:324]
    clip = tmp_path_factory.mktemp("clip") / "face.mjpeg"
    found = open_browser(playwright, write_clip(clip, cv2.resize(photo, (360, 360)), seconds=2))
    yield found
    found.close()


@pytest.fixture
def live(camera, live_server):
    page = LivePage(camera, live_server)
    page.open()
    yield page
    page.close()


def plays(page) -> None:
    """Pictures go on arriving in the browser and frames are worked on in the server."""
    shown, worked = page.decoded_frames(), page.probe()["frames"]
    page.until(lambda: page.decoded_frames() >= shown + 10, "ten more decoded frames")
    page.until(lambda: page.probe()["frames"] > worked, "further frames worked on")


def box_pixels(page) -> int:
    """Pixels of the returned picture that are as dark as a box's outline beside a bright line."""
    return page.component().evaluate("""() => {
        const video = document.querySelector('video'), canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
        const draw = canvas.getContext('2d');
        draw.drawImage(video, 0, 0);
        const data = draw.getImageData(0, 0, canvas.width, canvas.height - 40).data;
        let dark = 0;
        for (let i = 0; i < data.length; i += 4)
            if (data[i] < 50 && data[i + 1] < 50 && data[i + 2] < 50) dark++;
        return dark;
    }""")


def viewers_threads(probe) -> list[str]:
    return [name for name in probe["threads"] if name.startswith(_MEDIA_THREADS)]


def test_start_plays_processed_video_with_the_face_found(live):
    live.start()
    plays(live)
    found = live.until(lambda: live.probe()["faces"], "a face")
    assert len(found) == 1
    x1, y1, x2, y2 = found[0]["box"]
    assert 140 < (x1 + x2) / 2 < 500 and 100 < y2 - y1 < 400
    assert live.probe()["failed"] == 0
    assert box_pixels(live) > 500
    live.page.get_by_text("In the picture: 1").wait_for()
    assert live.foreign == []


def test_models_change_and_are_compared_while_it_plays(live):
    live.start()
    live.until(lambda: live.probe()["faces"], "a face")
    live.select("Compare with", -1)
    live.until(lambda: any(face["second"] for face in live.probe()["faces"]), "a second opinion")
    live.page.locator(".live-names").get_by_text("says").first.wait_for()
    live.select("Model", -1)
    plays(live)
    assert live.probe()["running"] and live.probe()["failed"] == 0


def test_pause_holds_the_picture_and_snapshot_downloads_it(live):
    live.start()
    plays(live)
    with live.page.expect_download() as download:
        live.page.get_by_role("button", name="Snapshot").click()
    picture = cv2.imread(download.value.path())
    assert picture.shape == (480, 640, 3)
    live.page.get_by_text("Pause", exact=True).click()
    live.page.get_by_text("Paused. No video is being analyzed.").wait_for()
    frames = live.probe()["frames"]
    live.page.wait_for_timeout(1500)
    assert live.probe()["frames"] <= frames + 1


def test_stop_shows_the_session_and_start_works_again(live):
    live.start()
    live.until(lambda: live.probe()["faces"], "a face")
    live.stop()
    live.page.get_by_role("heading", name="Last session").wait_for()
    live.until(lambda: not viewers_threads(live.probe()), "end of the viewer's threads")
    live.start()
    plays(live)
    assert live.probe()["connections"] == 1


def test_leaving_the_page_ends_the_stream_and_returning_starts_anew(live):
    live.start()
    plays(live)
    live.page.get_by_role("link", name="Dataset").click()
    live.page.get_by_role("heading", name="Dataset", exact=True).wait_for()
    live.page.get_by_role("link", name="Live").click()
    live.button("Start").wait_for()
    live.until(lambda: live.probe()["connections"] == 0, "end of the connection")
    live.start()
    plays(live)


def test_drawn_faces_play_on_a_machine_without_a_camera(browser, live_server):
    page = LivePage(browser, live_server)
    page.open()
    page.choose("Drawn faces")
    page.start()
    plays(page)
    page.until(lambda: len(page.probe()["faces"]) >= 2, "two drawn faces")
    page.close()


@pytest.mark.parametrize("has_camera", [True, False])
def test_a_refused_or_missing_camera_is_told_and_start_stays(
    playwright, live_server, tmp_path, has_camera
):
    clip = write_clip(tmp_path / "room.mjpeg", seconds=0.5) if has_camera else None
    with open_browser(playwright, clip, allow=not has_camera) as denied:
        page = LivePage(denied, live_server)
        page.open()
        before = page.probe()["connections"]  # of tabs closed a moment ago
        page.button("Start").click()
        reason = "The browser refused the camera" if has_camera else "No camera was found"
        alert = page.page.frame_locator("iframe").locator(".MuiAlert-root")
        alert.get_by_text(reason).wait_for()
        page.page.get_by_text("No picture? Allow it in").wait_for()
        page.button("Start").wait_for()
        assert page.probe()["frames"] == 0 and page.probe()["connections"] <= before


def test_closed_tabs_leave_nothing_behind(camera, live_server):
    rounds = int(os.environ.get("EMOTION_LIVE_ROUNDS", "3"))
    for _ in range(rounds):
        page = LivePage(camera, live_server)
        page.open()
        page.start()
        page.close()
    watcher = LivePage(camera, live_server)
    watcher.open()
    # A closed tab says nothing; the connection is given up after 30 seconds of silence.
    watcher.until(lambda: watcher.probe()["connections"] == 0, "end of all connections", 90)
    watcher.until(lambda: not viewers_threads(watcher.probe()), "end of the viewers' threads")
    watcher.close()


def test_highlights_are_pictures_in_memory_until_they_are_forgotten(live, live_server):
    shipped = trained_on_photographs()
    if shipped is None:
        pytest.skip("no run trained on photographs is shipped yet")
    page = live.page
    page.goto(f"{live_server.url}/live?model={shipped.name}")
    live.find_stream()
    page.get_by_text("Highlights", exact=True).click()
    page.get_by_text("One small picture of the largest face per second").wait_for()
    live.settle()
    live.start()
    live.until(lambda: live.probe()["faces"], "a face")
    page.wait_for_timeout(4000)
    live.stop()
    page.get_by_role("heading", name="Highlights").wait_for()
    pictures = page.locator(".st-key-live-highlight-row img")
    pictures.first.wait_for()
    assert pictures.first.evaluate("image => image.naturalWidth") == SIDE
    page.get_by_role("button", name="Forget this session").click()
    page.get_by_role("heading", name="Highlights").wait_for(state="detached")


@pytest.mark.fer2013
def test_a_strongly_happy_face_is_called_happy(
    playwright, live_server, tmp_path, monkeypatch, fer2013
):
    shipped = trained_on_photographs()
    if shipped is None:
        pytest.skip("no run trained on photographs is shipped yet")
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    clip = happiest_face(shipped, fer2013, tmp_path / "happy.mjpeg")
    with open_browser(playwright, clip) as happy:
        page = LivePage(happy, live_server)
        page.open()
        page.start()
        page.until(lambda: [x["emotion"] for x in page.probe()["faces"]] == ["happy"], "happy face")
        page.page.locator(".live-names").get_by_text("happy").wait_for()
        page.close()


@pytest.fixture(scope="module")
def fer2013(tmp_path_factory) -> Path:
    """FER-2013 in a form that ``load_data`` reads."""
    named = os.environ.get("FER2013_DIR")
    if named and Path(named).exists():
        return Path(named)
    unpack = PROJECT.parent / "shared" / "data" / "unpack_fer2013.py"
    if not unpack.exists():
        pytest.skip("FER-2013 is not here: set FER2013_DIR to test with it")
    target = tmp_path_factory.mktemp("fer2013") / "fer2013.csv"
    command = [sys.executable, str(unpack), str(target), "--layout", "csv"]
    subprocess.run(command, check=True, capture_output=True)
    return target


def happiest_face(run: Run, source: Path, clip: Path) -> Path:
    """A clip of a happy test face of FER-2013 which the run's own predictions were surest of and
    which the built-in detector finds wherever it sways."""
    from emotion_core.data.sources import load_data
    from emotion_core.labels import EMOTIONS
    from emotion_core.live.detect import HaarDetector

    data, arrays = load_data(source), run.predictions()
    assert arrays is not None
    happy = EMOTIONS.index("happy")
    order = np.argsort(-arrays["probs"][:, happy].astype(np.float32))
    images = data.images[data.indices("test")]
    detector = HaarDetector()
    for index in order[:100]:
        if arrays["labels"][index] != happy:
            continue
        write_clip(clip, cv2.resize(images[index], (240, 240)), seconds=2)
        if all(len(detector.detect(frame)) == 1 for frame in frames(clip)[::6]):
            return clip
    pytest.fail("none of the hundred surest happy faces was found by the built-in detector")


def frames(clip: Path) -> list[np.ndarray]:
    video, found = cv2.VideoCapture(str(clip)), []
    while (read := video.read())[0]:
        found.append(read[1])
    return found
