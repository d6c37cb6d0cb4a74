"""Own faces in a real browser: photos, consent, labels by keys, undo, audit, and deletion for good."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from emotion_core.collect.query import list_faces
from emotion_core.collect.store import list_collections
from emotion_core.data.collection_file import collections_dir
from tests.browser.server import problems, start_server

WAIT_MS = 40_000


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    """Three pictures of one face that differ enough to be kept."""
    found = []
    face = skimage.data.astronaut()[..., ::-1]
    for number, picture in enumerate(
        (
            face,
            face[:, ::-1],
            cv2.warpAffine(face, np.float32([[1, 0.3, -60], [0.1, 1, 0]]), (512, 512)),
        )
    ):
        path = tmp_path / f"photo-{number}.jpg"
        cv2.imwrite(str(path), np.ascontiguousarray(picture))
        found.append(path)
    return found


@pytest.mark.timeout(600)
def test_uploaded_faces_are_labelled_by_keys_and_deleted_without_a_trace(
    browser, tmp_path, photos, monkeypatch
):
    home = tmp_path / "home"
    monkeypatch.setenv("EMOTION_HOME", str(home))
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FER2013_DIR", raising=False)
    server = start_server(tmp_path / "checkpoints")
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(WAIT_MS)
    main = page.get_by_test_id("stMain")
    try:
        page.goto(f"{server.url}/collect")
        main.get_by_label("Name of the new collection").fill("me")
        main.get_by_role("button", name="Make collection").click()

        # Nothing is kept before consent.
        main.get_by_role("radio", name="Add", exact=True).click()
        main.get_by_test_id("stFileUploaderDropzoneInput").set_input_files([*map(str, photos)])
        main.get_by_text("Suggest labels with @champion").click()  # there is no run here
        main.get_by_text("Nothing is kept before you agree above.").wait_for()
        assert not list(home.rglob("*.png"))
        main.get_by_text("I agree, and everybody").click()
        main.get_by_role("button", name="Add the faces").click()
        main.get_by_text("kept.").first.wait_for()

        # Keys label, and z takes back.
        main.get_by_role("radio", name="Faces", exact=True).click()
        faces = main.get_by_role("option")
        faces.first.wait_for()
        count = faces.count()
        assert count == list_faces("me")[1] >= 2
        faces.nth(0).click()
        page.keyboard.press("4")
        page.keyboard.press("7")
        main.get_by_text(f"2 of {count} labeled").wait_for()
        assert "happy" in faces.nth(0).get_attribute("aria-label")
        page.keyboard.press("z")
        main.get_by_text(f"1 of {count} labeled").wait_for()
        assert [item.label for item in list_faces("me")[0]].count("happy") == 1

        main.get_by_role("radio", name="Audit", exact=True).click()
        main.get_by_text("an audit needs").wait_for()

        # Deleted for good, no pixel is left.
        stored = [path.read_bytes() for path in collections_dir().rglob("*.png")]
        assert stored
        main.get_by_role("button", name="Manage").click()
        page.get_by_role("button", name="Delete collection").click()
        main.get_by_role("button", name="Delete permanently").click()
        main.get_by_role("button", name="Delete permanently").wait_for(state="hidden")
        assert list_collections() == []
        left = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
        assert not any(pixels in data for pixels in stored for data in left)
    finally:
        page.context.close()
        server.stop()
    assert not problems(server), server.log()
