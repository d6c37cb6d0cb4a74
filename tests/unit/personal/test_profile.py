"""A personal head: pulled towards the general one, held to second takes, one local file."""

import threading

import cv2
import numpy as np
import pytest
import torch

from emotion_core.cli import main
from emotion_core.errors import ProfileError
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import load_classifier
from emotion_core.personal import head, profile, profile_files
from emotion_core.personal.diagnose import View, diagnose_answers, diagnose_view
from emotion_core.personal.takes import Outcome, outcome, split_takes
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from tests.samples import write_untrained


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with weights that nobody has trained: at chance on any face."""
    made = create_run(TrainConfig(model="sequential"), tmp_path_factory.mktemp("runs"))
    write_untrained(made, 0)
    return made


@pytest.fixture(scope="module")
def classifier(run):
    return load_classifier(run)


@pytest.fixture(autouse=True)
def weak_pull(monkeypatch):
    """Features of an unlearned network differ little; the usual pull would hide what is tested."""
    monkeypatch.setitem(head.fit_head.__kwdefaults__, "pull", 0.001)


def takes_of(seed: int, frames: int = 8, mixed: bool = False) -> dict:
    """A pattern per expression with noise; ``mixed``: second takes show other expressions' ones."""
    rng = np.random.default_rng(seed)
    patterns = [
        cv2.resize(rng.integers(40, 216, (6, 6)).astype(np.uint8), (48, 48)) for _ in range(7)
    ]
    found = {}
    for label in range(7):
        for take in (1, 2):
            pattern = patterns[(label + 3 * (mixed and take == 2)) % 7]
            noise = rng.normal(0, 6, (frames, 48, 48))
            found[label, take] = np.clip(pattern + noise, 0, 255).astype(np.uint8)
    return found


def test_a_profile_learns_first_takes_and_gains_on_second_ones(run, classifier):
    made = profile.fit_profile("mine", run, classifier, takes_of(0))
    assert made.outcome.before < 0.5 < made.outcome.after and made.outcome.helps
    own = profile.apply_profile(made, run, classifier)
    faces, label = takes_of(0)[3, 2], 3
    assert (own.probs(faces).argmax(axis=1) == label).mean() == made.outcome.after_each[3]
    assert own.backend == classifier.backend and own.temperature == classifier.temperature
    # The general model stays what it is.
    assert np.array_equal(classifier.probs(faces), load_classifier(run).probs(faces))


def test_a_personal_model_leaves_nothing_in_the_cache(run, classifier, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    made = profile.fit_profile("mine", run, classifier, takes_of(0))
    own = profile.apply_profile(made, run, classifier)
    assert (own.profile, classifier.profile) == ("mine", "")
    assert own.backend == classifier.backend
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    load_classifier(run)  # everybody's is cached, so the folder was the one that is used
    assert list((tmp_path / "cache").rglob("*.onnx")) or classifier.backend == "torch"


def test_features_are_those_of_the_faces_asked_for_while_a_stream_uses_the_network(classifier):
    faces, stop = takes_of(0)[3, 1], threading.Event()

    def stream() -> None:
        while not stop.is_set():
            classifier.model(torch.zeros(1, 1, 48, 48))

    other = threading.Thread(target=stream)
    other.start()
    try:
        found = [head.look(classifier, faces) for _ in range(20)]
    finally:
        stop.set()
        other.join()
    assert {len(seen.features) for seen in found} == {len(faces)}


def test_what_does_not_help_on_second_takes_is_not_kept(run, classifier, home):
    made = profile.fit_profile("wrong", run, classifier, takes_of(1, mixed=True))
    assert not made.outcome.helps
    with pytest.raises(ProfileError, match="is not kept"):
        profile_files.save_profile(made)
    assert not home.exists()


def test_a_stronger_pull_stays_nearer_to_the_general_head(classifier):
    faces = np.concatenate([takes_of(0)[label, 1] for label in range(7)])
    labels = np.repeat(np.arange(7), 8)
    seen = head.look(classifier, faces)
    assert seen.logits == pytest.approx(classifier.logits(faces), abs=1e-3)
    sizes = [
        float(np.abs(head.fit_head(seen, labels, 1.0, pull=pull).weights).sum())
        for pull in (0.001, 0.1, 10.0)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


def test_the_neutral_shift_makes_a_resting_face_more_neutral():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 0.1, (20, 7)) + np.eye(7)[5] * 2  # a resting face called sad
    seen = head.Seen(np.zeros((20, 3)), logits)
    shift = head.neutral_shift(seen)
    neutral = EMOTIONS.index("neutral")
    assert (logits + shift).argmax(axis=1).tolist() == [neutral] * 20
    sure = head.Seen(np.zeros((20, 3)), np.eye(7)[[neutral] * 20] * 20.0)
    assert np.abs(head.neutral_shift(sure)).max() < 0.01


def test_a_profile_is_two_files_that_can_be_listed_exported_and_deleted(
    run, classifier, home, tmp_path
):
    made = profile.fit_profile("mine", run, classifier, takes_of(0))
    profile_files.save_profile(made)
    (found,) = profile_files.list_profiles()
    assert np.array_equal(found.head.weights, made.head.weights)
    assert found.outcome == made.outcome and found.run == run.name
    copies = profile_files.export_profile("mine", tmp_path / "copies")
    assert sorted(path.suffix for path in copies) == [".json", ".safetensors"]
    profile_files.delete_profile("mine")
    assert list((home / "profiles").iterdir()) == [] and profile_files.list_profiles() == []
    with pytest.raises(ProfileError, match="there is none yet"):
        profile_files.delete_profile("mine")


def test_a_profile_of_other_weights_is_refused(run, classifier, tmp_path):
    made = profile.fit_profile("mine", run, classifier, takes_of(0))
    other = create_run(TrainConfig(model="sequential"), tmp_path)
    write_untrained(other, 1)
    with pytest.raises(ProfileError, match="was made with run"):
        profile.apply_profile(made, other, load_classifier(other))


def test_a_damaged_profile_says_so(run, classifier, home):
    profile_files.save_profile(profile.fit_profile("mine", run, classifier, takes_of(0)))
    (home / "profiles" / "mine.safetensors").write_bytes(b"damaged")
    with pytest.raises(ProfileError, match="damaged"):
        profile_files.load_profile("mine")
    assert profile_files.list_profiles() == []
    profile_files.delete_profile("mine")
    with pytest.raises(ProfileError, match="is not a name"):
        profile_files.load_profile("../mine")


def test_the_rule_of_refusal():
    labels = np.repeat(np.arange(7), 10)
    right, wrong = labels, (labels + 1) % 7
    half = np.where(labels < 4, right, wrong)
    assert outcome(labels, half, right).helps
    assert not outcome(labels, right, right).helps  # nothing gained
    traded = np.where(labels >= 2, right, wrong)  # two lost, three gained
    found = outcome(labels, half, traded)
    assert found.gain > 0 and found.low < -0.02 and not found.helps
    assert found.before == pytest.approx(4 / 7) and found.after == pytest.approx(5 / 7)
    assert isinstance(found, Outcome) and found.expressions == tuple(range(7))


def test_too_few_takes_are_refused_by_name():
    takes = takes_of(0)
    few = {key: faces for key, faces in takes.items() if key[0] in (3, 4)}
    with pytest.raises(ProfileError, match="found both takes of: happy, neutral"):
        split_takes(few)
    without = {key: faces for key, faces in takes.items() if key != (4, 2)}
    with pytest.raises(ProfileError, match="of neutral and of 2 other"):
        split_takes(without)


def test_a_diagnosis_names_what_is_wrong_and_what_to_change():
    fine = takes_of(0)
    assert not any(item.problem for item in diagnose_view(fine, View(100, 2, 0.05)))
    dark = {key: (faces // 8) for key, faces in fine.items()}
    problems = {item.name: item for item in diagnose_view(dark, View(30, 25, 0.5)) if item.problem}
    assert {"light", "size", "tilt", "pose"} <= problems.keys()
    assert "lamp" in problems["light"].change and "Come closer" in problems["size"].change
    blurred = {k: np.stack([cv2.GaussianBlur(f, (0, 0), 4) for f in v]) for k, v in fine.items()}
    assert "sharpness" in {i.name for i in diagnose_view(blurred) if i.problem}
    shaded = {
        key: np.clip(faces * np.where(np.arange(48) < 24, 0.2, 1.3), 0, 255).astype(np.uint8)
        for key, faces in fine.items()
    }
    assert "side light" in {item.name for item in diagnose_view(shaded) if item.problem}


def test_a_diagnosis_says_which_expression_swallows_which():
    labels = np.repeat([2, 4, 3], 10)
    answered = np.array([6] * 8 + [2] * 2 + [5] * 6 + [4] * 4 + [3] * 10)
    fear, neutral, happy = diagnose_answers(labels, answered)
    assert fear.problem == "80 % classified as surprise" and fear.measured == "20 % correct"
    assert "60 % classified as sad" in neutral.problem and "resting face" in neutral.change
    assert happy.problem == "" and happy.measured == "100 % correct"


def test_the_command_fits_from_folders(run, tmp_path, capsys, home):
    for (label, take), faces in takes_of(0).items():
        folder = tmp_path / "takes" / f"{EMOTIONS[label]}_{take}"
        folder.mkdir(parents=True)
        for number, face in enumerate(faces):
            cv2.imwrite(str(folder / f"{number}.png"), face)
    command = ["profile", "fit", "mine", str(tmp_path / "takes"), "--run", str(run.path), "--whole"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "Profile 'mine' is kept." in out and "On the second takes:" in out
    assert main(["profile", "list"]) == 0 and "mine  of" in capsys.readouterr().out
    assert main(["profile", "export", "mine", str(tmp_path / "out")]) == 0
    assert main(["profile", "delete", "mine"]) == 0
    assert main(["profile"]) == 0 and "No profiles yet" in capsys.readouterr().out
    assert main(["profile", "fit", "mine", str(tmp_path), "--run", str(run.path)]) == 2
    assert "has no takes" in capsys.readouterr().err
