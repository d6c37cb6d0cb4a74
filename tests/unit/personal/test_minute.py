"""The guided minute: what is shown at what second, which faces belong to which take, what is kept."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from emotion_core.cli import main
from emotion_core.data.synthetic import draw_face
from emotion_core.errors import ProfileError
from emotion_core.labels import EMOTIONS
from emotion_core.live.crop import crop_face
from emotion_core.live.detect import Detection, HaarDetector
from emotion_core.live.pipeline import LivePipeline
from emotion_core.models.checkpoint import load_classifier
from emotion_core.personal import head, profile_files
from emotion_core.personal.conclude import conclude
from emotion_core.personal.diagnose import View
from emotion_core.personal.guide import LiveMinute
from emotion_core.personal.minute import (
    HOW,
    MOST_FRAMES,
    NOBODY,
    SEVERAL,
    GuidedMinute,
    Kind,
    pace_of_environment,
)
from emotion_core.personal.takes import split_takes
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from tests.samples import write_untrained

FPS = 20


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def face_of(number: int) -> np.ndarray:
    return np.full((48, 48), number, np.uint8)


def guided(**options) -> tuple[GuidedMinute, Clock]:
    clock = Clock()
    return GuidedMinute(clock=clock, pace=1.0, **options), clock


def pass_seconds(minute, clock, seconds: float, face=None, view=None, fps: int = FPS) -> None:
    for _ in range(round(seconds * fps)):
        clock.now += 1 / fps
        minute.see(face_of(0) if face is None else face, view)


def perform(minute, clock, skip: tuple[str, ...] = ()) -> list[tuple[str, int, str]]:
    """Go through all of it; each face is as gray as ten times its expression, plus the take."""
    seen = []
    while (stage := minute.stage()).kind not in (Kind.DONE, Kind.STOPPED):
        if stage.emotion in skip:
            assert minute.skip()
            continue
        if not seen or seen[-1] != (stage.emotion, stage.take, stage.kind):
            seen.append((stage.emotion, stage.take, stage.kind))
        label = EMOTIONS.index(stage.emotion)
        pass_seconds(minute, clock, 1 / FPS, face_of(10 * label + stage.take))
        assert clock.now < 1200
    return seen


def test_neutral_comes_first_for_five_seconds_and_each_expression_twice_for_three():
    minute, clock = guided()
    stage = minute.stage()
    assert (stage.kind, stage.emotion, stage.take) == (Kind.READY, "neutral", 1)
    assert (stage.number, stage.count) == (1, 14)
    shown: dict[tuple[str, int], float] = {}
    while (stage := minute.stage()).kind is not Kind.DONE:
        if stage.kind is Kind.SHOW:
            key = (stage.emotion, stage.take)
            shown[key] = shown.get(key, 0) + 1 / FPS
        pass_seconds(minute, clock, 1 / FPS)
    assert set(shown) == {(name, take) for name in EMOTIONS for take in (1, 2)}
    for key, seconds in shown.items():
        assert seconds == pytest.approx(5 if key == ("neutral", 1) else 3, abs=0.11), key
    assert clock.now - 1000 == pytest.approx(minute.seconds, abs=1.5)
    assert 60 < minute.seconds < 75


def test_all_first_takes_come_before_any_second_one():
    minute, clock = guided()
    takes = [take for _, take, kind in perform(minute, clock) if kind is Kind.SHOW]
    assert takes == [1] * 7 + [2] * 7


def test_each_take_has_the_faces_of_its_own_seconds_and_no_others():
    minute, clock = guided()
    perform(minute, clock)
    takes = minute.takes()
    assert set(takes) == {(label, take) for label in range(7) for take in (1, 2)}
    for (label, take), faces in takes.items():
        assert 10 <= len(faces) <= MOST_FRAMES and faces.dtype == np.uint8
        assert set(np.unique(faces)) == {10 * label + take}
    first, second = split_takes(takes)
    assert {take for _, take in first} == {1} and {take for _, take in second} == {2}


def test_the_first_half_second_of_a_take_is_not_kept():
    minute, clock = guided()
    while minute.stage().kind is Kind.READY:
        pass_seconds(minute, clock, 1 / FPS)
    pass_seconds(minute, clock, 0.4)
    assert minute.takes() == {}
    pass_seconds(minute, clock, 0.5)
    assert list(minute.takes()) == [(EMOTIONS.index("neutral"), 1)]


def test_the_clock_stands_while_nobody_or_somebody_else_is_in_view():
    minute, clock = guided()
    pass_seconds(minute, clock, 1.0)
    before = minute.stage()
    clock.now += 0.05
    minute.see(None, why=SEVERAL)
    clock.now += 60
    minute.see(None)
    stage = minute.stage()
    assert stage.left == before.left and stage.waiting == NOBODY
    clock.now += 60  # a pause between two faces is not time that was shown either
    minute.see(face_of(0))
    assert minute.stage().left > before.left - 0.6 and minute.stage().waiting == ""


def test_a_slow_stream_gets_enough_frames_of_each_take():
    minute, clock = guided()
    while minute.stage().kind is not Kind.DONE:
        pass_seconds(minute, clock, 1.0, fps=1)
    assert min(len(faces) for faces in minute.takes().values()) >= 3


def test_a_skipped_expression_has_no_take_and_neutral_is_not_skipped():
    minute, clock = guided()
    assert not minute.stage().can_skip and not minute.skip()
    seen = perform(minute, clock, skip=("fear", "disgust"))
    assert not {"fear", "disgust"} & {name for name, _, _ in seen}
    assert {label for label, _ in minute.takes()} == {
        EMOTIONS.index(n) for n in EMOTIONS if n not in ("fear", "disgust")
    }


def test_what_is_skipped_the_second_time_loses_its_first_take():
    minute, clock = guided()
    while minute.stage().take == 1:
        pass_seconds(minute, clock, 1 / FPS)
    while minute.stage().emotion != "sad" or minute.stage().kind is not Kind.SHOW:
        pass_seconds(minute, clock, 1 / FPS)
    pass_seconds(minute, clock, 1.5)
    number, sad = minute.stage().number, EMOTIONS.index("sad")
    assert {(sad, 1), (sad, 2)} <= set(minute.takes())
    assert minute.skip()
    stage = minute.stage()
    assert (stage.kind, stage.emotion, stage.take) == (Kind.READY, "angry", 2)
    assert stage.number == number - 1 and stage.count == 12
    assert not {(sad, 1), (sad, 2)} & set(minute.takes())
    perform(minute, clock)
    assert minute.stage().kind is Kind.DONE


def test_a_stopped_minute_keeps_no_face_and_a_finished_one_is_not_stopped():
    minute, clock = guided()
    pass_seconds(minute, clock, 5.0, view=View(100, 3, 0.1))
    assert minute.takes() and minute.view() == View(100, 3, 0.1)
    minute.stop()
    assert minute.stage().kind is Kind.STOPPED and minute.takes() == {}
    pass_seconds(minute, clock, 5.0)
    assert minute.takes() == {} and not minute.skip() and minute.view() == View()
    done, clock = guided()
    perform(done, clock)
    done.stop()
    assert done.stage().kind is Kind.DONE and len(done.takes()) == 14


def test_every_expression_is_explained():
    assert set(HOW) == set(EMOTIONS)


@pytest.mark.parametrize(
    ("value", "pace"), [("", 1.0), ("0.2", 0.2), ("0", 0.05), ("9", 1.0), ("fast", 1.0)]
)
def test_the_pace_of_tests_is_kept_within_limits(monkeypatch, value, pace):
    monkeypatch.setenv("EMOTION_MINUTE_PACE", value)
    assert pace_of_environment() == pace
    whole, quick = GuidedMinute(pace=1.0), GuidedMinute()
    assert quick.seconds == pytest.approx(pace * whole.seconds)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = create_run(TrainConfig(model="sequential"), tmp_path_factory.mktemp("runs"))
    write_untrained(made, 0)
    return made


@pytest.fixture(scope="module")
def classifier(run):
    return load_classifier(run)


@pytest.fixture
def weak_pull(monkeypatch):
    """Features of an unlearned network differ little; the usual pull would hide what is tested."""
    monkeypatch.setitem(head.fit_head.__kwdefaults__, "pull", 0.001)


def photo(copies: int = 1) -> np.ndarray:
    image = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    return np.ascontiguousarray(np.hstack([cv2.resize(image, (480, 480))] * copies))


def test_the_running_pipelines_own_crops_are_taken_and_only_of_one_face(classifier, monkeypatch):
    given = []
    probs = type(classifier).probs
    monkeypatch.setattr(
        type(classifier), "probs", lambda self, faces: given.append(faces) or probs(self, faces)
    )
    pipeline, clock = LivePipeline(HaarDetector(), classifier), Clock()
    minute = GuidedMinute(clock=clock, pace=0.1)
    watcher = LiveMinute(minute)
    for number in range(20):
        clock.now += 0.05
        watcher(pipeline(photo(), 0.05 * number))
    faces = minute.takes()[EMOTIONS.index("neutral"), 1]
    models = np.concatenate(given)
    assert all((models == face).all(axis=(1, 2)).any() for face in faces)
    assert minute.view().size > 80
    clock.now += 0.05
    watcher(pipeline(photo(2), 10.0))
    assert minute.stage().waiting == SEVERAL
    watcher(pipeline(np.full((240, 320, 3), 90, np.uint8), 20.0))
    assert minute.stage().waiting == NOBODY
    watcher(None)
    assert minute.stage().kind is Kind.STOPPED and minute.takes() == {}


def test_a_crop_is_no_view_of_the_frame(classifier):
    """Else each kept face would hold a whole picture in memory."""
    gray = np.zeros((480, 640), np.uint8)
    face = crop_face(gray, Detection(np.array([100, 100, 148, 148], np.float32)), "haar")
    assert face.base is None and not np.shares_memory(face, gray)


def takes_of(same: bool = True, skip: tuple[int, ...] = ()) -> dict:
    """Drawn faces of one person; the second takes of another order where they are not the same."""
    found = {}
    rng = np.random.default_rng(0)
    for label in (item for item in range(7) if item not in skip):
        for take in (1, 2):
            shown = label if same or take == 1 else (label + 3) % 7
            face = draw_face(EMOTIONS[shown], (77, 1), clean=True, intensity=1.1)
            noise = rng.normal(0, 4, (8, 48, 48))
            found[label, take] = np.clip(face + noise, 0, 255).astype(np.uint8)
    return found


def test_a_profile_that_helps_is_kept_without_a_picture(run, classifier, weak_pull, home):
    found = conclude("me", run, classifier, takes_of(), View(30, 2, 0.1))
    assert found.kept and found.outcome.helps and found.problem == ""
    assert sorted(path.name for path in home.rglob("*") if path.is_file()) == [
        "me.json",
        "me.safetensors",
    ]
    assert found.seen[0].name == "size" and "Come closer" in found.seen[0].change
    assert {item.name for item in found.answers} == set(EMOTIONS)
    assert any("classified as" in item.problem for item in found.answers)


def test_pictures_are_kept_where_they_are_asked_for_and_go_with_the_profile(
    run, classifier, weak_pull, home, tmp_path, capsys
):
    conclude("me", run, classifier, takes_of(), pictures=True)
    pictures = profile_files.pictures_dir("me")
    assert len(list(pictures.rglob("*.png"))) == 14 * 8
    assert main(["profile", "fit", "again", str(pictures), "--whole", "--run", str(run.path)]) == 0
    copies = profile_files.export_profile("me", tmp_path / "copy")
    assert len(copies) == 2 + 14 * 8
    assert len(profile_files.zip_profile("me")) > 10_000
    conclude("me", run, classifier, takes_of())  # without: those of before go as well
    assert not pictures.exists() and not pictures.parent.exists()
    conclude("me", run, classifier, takes_of(), pictures=True)
    profile_files.delete_profile("me")
    profile_files.delete_profile("again")
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_a_profile_that_does_not_help_leaves_nothing_and_the_reasons_are_told(
    run, classifier, weak_pull, home
):
    found = conclude("me", run, classifier, takes_of(same=False), pictures=True)
    assert not found.kept and not found.outcome.helps and found.answers
    assert not home.exists()


def test_too_few_expressions_are_diagnosed_but_not_learned(run, classifier, home):
    found = conclude("me", run, classifier, takes_of(skip=(0, 1, 2, 5, 6)))
    assert found.outcome is None and not found.kept
    assert "found both takes of: happy, neutral" in found.problem
    assert {item.name for item in found.answers} == {"happy", "neutral"} and found.seen
    with pytest.raises(ProfileError, match="No face was seen"):
        conclude("me", run, classifier, {})
    assert not home.exists()


def test_a_full_disk_leaves_no_half_of_a_profile(run, classifier, weak_pull, home, monkeypatch):
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("emotion_core.personal.pictures.write_bytes", refuse)
    with pytest.raises(ProfileError, match="No space left on device"):
        conclude("me", run, classifier, takes_of(), pictures=True)
    assert not [path for path in home.rglob("*") if path.is_file()]
    shutil.rmtree(home)
