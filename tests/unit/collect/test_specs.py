import numpy as np
import pytest

from emotion_core.collect import labels, store
from emotion_core.collect.faces import digest_of
from emotion_core.collect.transfer import export_data, import_data
from emotion_core.data.faces import SPLITS, is_synthetic
from emotion_core.data.sources import load_data, same_source
from emotion_core.data.specs import is_made, lasting, parse_spec, sources_of
from emotion_core.data.splits import split_indices
from emotion_core.data.synthetic import synthetic_faces
from emotion_core.data.walk import write_folder
from emotion_core.errors import CollectionError, DataError, EmotionError
from emotion_core.labels import EMOTIONS


def test_a_collection_is_a_data_set_split_by_session(fill):
    fill(sessions=5, each=14)
    data = load_data("collection:me")
    assert len(data) == 70 and not data.synthetic
    assert {split: sum(row.values()) for split, row in data.counts().items()} == {
        "train": 42,
        "val": 14,
        "test": 14,
    }
    split = split_indices(data)
    assert (len(split.train), len(split.val), len(split.test)) == (42, 14, 14)


def test_one_session_alone_is_cut_by_file_and_says_so(fill):
    fill(sessions=1, each=70)
    data = load_data("collection:me")
    assert data.counts()["test"] and any("also learned" in note.message for note in data.notes)


def test_only_what_a_person_said_is_learned(fill):
    ids = fill(sessions=2, each=14, by="")
    with pytest.raises(DataError, match="no face with a confirmed emotion"):
        load_data("collection:me")
    labels.label_faces("me", {face: "happy" for face in ids[:10]})
    labels.label_faces("me", {face: "sad" for face in ids[10:15]}, by="model", who="m")
    labels.label_faces("me", {ids[20]: "not_a_face", ids[21]: "unsure"})
    data = load_data("collection:me")
    assert len(data) == 10 and set(data.labels) == {EMOTIONS.index("happy")}
    notes = {note.thing: note.count for note in data.notes}
    assert (notes["suggested"], notes["set aside"], notes["unlabeled"]) == (5, 2, 11)


def test_a_lasting_spec_gives_the_labels_of_that_moment(fill):
    first, *_ = fill(sessions=2, each=14)
    kept = lasting("collection:me", str)
    before = load_data(kept)
    new = "sad" if before.labels[0] != EMOTIONS.index("sad") else "happy"
    labels.label_faces("me", {first: new})
    assert load_data(kept).fingerprint == before.fingerprint
    assert load_data("collection:me").fingerprint != before.fingerprint
    assert not same_source("collection:me", "collection:you")


def test_a_join_measures_on_the_first_and_holds_own_sessions_out(fill, tmp_path):
    fill(sessions=5, each=14)
    write_folder(synthetic_faces(140, seed=9), tmp_path / "faces")
    alone, own = load_data(tmp_path / "faces"), load_data("collection:me")
    both = load_data(f"{tmp_path / 'faces'}+collection:me")
    assert both.test_fingerprint == alone.test_fingerprint  # comparable with runs on it alone
    assert len(both) == len(alone) + len(own) - 14 and len(set(both.ids)) == len(both)
    split = split_indices(both)
    held_out = {image.tobytes() for image in own.images[own.splits == SPLITS.index("test")]}
    assert not held_out & {image.tobytes() for image in both.images[split.train]}
    val = {image.tobytes() for image in both.images[split.val]}
    assert val >= {image.tobytes() for image in alone.images[split_indices(alone).val]}


def test_replay_takes_so_many_faces_per_own_one(fill):
    fill(sessions=2, each=14)
    both = load_data("synthetic:1400*4+collection:me")
    assert sum(both.counts()["train"].values()) == 14 * 5
    assert sum(both.counts()["test"].values()) == sum(
        load_data("synthetic:1400").counts()["test"].values()
    )
    assert both.synthetic and not is_synthetic("synthetic:1400*4+collection:me")
    assert load_data("synthetic:1400*4+collection:me").fingerprint == both.fingerprint


def test_own_faces_may_come_several_times_among_as_many_more_earlier_ones(fill):
    fill(sessions=2, each=14)
    spec = "synthetic:1400*4+collection:me^3"
    both = load_data(spec)
    train = np.flatnonzero(both.splits == SPLITS.index("train"))
    own = [name for name in both.ids[train] if str(name).startswith("collection me")]
    assert len(own) == 3 * 14 and len(set(own)) == 14 and len(train) == 3 * 14 * 5
    assert lasting(spec, str) == "synthetic:1400*4+collection:me#28^3"
    assert len(load_data(lasting(spec, str))) == len(both)


def test_an_overlay_corrects_all_but_the_published_test_split():
    data = load_data("synthetic:140")
    train, test = data.indices("train"), data.indices("test")
    store.create("fixes", "overlay")
    wrong = {
        digest_of(data.images[at]): EMOTIONS[(data.labels[at] + 1) % 7]
        for at in (train[0], train[1], test[0])
    }
    wrong[digest_of(data.images[train[2]])] = "not_a_face"
    labels.correct("fixes", wrong)
    seen = load_data("synthetic:140@fixes")
    assert len(seen) == len(data) - 1 and seen.test_fingerprint == data.test_fingerprint
    assert {note.message: note.count for note in seen.notes if note.thing == "fixes"} == {
        "labels corrected outside test": 2,
        "unsure or no face, left out": 1,
    }
    assert "fixes#4" in lasting("synthetic:140@fixes", str)


def test_folds_cover_the_training_faces_once_and_keep_twins_together(drawn, tmp_path):
    images = np.concatenate([drawn.images[:60], drawn.images[:60]])  # each one twice
    rows = np.concatenate([drawn.labels[:60]] * 2)
    np.savez(tmp_path / "twins.npz", images=images, labels=rows, splits=np.array(["train"] * 120))
    spec = f"{tmp_path / 'twins.npz'}#labels=alphabetical"
    whole = load_data(spec)
    seen = []
    for fold in (1, 2, 3):
        data = load_data(f"{spec}%{fold}/3")
        test = {image.tobytes() for image in data.images[data.splits == 2]}
        assert not test & {image.tobytes() for image in data.images[data.splits == 0]}
        seen += list(data.ids[data.splits == 2])
    assert sorted(seen) == sorted(whole.ids[whole.splits == 0])


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("collection:nobody", "There is no collection"),
        ("collection:Not A Name", "names no collection"),
        ("synthetic:140@nothing", "There is no collection|no overlay"),
        ("synthetic:140%3/2", "fold"),
        ("synthetic:140+/nowhere/at/all", "No file or folder at"),
    ],
)
def test_what_is_not_there_is_told(spec, reason):
    with pytest.raises(EmotionError, match=reason):
        load_data(spec)


def test_a_path_stays_a_path_whatever_its_name(tmp_path, drawn):
    odd = tmp_path / "a+b@c%1"
    write_folder(drawn, odd)
    assert not is_made(str(odd)) and len(load_data(odd)) == len(drawn)
    assert parse_spec(f"{tmp_path}@fixes").kind == "overlay"
    assert sources_of(f"fer2013*4+collection:me+{tmp_path}") == [
        "fer2013",
        "collection:me",
        str(tmp_path),
    ]


@pytest.mark.parametrize("form", ["zip", "csv", "parquet"])
def test_what_is_exported_is_read_again(fill, tmp_path, form):
    fill(sessions=5, each=14)
    own = load_data("collection:me")
    assert export_data("me", tmp_path / f"out.{form}") == 70
    again = load_data(tmp_path / f"out.{form}")
    assert again.fingerprint == own.fingerprint
    store.create("copy")
    assert import_data("copy", str(tmp_path / f"out.{form}")) == 70
    assert load_data("collection:copy").fingerprint == own.fingerprint
    assert import_data("copy", "collection:me") == 0  # all there already
    with pytest.raises(CollectionError, match=r"\.zip, \.csv or \.parquet"):
        export_data("me", tmp_path / "out.txt")
