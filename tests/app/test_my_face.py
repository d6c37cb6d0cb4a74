"""My face on the Live page without a browser: profiles chosen, refused, listed, deleted; the minute's end."""

import itertools
import shutil
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import skimage.data
from streamlit.testing.v1 import AppTest

from emotion_core.data.synthetic import draw_face
from emotion_core.files import sha256_file
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import load_classifier
from emotion_core.paths import PROJECT
from emotion_core.personal import diary
from emotion_core.personal.diagnose import View
from emotion_core.personal.guide import LiveMinute
from emotion_core.personal.head import Head, fit_head, last_layer
from emotion_core.personal.minute import GuidedMinute, Kind
from emotion_core.personal.profile import Profile
from emotion_core.personal.profile_files import list_profiles, save_profile
from emotion_core.personal.recorder import LiveDiary
from emotion_core.personal.takes import Outcome
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.run import Run
from pages._ui.live import my_face
from tests.app.test_live_page import trained
from tests.samples import face_clip

__all__ = ["trained"]  # a fixture

SAD = EMOTIONS.index("sad")


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    root = tmp_path / "checkpoints"
    shutil.copytree(trained, root)
    for name, place in (("CHECKPOINTS", root), ("CACHE", "cache"), ("HOME", "home")):
        monkeypatch.setenv(f"EMOTION_{name}", str(tmp_path / place))
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
    assert any("without profile" in option for option in second.options)
    second.set_value(run.name).run()
    play(stream)
    face = stream.state().result.faces[0]
    assert face.raw_probs[SAD] > 0.99 > face.second.raw_probs[SAD]
    assert stream.names == ("Sequential for me", "Sequential")
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
    assert "the general model answers" in texts(page)
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


def element(page: AppTest, kind: str, key: str):
    return next((item for item in getattr(page, kind) if item.key == key), None)


def test_the_minute_is_offered_to_an_owner_with_a_camera_alone(folder, monkeypatch):
    page = open_live()
    page.button(key="my-face-open").click().run()
    assert not page.exception and page.button(key="my-face-begin").disabled  # nothing plays
    assert "Press Start first" in texts(page)
    page.segmented_control(key="live-source").set_value("Drawn faces").run()
    assert element(page, "button", "my-face-open") is None
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    assert element(open_live(), "button", "my-face-open") is None


def attempt_of(page: AppTest, pictures: bool = False) -> GuidedMinute:
    """Begin a minute as the button does, with a clock that stands."""
    stream = page.session_state["live-stream"]
    minute = GuidedMinute(clock=lambda: next(seconds), pace=1.0)
    seconds = itertools.count(0, 0.25)
    stream.watcher = LiveMinute(minute)
    page.session_state["my-face-attempt"] = my_face._Attempt(stream.watcher, "me", pictures)
    return minute


def show(minute: GuidedMinute, *, still: bool = False) -> None:
    """Go through the minute with a drawn person's face."""
    while (stage := minute.stage()).kind is not Kind.DONE:
        name = "neutral" if still else stage.emotion
        minute.see(draw_face(name, (77, 6), clean=True, intensity=1.1), View(120, 2, 0.1))


@pytest.fixture
def weak_pull(monkeypatch):
    """Features of an unlearned network differ little; the usual pull would hide what is tested."""
    monkeypatch.setitem(fit_head.__kwdefaults__, "pull", 0.001)


def test_after_the_minute_the_profile_is_kept_used_and_listed(folder, weak_pull, tmp_path):
    page = open_live()
    minute = attempt_of(page)
    show(minute)
    page.run()
    assert not page.exception
    (told,) = [item.value for item in page.success]
    assert told.startswith("On your second take: before") and "90 % interval" in told
    assert "Profile 'me' is kept and in use" in told
    assert page.selectbox(key="live-profile").value == "me"
    stream = page.session_state["live-stream"]
    assert stream.pipeline.classifier.profile == "me" and stream.watcher is None
    assert page.session_state["my-face-attempt"].watcher.minute.takes() == {}  # faces are let go
    assert not list(tmp_path.rglob("*.png"))
    assert "Profiles" in [item.value for item in page.header]
    page.button(key="my-face-close").click().run()
    assert not page.success and "my-face-attempt" not in page.session_state
    page.button(key="my-profile-delete-me").click().run()
    page.button(key="my-profile-sure").click().run()
    assert not page.exception and list_profiles() == []
    assert "Profiles" not in [item.value for item in page.header]
    assert stream.pipeline.classifier.profile == ""
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_what_does_not_help_is_not_kept_and_the_page_says_why(folder, tmp_path):
    page = open_live()
    show(attempt_of(page, pictures=True), still=True)
    page.run()
    assert not page.exception
    (told,) = [item.value for item in page.warning]
    assert "On your second take: before" in told and "**not kept**" in told
    html = "\n".join(item.proto.body for item in page.get("html"))
    assert "my-face-why" in html and "classified as" in html
    assert not (tmp_path / "home").exists()
    assert element(page, "selectbox", "live-profile") is None


def test_a_stream_that_does_not_play_stops_the_minute(folder, tmp_path):
    page = open_live()
    minute = attempt_of(page)
    minute.see(draw_face("neutral", (77, 6)))
    page.run()
    assert "The minute was stopped. Nothing of it is kept." in texts(page)
    assert minute.takes() == {} and page.session_state["live-stream"].watcher is None
    assert not (tmp_path / "home").exists()


def test_posed_expressions_stay_out_of_the_diary(folder):
    diary.switch_on()
    page = open_live()
    stream = page.session_state["live-stream"]
    assert isinstance(stream.watcher, LiveDiary)
    show(attempt_of(page))
    page.run()
    assert isinstance(stream.watcher, LiveDiary)  # again, once the minute is over
