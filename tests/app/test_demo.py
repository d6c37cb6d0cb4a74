"""A demo visitor who touches every widget of every page changes nothing on disk."""

import io
import shutil
import socket
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch
from streamlit.testing.v1 import AppTest

from emotion_core.data.sources import load_data
from emotion_core.data.synthetic import draw_face, synthetic_faces
from emotion_core.evaluation.report import evaluate_run
from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.paths import PROJECT
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.status import Status
from emotion_core.runs.trash import delete_run
from pages._ui.frame import PAGES
from tests.samples import face_clip
from tests.walk import disk, walk, widgets

DATA = "synthetic:70"
# What the owner has and a demo must not: the beginning of a key, or the label.
OWNERS = {
    "pages/dataset.py": ["get-fer2013", "data-duplicates", "augment-use"],
    "pages/training.py": ["train-start", "resume-", "final-", "delete-", "undo-", "clone-"],
    "pages/comparison.py": ["Measure latency on this machine", "measure-"],
    "pages/predictions.py": ["Draw the map"],
    "pages/live.py": ["Get YuNet (0.2 MB)", "live-record", "my-face-open"],
    "pages/run.py": ["run-name-", "run-tag-", "run-note-", "run-delete", "clone-", "final-"],
}
VIEWS = {
    "pages/comparison.py": [{"tab": "Cost"}, {"tab": "Robustness"}],
    "pages/predictions.py": [{"view": "Feature map"}],
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two evaluated runs, one that was stopped, one that was deleted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        data, root = load_data(DATA), tmp_path_factory.mktemp("written")
        patch.setenv("EMOTION_CHECKPOINTS", str(root))
        for seed in (0, 1):
            torch.manual_seed(seed)
            run = create_run(TrainConfig(data=DATA, seed=seed))
            model = create_model("sequential", width=8)
            save_checkpoint(
                run,
                model,
                architecture="sequential",
                options={"width": 8},
                preprocess=Preprocess(),
            )
            run.append_metrics({"epoch": 1, "train_loss": 2.0, "train_accuracy": 0.1,
                                "val_loss": 2.0, "val_accuracy": 0.1, "val_macro_f1": 0.1})  # fmt: skip
            evaluate_run(run, data, device="cpu")
            run.write_status(Status(state="finished"))
        for seed in (2, 3):
            run = create_run(TrainConfig(data=DATA, seed=seed))
            run.write_status(replace(run.status(), state="stopped"))
        delete_run(run)
        yield root


@pytest.fixture
def home(written, tmp_path, monkeypatch):
    """Everything of the user below one folder; the program reaches no network."""
    shutil.copytree(written, tmp_path / "checkpoints")
    (tmp_path / "work").mkdir()
    for name, place in (
        ("EMOTION_CHECKPOINTS", "checkpoints"),
        ("EMOTION_CACHE", "cache"),
        ("EMOTION_HOME", "home"),
        ("HOME", "user"),
        ("TMPDIR", "tmp"),
    ):
        (tmp_path / place).mkdir(exist_ok=True)
        monkeypatch.setenv(name, str(tmp_path / place))
    monkeypatch.delenv("EMOTION_YUNET", raising=False)
    # The only thing that AppTest lacks for the real component: a browser session to look up.
    for module in ("component", "shutdown"):
        monkeypatch.setattr(f"streamlit_webrtc.{module}.get_this_session_info", lambda: None)
    monkeypatch.setattr("emotion_core.live.yunet_file._from_package", lambda: None)
    monkeypatch.setenv("EMOTION_DATA_ROOTS", "")
    monkeypatch.chdir(tmp_path / "work")

    def refuse(self, address):
        raise OSError(f"{address} was called")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tmp_path


@pytest.fixture(scope="module")
def uploads():
    """A small file of each kind that a page takes."""
    zipped = io.BytesIO()
    faces = synthetic_faces(70, seed=1)
    with zipfile.ZipFile(zipped, "w") as archive:
        for row, image in enumerate(faces.images[:14]):
            archive.writestr(f"train/{'happy' if row % 2 else 'sad'}/{row}.png", _png(image))
    return {
        "zip": zipped.getvalue(),
        "png": _png(draw_face("happy", 1, size=96)),
        "mp4": face_clip(5, 2),
    }


def _png(image) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def open_page(file: str, **query) -> AppTest:
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=120)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    if file != "app.py":
        page.switch_page(file).run()
    assert not page.exception
    return page


def unchanged(home: Path):
    """The user's disk. A loaded network's graph is kept in the cache, which holds nothing else."""
    found = disk(home)
    return {
        name: value
        for name, value in found.items()
        if not Path(name).is_relative_to(home / "cache" / "onnx") and Path(name) != home / "cache"
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("file", [page.file for page in PAGES])
def test_a_demo_visitor_who_touches_everything_changes_nothing(file, home, uploads, monkeypatch):
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    page = open_page(file)
    project = disk(PROJECT / "checkpoints", PROJECT / ".streamlit")
    steps = walk(page, lambda: unchanged(home), uploads)
    assert steps or file in ("app.py", "pages/collect.py")  # these have nothing to touch
    assert disk(PROJECT / "checkpoints", PROJECT / ".streamlit") == project


@pytest.mark.parametrize("file", OWNERS)
def test_the_owners_controls_are_not_shown_to_a_demo_which_says_why(file, home, monkeypatch):
    monkeypatch.setenv("EMOTION_ACCESS", "owner")
    found, said = controls(file)
    assert {name for name in OWNERS[file] if any(key.startswith(name) for key in found)} == set(
        OWNERS[file]
    )
    assert "Only the owner may" not in said
    monkeypatch.setenv("EMOTION_ACCESS", "demo")
    found, said = controls(file)
    assert not [name for name in OWNERS[file] if any(key.startswith(name) for key in found)]
    assert "Only the owner may" in said


def controls(file: str) -> tuple[set[str], str]:
    """Keys and labels of a page's widgets, in every view that has some of the owner's; the captions."""
    found, said = set(), []
    for query in VIEWS.get(file, [{}]):
        page = open_page(file, **query)
        if file == "pages/dataset.py":  # FER-2013 is not there
            page.segmented_control(key="data-kind").set_value("FER-2013").run()
            found |= {node.key or node.proto.label for node in widgets(page)}
            page.segmented_control(key="data-kind").set_value("Synthetic faces").run()
        for run in list_runs() if file == "pages/training.py" else []:
            page.session_state[f"run-{run.name}-{run.status().state}"] = True
            page.run()
        found |= {node.key or node.proto.label for node in widgets(page)}
        said += [item.value for item in page.caption]
    return found, "\n".join(said)


@pytest.mark.parametrize(
    "writing",
    [
        'st.button("write", on_click=write)',
        'st.download_button("write", "content", on_click=write)',
        'st.toggle("write") and write()',
        'if st.text_input("a path") == "words": write()',
        'if st.selectbox("choice", ["a", "b", "c"]) == "c": write()',
        'if st.selectbox("choice", ["a"], accept_new_options=True) != "a": write()',
        'if st.segmented_control("choice", [":material/home: a", "b"]) == "b": write()',
        'if len(st.multiselect("choice", ["a", "b"])) > 1: write()',
        'if st.slider("number", 0, 9) == 9: write()',
        'if st.number_input("number", 0, 9) == 9: write()',
        'if st.file_uploader("a file"): write()',
        'if st.toggle("more") and st.button("nested"): write()',
    ],
)
def test_the_walk_finds_a_widget_that_writes(writing, tmp_path, uploads):
    script = (
        "import streamlit as st\nfrom pathlib import Path\n"
        f"def write(): Path({str(tmp_path / 'written')!r}).write_text('x')\n{writing}"
    )
    page = AppTest.from_string(script, default_timeout=60).run()
    assert not page.exception
    with pytest.raises(AssertionError, match="written"):
        walk(page, lambda: disk(tmp_path), uploads)


def test_the_walk_refuses_a_widget_that_it_does_not_know(tmp_path, uploads):
    page = AppTest.from_string("import streamlit as st\nst.camera_input('x')").run()
    with pytest.raises(AssertionError, match="camera_input"):
        walk(page, lambda: disk(tmp_path), uploads)


def test_the_runs_of_this_test_are_what_it_says(written):
    assert sorted(run.status().state for run in list_runs(written)) == [
        "finished",
        "finished",
        "stopped",
    ]
