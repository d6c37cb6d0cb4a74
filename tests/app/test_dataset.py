"""The Dataset page: every way to bring data, what is shown of it, and what is said when it fails."""

import io
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.data.faces import SPLITS
from emotion_core.data.fer2013 import COUNTS
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.labels import EMOTIONS
from emotion_core.paths import PROJECT
from emotion_core.plots.dataset import counts_of_split, imbalance, imbalance_reading


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path / "runs"))
    monkeypatch.setenv("FER2013_DIR", str(tmp_path / "not-here"))
    monkeypatch.setattr("emotion_core.data.fer2013.PROJECT", tmp_path)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    """140 drawn faces as files of a folder tree."""
    data = synthetic_faces(140, seed=5)
    return {
        f"{SPLITS[split]}/{EMOTIONS[label]}/{name}.png": cv2.imencode(".png", image)[1].tobytes()
        for image, label, split, name in zip(
            data.images, data.labels, data.splits, data.ids, strict=True
        )
    }


@pytest.fixture
def folder(tmp_path, pictures) -> Path:
    for name, content in pictures.items():
        path = tmp_path / "my faces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "my faces"


def open_dataset(data: str | None = "synthetic:140", address: str | None = None) -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=200)
    if data:
        page.session_state["data"] = data
    page.run()
    page.switch_page("pages/dataset.py")
    if address:
        page.query_params["data"] = address
    return checked(page.run())


def checked(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def give_path(page: AppTest, path: object) -> AppTest:
    page.segmented_control(key="data-kind").set_value("Folder or file").run()
    return checked(page.text_input(key="data-path").set_value(str(path)).run())


def metrics(page: AppTest) -> dict[str, str]:
    return {item.label: item.value for item in page.metric}


def texts(page: AppTest) -> str:
    items = [*page.markdown, *page.caption, *page.info, *page.error, *page.header, *page.subheader]
    return "\n".join(str(item.value) for item in items)


def pictures_shown(page: AppTest) -> list[str]:
    """The faces' PNGs in the order of the page."""
    found = []
    for block in page.get("html"):
        found += [part.split('"')[0] for part in block.proto.body.split("base64,")[1:]]
    return found


def test_the_default_is_the_drawn_faces_and_says_so():
    page = open_dataset(None)
    assert metrics(page) == {
        "Faces": "2,800",
        "Training": "2,240",
        "Validation": "280",
        "Test": "280",
        "Imbalance": "1.0 : 1",
    }
    assert any("synthetic" in item.value for item in page.markdown)
    assert page.session_state["data"] == "synthetic"
    assert "All emotions are about equally frequent." in texts(page)


def test_a_folder_is_shown_chosen_and_remembered(folder):
    page = give_path(open_dataset(), folder)
    assert metrics(page)["Faces"] == "140"
    assert "my faces" in texts(page)
    assert page.session_state["data"] == str(folder)
    assert page.query_params["data"] in (str(folder), [str(folder)])
    again = open_dataset()
    again.segmented_control(key="data-kind").set_value("Folder or file").run()
    recent = again.button_group(key="data-recent")
    assert any("my faces" in option for option in (str(item) for item in recent.options))
    checked(recent.set_value(str(folder)).run())
    assert again.text_input(key="data-path").value == str(folder)
    assert again.session_state["data"] == str(folder)


def test_a_test_set_alone_is_shown(folder):
    for split in ("train", "val"):
        shutil.rmtree(folder / split, ignore_errors=True)
    page = give_path(open_dataset(), folder)
    assert metrics(page)["Faces"] == metrics(page)["Test"]
    assert len(pictures_shown(page)) > 7 + 16  # mean faces and draws of one face


def open_linked(address: str) -> AppTest:
    """Follow a link to a data set on this computer, which is read after a click."""
    page = open_dataset(None, address=address)
    assert not page.metric and not page.error
    return checked(page.button(key="data-open").click().run())


@pytest.mark.parametrize("place", ["{}/absent", "{}", "/etc/passwd#labels=/etc/passwd"])
def test_a_link_makes_nobody_read_a_path_unasked(place, folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a path of a link was looked at")

    monkeypatch.setattr("emotion_core.data.sources.source_path", refuse)
    monkeypatch.setattr("emotion_core.data.label_tables.user_path", refuse)
    page = open_dataset(None, address=place.format(folder))
    assert page.text_input(key="data-path").value == place.format(folder).partition("#")[0]
    assert "A link asks for this path" in page.info[0].value
    assert not page.error and "data" not in page.session_state


def test_another_path_than_the_link_s_is_read_at_once(folder):
    page = open_dataset(None, address="/etc/passwd")
    page = checked(page.text_input(key="data-path").set_value(str(folder)).run())
    assert metrics(page)["Faces"] == "140"


def test_the_address_names_the_data(folder):
    page = open_linked(str(folder))
    assert metrics(page)["Faces"] == "140"
    assert page.session_state["data"] == str(folder)


def test_numbers_of_another_data_set_are_read_by_the_chosen_table(tmp_path):
    faces = synthetic_faces(70, seed=3)
    order = ["surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"]  # RAF-DB's
    rows = [
        f"{1 + order.index(EMOTIONS[label])},{' '.join(map(str, image.ravel()))},"
        f"{'PublicTest' if split == 2 else 'Training'}"
        for image, label, split in zip(faces.images, faces.labels, faces.splits, strict=True)
    ]
    path = tmp_path / "raf.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    page = give_path(open_dataset(), path)
    assert "labels are the numbers 1, 2, 3, 4, 5, 6, 7" in page.error[0].value
    checked(page.selectbox(key="data-labels").set_value("raf-db").run())
    assert metrics(page)["Faces"] == "70"
    assert page.session_state["data"] == f"{path}#labels=raf-db"
    again = open_linked(f"{path}#labels=raf-db")
    assert metrics(again)["Faces"] == "70"
    assert again.selectbox(key="data-labels").value == "raf-db"
    other = give_path(again, tmp_path / "nothing")
    assert other.selectbox(key="data-labels").value == ""


def test_a_wrong_path_is_told_and_the_choice_stays(tmp_path):
    page = give_path(open_dataset(), tmp_path / "nothing")
    assert "No file or folder at" in page.error[0].value
    assert page.session_state["data"] == "synthetic:140"
    assert not page.metric


def test_a_source_that_changes_is_read_again(folder, monkeypatch):
    monkeypatch.setattr("pages._ui.cache.LOOK_AGAIN", 0.0)
    page = give_path(open_dataset(), folder)
    next(folder.rglob("*.png")).unlink()
    checked(page.run())
    assert metrics(page)["Faces"] == "139"


def zipped(pictures: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in pictures.items():
            archive.writestr(name, content)
    return out.getvalue()


def upload(page: AppTest, name: str, content: bytes) -> AppTest:
    page.segmented_control(key="data-kind").set_value("Upload a zip").run()
    page.file_uploader(key="data-zip").set_value((name, content, "application/zip"))
    return checked(page.run())


def test_a_zip_is_uploaded_and_another_of_the_same_name_is_another(pictures):
    page = upload(open_dataset(), "data.zip", zipped(pictures))
    assert metrics(page)["Faces"] == "140"
    fewer = dict(list(pictures.items())[1:])
    other = upload(open_dataset(), "data.zip", zipped(fewer))
    assert metrics(other)["Faces"] == "139"
    assert page.session_state["data"] != other.session_state["data"]


@pytest.mark.parametrize("letter", ["\N{GRINNING FACE}", "漢", "e\N{COMBINING ACUTE ACCENT}"])
def test_an_upload_with_the_longest_name_is_kept(pictures, letter):
    page = upload(open_dataset(), letter * 80 + ".zip", zipped(pictures))
    assert metrics(page)["Faces"] == "140"


def test_a_damaged_list_of_recent_paths_and_a_cache_that_cannot_be_written_do_no_harm(
    folder, cache
):
    cache.mkdir(exist_ok=True)
    (cache / "recent.json").write_text("[" * 50_000)
    page = give_path(open_dataset(), folder)
    assert metrics(page)["Faces"] == "140"
    shutil.rmtree(cache)
    cache.write_text("a file where the folder should be")
    next(folder.rglob("*.png")).unlink()
    page = give_path(open_dataset(), folder)
    assert metrics(page)["Faces"] == "139"
    assert "not kept in" in page.dataframe[0].value.to_string()


def test_a_bad_zip_is_told_and_does_not_stay(cache):
    page = upload(open_dataset(), "data.zip", zipped({"../evil.png": b"x"}))
    assert "leads outside the archive" in page.error[0].value
    assert not list((cache / "uploads").rglob("*.zip"))
    assert page.session_state["data"] == "synthetic:140"


def test_without_fer2013_the_page_says_how_to_get_it(monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # no network, wherever the test runs
    page = open_dataset()
    page.segmented_control(key="data-kind").set_value("FER-2013")
    checked(page.run())
    assert "FER-2013 is not on this machine yet" in page.info[0].value
    button = next(item for item in page.button if item.key == "get-fer2013")
    checked(button.click().run())
    assert "could not be downloaded" in page.error[0].value
    assert "kaggle.com" in page.error[0].value


def test_reshuffle_shows_other_faces_and_a_split_has_its_own():
    page = open_dataset()
    first = pictures_shown(page)
    assert len(set(first)) > 7 * 8
    button = next(item for item in page.button if item.key == "data-shuffle")
    checked(button.click().run())
    assert pictures_shown(page) != first
    page.segmented_control(key="data-split").set_value("test").run()
    test_faces = pictures_shown(checked(page))
    assert len(test_faces) < len(first)


def test_no_augmentation_gives_the_same_face_and_a_stronger_one_others():
    page = open_dataset()
    for slider in page.slider:
        slider.set_value(0)
    checked(page.run())
    still = pictures_shown(page)[-16:]
    page.slider(key="augment-rotation").set_value(45)
    turned = pictures_shown(checked(page.run()))[-16:]
    assert turned[0] == still[0]  # the original
    assert len(set(still)) == 1  # nothing changes a face
    assert len(set(turned)) == 16


def test_what_was_fixed_on_import_is_listed(folder, pictures):
    (folder / "train" / "sad" / "torn.png").write_bytes(next(iter(pictures.values()))[:100])
    big = cv2.resize(np.full((60, 90, 3), 90, np.uint8), (90, 60))
    cv2.imwrite(str(folder / "train" / "sad" / "big.png"), big)
    (folder / "train" / "sad" / "\udce9.png").write_bytes(b"no picture")  # a name in Latin-1
    page = give_path(open_dataset(), folder)
    notes = page.dataframe[0].value
    told = dict(zip(notes["What"], notes["Message"], strict=True))
    assert told["train/sad/torn.png"] == "truncated PNG"
    assert told["train/sad/\\udce9.png"] == "not a picture that can be read"
    assert "converted from color to gray" in set(notes["Message"])


def test_bars_tell_counts_shares_and_the_published_figures():
    counts = COUNTS["train"]
    fig = counts_of_split(counts, "train", COUNTS["train"])
    bars, published = fig.data
    assert list(bars.y) == list(EMOTIONS)
    assert list(bars.x) == list(published.x) == list(counts.values())
    assert bars.text[EMOTIONS.index("happy")] == "7,215 · 25.1 %"


def test_the_imbalance_is_the_largest_class_by_the_smallest():
    assert imbalance(COUNTS["train"]) == ("happy", "disgust", pytest.approx(16.548, abs=1e-3))
    assert "16.5 times as frequent as disgust" in imbalance_reading(COUNTS["train"])
    none = dict.fromkeys(EMOTIONS, 5) | {"fear": 0}
    assert "no image of fear" in imbalance_reading(none)


def test_duplicates_and_leaks_are_counted_on_one_click(folder):
    face = next((folder / "train" / "happy").iterdir())
    shutil.copy(face, folder / "test" / "sad" / "twin.png")
    page = give_path(open_dataset(), folder)
    assert "repeat a photograph" not in texts(page)
    checked(page.button(key="data-duplicates").click().run())
    said = texts(page)
    assert "1 of 15 test images (6.7 %) shows a photograph that is also in training" in said
    assert "1 photograph carries more than one label" in said
    counts = dict(
        zip(*(page.dataframe[0].value[name] for name in ("Count of", "Number")), strict=True)
    )
    assert counts["test images identical to a training image"] == 1
    assert "data-duplicates" not in [button.key for button in page.button]


def test_augmentation_goes_to_the_training_form_with_one_click():
    page = open_dataset()
    page.slider(key="augment-rotation").set_value(30)
    page.slider(key="augment-blur").set_value(25)
    checked(page.run())
    checked(page.button(key="augment-use").click().run())
    assert page.title[0].value == "Training"
    assert page.number_input(key="train-ours-rotation").value == 30.0
    assert page.number_input(key="train-ours-blur").value == 0.25
    assert page.selectbox(key="train-data").value == "synthetic:140"
