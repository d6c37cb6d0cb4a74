"""Profiles on the Live page without a browser: chosen, refused, listed, deleted; hidden from a demo."""

import shutil
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import skimage.data
from streamlit.testing.v1 import AppTest

from emotion_core.files import sha256_file
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import load_classifier
from emotion_core.paths import PROJECT
from emotion_core.personal.head import Head, last_layer
from emotion_core.personal.profile import Profile
from emotion_core.personal.profile_files import save_profile
from emotion_core.personal.takes import Outcome
from emotion_core.recipes import recipe_config
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status, now
from tests.samples import face_clip, write_untrained

SAD = EMOTIONS.index("sad")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two runs with (untrained) weights."""
    root = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        run = create_run(recipe_config("best", "sequential", data="synthetic", seed=seed), root)
        write_untrained(run, seed)
        run.write_status(Status(state="stopped", created=now(), epochs=1))
    return root


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    root = tmp_path / "checkpoints"
    shutil.copytree(trained, root)
    for name, place in (("CHECKPOINTS", root), ("CACHE", "cache"), ("HOME", "home")):
        monkeypatch.setenv(f"EMOTION_{name}", str(tmp_path / place))
    monkeypatch.setenv("EMOTION_OFFLINE", "1")
    monkeypatch.delenv("EMOTION_YUNET", raising=False)
    # The only thing that AppTest lacks for the real component: a browser session to look up.
    for module in ("component", "shutdown"):
        monkeypatch.setattr(f"streamlit_webrtc.{module}.get_this_session_info", lambda: None)
    return root


def always_sad(name: str, run: Run) -> Profile:
    """A profile that answers sad to everything."""
    width = last_layer(load_classifier(run).model).in_features
    weights = np.zeros((7, width), np.float32)
    bias = np.where(np.arange(7) == SAD, 50.0, 0.0).astype(np.float32)
    gained = Outcome(0.2, 0.8, 0.1, 0.9, (3, 4, 5), (0.2,) * 3, (0.8,) * 3)
    digest = sha256_file(run.weights_path)
    return Profile(name, run.name, digest, "2026-01-01T00:00:00+00:00", gained, Head(weights, bias))


def open_live() -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=90).run()
    page.switch_page("pages/live.py").run()
    assert not page.exception, page.exception[0].message
    return page


def texts(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.info, *page.warning, *page.error]
    return "\n".join(item.value for item in parts)


def astronaut() -> np.ndarray:
    image = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    return np.ascontiguousarray(cv2.resize(image, (640, 640))[:480])


def play(stream, frames: int = 5) -> None:
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(astronaut(), format="bgr24")
        frame.pts, frame.time_base = number * 3000, Fraction(1, 90_000)
        stream.process(frame)


def used_run(page: AppTest, folder) -> Run:
    name = page.session_state["live-stream"].pipeline.classifier.name
    return next(run for run in list_runs(folder) if run.name == name)


def test_without_a_profile_there_is_no_picker(folder):
    page = open_live()
    assert "live-profile" not in [item.key for item in page.selectbox]


def test_a_chosen_profile_answers_and_everybody_keeps_the_general_model(folder):
    page = open_live()
    run, stream = used_run(page, folder), page.session_state["live-stream"]
    play(stream)
    general = stream.state().result.faces[0].raw_probs
    save_profile(always_sad("me", run))
    page.run()
    picker = page.selectbox(key="live-profile")
    assert picker.options == ["everybody", "me"] and picker.value == ""
    play(stream)
    assert np.allclose(stream.state().result.faces[0].raw_probs, general, atol=1e-3)
    picker.set_value("me").run()
    play(stream)
    face = stream.state().result.faces[0]
    assert face.raw_probs[SAD] > 0.99 and general[SAD] < 0.9
    other = open_live()  # another session
    play(other.session_state["live-stream"])
    answer = other.session_state["live-stream"].state().result.faces[0].raw_probs
    assert np.allclose(answer, general, atol=1e-3)
    page.selectbox(key="live-profile").set_value("").run()
    play(stream)
    assert np.allclose(stream.state().result.faces[0].raw_probs, general, atol=1e-3)


def test_a_profile_is_compared_with_everybodys_model(folder):
    page = open_live()
    run, stream = used_run(page, folder), page.session_state["live-stream"]
    save_profile(always_sad("me", run))
    page.run()
    page.selectbox(key="live-profile").set_value("me").run()
    second = page.selectbox(key="live-second")
    assert any("for everybody" in option for option in second.options)
    second.set_value(run.name).run()
    play(stream)
    face = stream.state().result.faces[0]
    assert face.raw_probs[SAD] > 0.99 > face.second.raw_probs[SAD]
    assert stream.names == ("sequential for me", "sequential")
    page.selectbox(key="live-profile").set_value("").run()
    assert page.selectbox(key="live-second").value == "" and stream.pipeline.second is None


def test_a_profile_of_another_run_is_refused_and_everybodys_model_stays(folder):
    page = open_live()
    run, stream = used_run(page, folder), page.session_state["live-stream"]
    other = next(item for item in list_runs(folder) if item.name != run.name)
    save_profile(always_sad("me", other))
    page.run()
    assert f"me (made for {other.name})" in page.selectbox(key="live-profile").options
    page.selectbox(key="live-profile").set_value("me").run()
    assert f"Profile 'me' was made with run '{other.name}'" in texts(page)
    assert "everybody's model answers" in texts(page)
    assert stream.pipeline.classifier.profile == ""
    page.selectbox(key="live-model").set_value(other.name).run()
    assert not page.warning and stream.pipeline.classifier.profile == "me"


def test_a_profile_answers_for_a_photograph(folder):
    page = open_live()
    save_profile(always_sad("me", used_run(page, folder)))
    page.run()
    page.segmented_control(key="live-source").set_value("Photo").run()
    page.selectbox(key="live-profile").set_value("me").run()
    page._fragment_storage.clear()  # the camera's, which are not on the page any more
    data = cv2.imencode(".png", astronaut())[1].tobytes()
    page.get("file_uploader")[0].upload("a.png", data, "image/png").run()
    assert not page.exception
    assert "sad 100 %" in "\n".join(item.proto.body for item in page.get("html"))


def test_a_video_is_analyzed_with_the_profile(folder):
    page = open_live()
    save_profile(always_sad("me", used_run(page, folder)))
    page.run()
    page.selectbox(key="live-profile").set_value("me").run()
    page.segmented_control(key="live-source").set_value("Video").run()
    page.segmented_control(key="live-video-mode").set_value("Analyze").run()
    page.get("file_uploader")[0].upload("a.mp4", face_clip(10, 2), "video/mp4").run()
    page.button(key="live-video-start").click().run()
    job = page.session_state["live-video-job"]
    result = job.wait(60).result
    assert result.rows and {row["emotion"] for row in result.rows} == {"sad"}
    page.run()
    assert "for me" in texts(page)


def test_a_visitor_of_a_demo_sees_no_profile(folder, monkeypatch):
    page = open_live()
    save_profile(always_sad("me", used_run(page, folder)))
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    page = open_live()
    assert "live-profile" not in [item.key for item in page.selectbox]
    assert "me" not in texts(page).split()
