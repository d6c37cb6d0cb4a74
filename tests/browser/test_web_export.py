"""The exported page in a real Chromium: the server's answers, without a server."""

import base64
import functools
import http.server
import io
import itertools
import json
import os
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from benchmarks import browser as live_browser
from benchmarks.live_page import write_clip
from emotion_core.data.sources import load_data
from emotion_core.data.synthetic import draw_face
from emotion_core.errors import FetchError, ModelError
from emotion_core.labels import EMOTIONS
from emotion_core.live.yunet_file import yunet_path
from emotion_core.models.checkpoint import load_classifier
from emotion_core.models.web_export import export_web
from emotion_core.models.web_runtime import fetch_runtime, runtime_files
from emotion_core.paths import PROJECT
from emotion_core.runs.run import Run
from emotion_core.serve.service import Service
from emotion_core.serve.settings import ServeSettings
from tests.browser.server import problems, start_shipped
from tests.unit.serve.running import running

RUN = Run(PROJECT / "checkpoints" / "sequential")
ASK = """async ([method, pictures]) => {
  const { loadModel } = await import("./model.js");
  window.asked ??= await loadModel();
  const answers = [];
  for (const text of pictures) {
    const blob = new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]);
    answers.push(await window.asked[method](blob));
  }
  return answers;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    try:
        fetch_runtime()  # the npm package by its name, once per machine
    except FetchError as error:
        pytest.skip(str(error))
    return export_web(RUN, tmp_path_factory.mktemp("web") / "page", detector=yunet_path())


@pytest.fixture(scope="module")
def site(folder):
    """The folder on a plain static host."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            """Keep the test's output clean."""

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}/"
        found.shutdown()


@pytest.fixture
def page(browser, site):
    """The opened page; whatever it asks of another place, or logs, is a failure."""
    context = browser.new_context(bypass_csp=False)
    found = context.new_page()
    asked, said = [], []
    found.on("request", lambda request: asked.append(request.url))
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    found.goto(site)
    found.get_by_text("Ready.").wait_for(timeout=120_000)
    yield found
    assert [url for url in asked if not url.startswith((site, "data:", "blob:"))] == []
    assert said == []
    context.close()


@pytest.fixture(scope="module")
def caller():
    service = Service(RUN, load_classifier(RUN), ServeSettings(max_images=128, timeout=300.0))
    with running(service) as found:
        yield found


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def ask(page, method: str, pictures: list[bytes]):
    return page.evaluate(ASK, [method, [base64.b64encode(data).decode() for data in pictures]])


def drawn(count: int) -> list[np.ndarray]:
    """Drawn faces of many sizes: half as FER-2013's, the others shrunk or enlarged by the page."""
    sizes = [48, 48, 48, 48, 31, 64, 96, 97, 144, 240]
    return [
        draw_face(EMOTIONS[number % 7], (5, number), sizes[number % len(sizes)])
        for number in range(count)
    ]


def test_the_run_page_hands_over_the_same_folder_as_a_zip(browser, folder, tmp_path):
    server = start_shipped(tmp_path, {"EMOTION_CACHE": str(runtime_files()[0].parents[2])})
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{server.url}/run?run=sequential")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Web page").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        names = {path.name for path in folder.iterdir()}
        assert set(archive.namelist()) == {f"sequential-web/{name}" for name in names}
        shipped = archive.read("sequential-web/model.json")
    assert json.loads(shipped) == json.loads((folder / "model.json").read_bytes())
    page.close()
    server.stop()
    assert not problems(server), server.log()


@pytest.mark.parametrize("source", ["drawn", "fer2013"])
def test_100_faces_get_the_server_s_answers(page, caller, source):
    if source == "fer2013":
        if not os.environ.get("FER2013_DIR"):
            pytest.skip("no FER-2013 (FER2013_DIR)")
        data = load_data("fer2013")
        faces = list(data.images[np.random.default_rng(0).choice(len(data), 100, replace=False)])
    else:
        faces = drawn(100)
    pictures = [png(face) for face in faces]
    found = ask(page, "ofFace", pictures)
    answer = caller.send(*pictures, path="/v1/predict?whole=1").json
    expected = [picture["faces"][0] for picture in answer["images"]]
    difference = np.abs(
        np.array([face["probabilities"] for face in found])
        - np.array([face["probabilities"] for face in expected])
    )
    assert difference.shape == (100, 7)
    assert difference.max() < 1e-3
    assert [face["emotion"] for face in found] == [face["emotion"] for face in expected]


def test_a_photo_s_faces_are_the_server_s(page, caller):
    pair = np.full((512, 900, 3), 128, np.uint8)
    pair[:, :512] = skimage.data.astronaut()
    pair[100:356, 600:856] = skimage.data.astronaut()[::2, ::2]
    pictures = [png(skimage.data.astronaut()), png(pair), png(np.full((90, 120), 90, np.uint8))]
    found = ask(page, "inPicture", pictures)
    expected = [picture["faces"] for picture in caller.send(*pictures).json["images"]]
    assert [len(faces) for faces in found] == [len(faces) for faces in expected] == [1, 2, 0]
    for here, there in zip(itertools.chain(*found), itertools.chain(*expected), strict=True):
        assert here["emotion"] == there["emotion"]
        # The browser shrinks the searched picture in a way of its own, which moves boxes a little.
        side = there["box"][2] - there["box"][0]
        np.testing.assert_allclose(here["box"], there["box"], atol=0.06 * side)
        np.testing.assert_allclose(here["probabilities"], there["probabilities"], atol=0.1)


def test_a_person_chooses_a_photo_and_sees_names(page, tmp_path):
    path = tmp_path / "woman.png"
    path.write_bytes(png(skimage.data.astronaut()))
    page.set_input_files("#file", path)
    page.get_by_text("1 face found in").wait_for(timeout=60_000)
    assert page.locator("#name").inner_text() == "Happy"
    shares = page.locator("dd.share").all_inner_texts()
    assert sum(float(text.removesuffix(" %")) for text in shares) == pytest.approx(100, abs=0.5)
    path.write_bytes(b"no picture")
    page.set_input_files("#file", path)
    page.get_by_text("not a picture that the browser can read").wait_for()


def test_without_a_camera_the_page_says_what_to_do(page):
    page.get_by_role("button", name="Start camera").click()
    page.get_by_text("This device has no camera. Choose a photo instead.").wait_for()


def test_the_camera_names_the_face_in_front_of_it(playwright, site, tmp_path):
    woman = skimage.data.astronaut()[0:360, 60:420, ::-1]
    clip = write_clip(tmp_path / "face.mjpeg", np.ascontiguousarray(woman), seconds=2)
    with_camera = live_browser.open_browser(playwright, clip)
    page = with_camera.new_page()
    page.goto(site)
    page.get_by_text("Ready.").wait_for(timeout=120_000)
    page.get_by_role("button", name="Start camera").click()
    page.get_by_text("frames per second").wait_for(timeout=60_000)
    page.wait_for_function(
        "names => names.includes(document.getElementById('name').textContent.toLowerCase())",
        arg=list(EMOTIONS),
    )
    page.get_by_role("button", name="Stop camera").click()
    page.get_by_text("Camera stopped.").wait_for()
    with_camera.close()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ModelError, match="holds something else"):
        export_web(RUN, tmp_path, detector=Path("unused"))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
