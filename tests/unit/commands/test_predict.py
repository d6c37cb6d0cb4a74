"""``predict``: what one input does loses nothing of the others; what is no picture is named."""

import csv
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from emotion_core.cli import main
from emotion_core.commands.predict import _Copies
from emotion_core.files import sha256_file
from emotion_core.labels import EMOTIONS
from emotion_core.live import photo_file
from emotion_core.models.checkpoint import load_classifier
from emotion_core.personal.head import Head, last_layer
from emotion_core.personal.profile import Profile
from emotion_core.personal.profile_files import save_profile
from emotion_core.personal.takes import Outcome
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import load_run
from emotion_core.runs.create import create_run
from tests.samples import write_untrained


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> str:
    made = create_run(TrainConfig(), root=tmp_path_factory.mktemp("runs"))
    write_untrained(made, 0)
    return str(made.path)


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """The working folder, with the picture ``woman.jpg``."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("woman.jpg", np.ascontiguousarray(skimage.data.astronaut()[..., ::-1]))
    return tmp_path


def rows(path: str = "out.csv") -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pictures_of_equal_name_get_copies_of_their_own():
    copies = _Copies("drawn")
    paths = map(Path, ("a/1.jpg", "b/1.jpg", "2.jpg", "1.png"))
    names = [copies.name(path) for path in paths]
    assert names == ["1-emotions.jpg", "1-emotions-2.jpg", "2-emotions.jpg", "1-emotions-3.jpg"]


def test_a_name_that_is_not_utf_8_is_told_and_written(run, place, capsys):
    odd = os.fsdecode(b"caf\xe9.jpg")
    shutil.copy("woman.jpg", odd)
    options = ["--detector", "haar", "--csv", "out.csv", "--annotate", "drawn"]
    assert main(["predict", run, odd, "woman.jpg", *options]) == 0
    assert capsys.readouterr().out.startswith("caf\\xe9.jpg: 1 face\n")
    assert [row["image"] for row in rows()] == [r"caf\xe9.jpg", "woman.jpg"]
    assert (place / "drawn" / os.fsdecode(b"caf\xe9-emotions.jpg")).exists()


def test_names_neither_colour_the_terminal_nor_are_formulas(run, place, capsys):
    for name in ("=1+1.jpg", "a\x1b[31m\nb.jpg"):
        shutil.copy("woman.jpg", name)
    names = ["=1+1.jpg", "a\x1b[31m\nb.jpg"]
    assert main(["predict", run, *names, "--whole", "--csv", "out.csv"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and len(out.splitlines()) == 4
    assert [row["image"] for row in rows()] == ["'=1+1.jpg", r"a\x1b[31m\nb.jpg"]


@pytest.mark.parametrize(
    "error", [ValueError("odd"), MemoryError(), cv2.error("bad"), RecursionError()]
)
def test_whatever_one_picture_does_the_others_are_kept(run, place, capsys, monkeypatch, error):
    real = photo_file.read_image

    def read(data: bytes, name: str) -> np.ndarray:
        if name == "bad.jpg":
            raise error
        return real(data, name)

    monkeypatch.setattr(photo_file, "read_image", read)
    shutil.copy("woman.jpg", "bad.jpg")
    shutil.copy("woman.jpg", "last.jpg")
    names = ["woman.jpg", "bad.jpg", "last.jpg"]
    assert main(["predict", run, *names, "--whole", "--csv", "out.csv"]) == 2
    assert f"error: bad.jpg: {type(error).__name__}" in capsys.readouterr().err
    assert [row["image"] for row in rows()] == ["woman.jpg", "last.jpg"]


def test_what_was_found_before_ctrl_c_is_written(run, place, monkeypatch):
    real = photo_file.read_image

    def read(data: bytes, name: str) -> np.ndarray:
        if name == "slow.jpg":
            raise KeyboardInterrupt
        return real(data, name)

    monkeypatch.setattr(photo_file, "read_image", read)
    shutil.copy("woman.jpg", "slow.jpg")
    assert main(["predict", run, "woman.jpg", "slow.jpg", "--whole", "--csv", "out.csv"]) == 130
    assert [row["image"] for row in rows()] == ["woman.jpg"]


def test_what_is_no_picture_is_named_for_what_it_is(run, place, capsys):
    (place / "folder").mkdir()
    for name in ("model.h5", "clip.mp4", "notes.txt"):
        (place / name).write_bytes(b"something")
    os.mkfifo("pipe.jpg")
    with (place / "huge.png").open("wb") as file:
        file.truncate(1_100_000_000)
    names = ["folder", "model.h5", "clip.mp4", "notes.txt", "pipe.jpg", "huge.png", "gone.jpg"]
    assert main(["predict", run, *names, "woman.jpg", "--whole", "--csv", "out.csv"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[1] for line in lines] == names
    for line, words in zip(
        lines,
        [
            "is a folder. Name its pictures: folder/*.jpg.",
            "is a file of weights, not a picture. The model comes first: predict RUN IMAGE.",
            "is a video. The dashboard reads it: Live, Video.",
            "is not a picture this version can read.",
            "is not a regular file.",
            "has 1.1 GB; the most this reads is 1.",
            "cannot be opened (No such file or directory).",
        ],
        strict=True,
    ):
        assert words in line
    assert [row["image"] for row in rows()] == ["woman.jpg"]


def test_weights_given_as_the_run_say_what_to_give(place, capsys):
    (place / "model.h5").write_bytes(b"something")
    assert main(["predict", "model.h5", "woman.jpg"]) == 2
    assert capsys.readouterr().err.startswith("error: model.h5 is a file of weights. Name a run:")


def test_a_pasted_path_may_have_quotes(run, place, capsys):
    shutil.copy("woman.jpg", "a woman.jpg")
    assert main(["predict", run, "'a woman.jpg'", '"woman.jpg"', "--whole"]) == 0
    assert capsys.readouterr().out.count(": 1 face") == 2


def test_a_face_that_is_cut_out_brings_the_hint_of_whole(run, place, capsys):
    face = cv2.resize(cv2.imread("woman.jpg")[60:190, 160:290], (48, 48))
    cv2.imwrite("face.png", face)
    assert main(["predict", run, "face.png", "--detector", "haar"]) == 0
    assert "at most 64 pixels per side" in capsys.readouterr().err
    assert main(["predict", run, "face.png", "--whole"]) == 0
    assert main(["predict", run, "woman.jpg", "--detector", "haar"]) == 0
    assert "--whole" not in capsys.readouterr().err


def test_a_weak_detector_is_told_unless_it_was_asked_for(run, place, capsys, monkeypatch):
    monkeypatch.setattr("emotion_core.live.detect.yunet_path", lambda: None)
    assert main(["predict", run, "woman.jpg"]) == 0
    note = capsys.readouterr().err
    assert note.startswith("note: Faces are searched with Haar") and "fetch yunet" in note
    assert main(["predict", run, "woman.jpg", "--detector", "haar"]) == 0
    assert capsys.readouterr().err == ""


def always_sad(run: str) -> None:
    """Keep the profile ``me`` of a run, which answers sad to everything."""
    made, sad = load_run(Path(run).name, Path(run).parent), EMOTIONS.index("sad")
    width = last_layer(load_classifier(made).model).in_features
    bias = np.where(np.arange(7) == sad, 50.0, 0.0).astype(np.float32)
    head = Head(np.zeros((7, width), np.float32), bias)
    gained = Outcome(0.2, 0.8, 0.1, 0.9, (3, 4, 5), (0.2,) * 3, (0.8,) * 3)
    digest = sha256_file(made.weights_path)
    save_profile(Profile("me", made.name, digest, "2026-01-01T00:00:00+00:00", gained, head))


def test_a_profile_answers_where_it_is_named_and_nowhere_else(run, place, capsys, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(place / "home"))
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(Path(run).parent))
    assert main(["predict", run, "woman.jpg", "--whole"]) == 0
    before = capsys.readouterr().out
    always_sad(run)
    assert main(["predict", run, "woman.jpg", "--whole", "--profile", "me"]) == 0
    told = capsys.readouterr().out
    assert "sad      100 %" in told and told != before
    assert main(["predict", "woman.jpg", "--whole", "--profile", "me"]) == 0  # of its own run
    assert capsys.readouterr().out == told
    assert main(["predict", run, "woman.jpg", "--whole"]) == 0
    assert capsys.readouterr().out == before


def test_a_profile_of_another_run_or_of_no_name_is_refused(run, place, capsys, monkeypatch):
    monkeypatch.setenv("EMOTION_HOME", str(place / "home"))
    always_sad(run)
    other = create_run(TrainConfig(), root=place / "runs")
    write_untrained(other, 1)
    assert main(["predict", str(other.path), "woman.jpg", "--whole", "--profile", "me"]) == 2
    assert "Profile 'me' was made with run" in capsys.readouterr().err
    assert main(["predict", run, "woman.jpg", "--whole", "--profile", "you"]) == 2
    assert "'you'" in capsys.readouterr().err
