"""Faces from a running camera in a real browser: consent, "Wrong?", the bin, recording, promotion.

The camera shows one photographed face after the other, so that each is another one to keep.
"""

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from benchmarks.browser import open_browser
from benchmarks.live_page import LivePage, write_clip
from emotion_core.collect.query import list_faces
from emotion_core.paths import PROJECT
from emotion_core.runs import registry
from emotion_core.runs.catalog import champion, load_run
from tests.browser.server import problems, start_server

RUNS = ("mobilenet_v1", "sequential")  # shipped


@pytest.fixture
def home(tmp_path, monkeypatch):
    found = tmp_path / "home"
    for name, place in (
        ("EMOTION_HOME", found),
        ("EMOTION_CACHE", tmp_path / "cache"),
        ("EMOTION_CHECKPOINTS", tmp_path / "checkpoints"),
    ):
        monkeypatch.setenv(name, str(place))
    monkeypatch.setenv("EMOTION_ICE_LOOPBACK", "1")
    monkeypatch.delenv("FER2013_DIR", raising=False)
    for name in RUNS:
        if not (PROJECT / "checkpoints" / name / "model.safetensors").exists():
            pytest.skip("the shipped runs are not here")
        shutil.copytree(PROJECT / "checkpoints" / name, tmp_path / "checkpoints" / name)
    return found


@pytest.fixture
def live(home, playwright, tmp_path):
    """A Live page before Start, in a browser with a camera."""
    face = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)[20:220, 124:324]
    face = cv2.resize(face, (360, 360))
    tilt = cv2.getRotationMatrix2D((180, 180), 20, 1.0)
    faces = [face, face[:, ::-1], cv2.warpAffine(face, tilt, (360, 360), borderMode=1)]
    clip = write_clip(tmp_path / "faces.mjpeg", *map(np.ascontiguousarray, faces), seconds=9)
    server = start_server(tmp_path / "checkpoints")
    with open_browser(playwright, clip) as browser:
        page = LivePage(browser, server)
        yield page
        page.close()
    server.stop()
    assert not problems(server), server.log()


def pictures(home: Path) -> list[Path]:
    return sorted(home.rglob("*.png"))


@pytest.mark.timeout(900)
def test_wrong_faces_are_labelled_after_consent_and_the_bin_takes_them_back(live, home):
    live.open()
    live.start()
    live.until(lambda: live.probe()["faces"], "a face")
    main = live.page.get_by_test_id("stMain")
    main.get_by_text("No picture is saved unless you download it or record it.").wait_for()
    assert not main.get_by_role("button", name="Wrong?").count()

    # Nothing is on the disk before consent.
    main.get_by_text("Correct the model").click()
    collection = main.get_by_role("combobox", name="Collection")
    collection.fill("me")
    collection.press("Enter")
    main.get_by_text("Nothing is kept before you agree.").wait_for()
    assert main.get_by_role("button", name="Wrong?").is_disabled()
    assert not home.exists()
    main.get_by_text("I agree, and everybody").click()
    main.get_by_text("Faces that you correct are kept in the collection me").wait_for()
    assert not pictures(home)

    # Two faces: the second one waits until the camera shows another.
    for count, label in enumerate(("sad", "fear"), start=1):
        main.get_by_role("button", name="Wrong?").click()
        main.get_by_text("What does this face show?").wait_for()
        assert len(pictures(home)) == 2 * (count - 1)  # in memory alone
        main.get_by_role("button", name=label, exact=True).click()
        main.get_by_text(f"Kept as {label}.").wait_for()
        main.get_by_text(f"{count} face{'s' * (count > 1)} kept").wait_for()
    items = list_faces("me")[0]
    assert sorted(item.label for item in items) == ["fear", "sad"]
    assert {(item.by, item.source) for item in items} == {("person", "live")}
    assert all(item.answer and item.confidence for item in items)  # what the model said
    assert len(pictures(home)) == 4  # 48 and 112 pixels each

    main.get_by_role("button", name="All", exact=True).click()
    main.get_by_text("0 faces kept").wait_for()
    assert list_faces("me")[1] == 0
    main.get_by_role("button", name="Undo: 2 back").click()
    main.get_by_text("2 faces kept").wait_for()
    assert list_faces("me")[1] == 2
    assert live.probe()["failed"] == 0

    # Another run is promoted elsewhere: the stream uses it without a restart.
    old = champion().name
    new = next(name for name in RUNS if name != old)
    registry.promote(load_run(new), load_run(old))
    main.get_by_text(
        re.compile(rf"@champion is .* · {new} now, and the stream uses it. It was .* · {old}\.")
    ).wait_for()
    frames = live.probe()["frames"]
    live.until(lambda: live.probe()["frames"] > frames + 5, "further frames worked on")
    main.get_by_text(re.compile(rf"@champion is .* · {new}\.")).first.wait_for()
    live.until(lambda: live.probe()["running"], "a running stream")  # a busy machine stutters
    assert live.probe()["failed"] == 0


@pytest.mark.timeout(900)
def test_an_expression_is_recorded_while_a_key_is_held(live, home):
    page, main = live.page, live.page.get_by_test_id("stMain")
    live.open("collect")
    main.get_by_label("Name of the new collection").fill("me")
    main.get_by_role("button", name="Make collection").click()
    main.get_by_role("radio", name="Camera").click()
    live.find_stream()
    live.start()
    live.until(lambda: live.probe()["faces"], "a face")
    main.get_by_text("Agree above first.").wait_for()
    assert page.get_by_role("button", name="Record happy").is_disabled()
    assert not pictures(home)

    main.get_by_text("I agree, and everybody").click()
    happy = page.get_by_role("button", name="Record happy")
    live.until(happy.is_enabled, "buttons that can be held")
    page.keyboard.down("4")
    main.get_by_text("Recording happy.").wait_for()
    live.until(lambda: list_faces("me")[1] >= 2, "two recorded faces")
    live.until(lambda: main.get_by_text("nearly the same as another one").count(), "a reason")
    page.keyboard.up("4")
    main.get_by_text("Recording happy.").wait_for(state="hidden")
    page.wait_for_timeout(2500)
    count = list_faces("me")[1]
    assert {(item.label, item.by, item.source) for item in list_faces("me")[0]} == {
        ("happy", "person", "camera")
    }
    page.get_by_role("button", name=f"Record happy, key 4, {count} of 20").wait_for()
    page.wait_for_timeout(2000)
    assert list_faces("me")[1] == count  # nothing is recorded after the release

    box = page.get_by_role("button", name="Record sad").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    live.until(lambda: "sad" in {item.label for item in list_faces("me")[0]}, "a sad face")
    page.mouse.up()
    assert live.probe()["failed"] == 0
