"""Test faces that a source names as such, however it spells it, are never trained on."""

import zipfile

import numpy as np
import pytest

from emotion_core.data.faces import SPLITS
from emotion_core.data.sources import load_data
from emotion_core.data.split_names import read_splits, split_code, split_folder
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", "train Train TRAIN training train_afew FER2013Train training_data trainset trn"),
        ("train", "Training train-images train_set partial-train 01_train"),
        ("val", "val valid validation dev eval Validation val_afew FER2013Valid valid_set"),
        ("test", "test testing PublicTest PrivateTest FER2013Test test-images TestSet test_1"),
        (None, "fold_1 default images latest contest trainval train_test 2013 rain"),
    ],
)
def test_usual_spellings_of_a_split_are_recognised(split, names):
    for name in names.split():
        assert split_code(name) == (SPLITS.index(split) if split else None), name


def test_the_plain_word_names_the_split_and_not_what_merely_contains_one():
    assert split_folder(["test-project", "train", "subject_test_2"]) == "train"
    assert split_folder(["my_training_data", "images"]) == "my_training_data"
    assert split_folder(["images", "images"]) is None


def test_eval_is_what_the_data_set_does_not_have_otherwise():
    for names, expected in (
        (("train", "eval"), {"train": 0, "eval": 1}),
        (("train", "eval", "test"), {"train": 0, "eval": 1, "test": 2}),
        (("train", "val", "eval"), {"train": 0, "val": 1, "eval": 2}),
    ):
        assert read_splits({name: name for name in names}, "source", "folders") == expected


def respelled(write, root, **names):
    """The faces as a folder tree with other names for train and test."""
    tree = write.folder(root)
    for split, name in names.items():
        (tree / split).rename(tree / name)
    return tree


def zipped(tree, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(tree.rglob("*.png")):
            archive.write(file, file.relative_to(tree).as_posix())
    return path


PAIRS = [("train_afew", "test_afew"), ("FER2013Train", "FER2013Test"), ("training_set", "test_set")]


@pytest.mark.parametrize(("train", "test"), PAIRS)
def test_folders_and_zips_with_other_names_for_the_splits_keep_them(
    write, faces, tmp_path, train, test
):
    tree = respelled(write, tmp_path / "tree", train=train, test=test)
    for source in (tree, zipped(tree, tmp_path / "tree.zip")):
        data = load_data(source)
        assert data.counts() == faces.counts()
        told = f"'{test}' read as test, '{train}' read as train"
        assert any(note.message in (told, ", ".join(told.split(", ")[::-1])) for note in data.notes)


def test_a_val_of_another_name_is_val_and_only_the_missing_test_is_cut(write, faces, tmp_path):
    tree = respelled(write, tmp_path / "tree", train="train_afew", test="val_afew")
    counts = load_data(tree).counts()
    assert counts["val"] == faces.counts()["test"]


@pytest.mark.parametrize("names", [("fold_1", "fold_2"), ("train", "fold_2"), ("a/x", "b/y")])
def test_folders_whose_split_is_unclear_are_refused_by_name(write, tmp_path, own_cache, names):
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "tree" / "b").mkdir()
    tree = respelled(write, tmp_path / "tree", train=names[0], test=names[1])
    unclear = [name for name in names if name != "train"]
    for source in (tree, zipped(tree, tmp_path / "tree.zip")):
        with pytest.raises(DataError, match="not clear which split these folders are") as refused:
            load_data(source)
        assert all(f"'{name}'" in str(refused.value) for name in unclear)
    assert not own_cache.exists()


def test_a_folder_beside_train_and_test_is_left_out_and_told(write, faces, tmp_path):
    tree = write.folder(tmp_path / "tree")
    (tree / "demo" / "happy").mkdir(parents=True)
    (tree / "demo" / "happy" / "a.png").write_bytes(write.png(faces.images[0]))
    data = load_data(tree)
    assert data.counts() == faces.counts()
    assert [(n.kind, n.thing, n.count) for n in data.notes] == [("skipped", "demo", 1)]


def test_a_split_above_other_folders_counts(write, faces, tmp_path):
    tree = write.folder(tmp_path / "tree")
    for split in ("train", "test"):
        for emotion in EMOTIONS:
            (tree / split / "images").mkdir(exist_ok=True)
            (tree / split / emotion).rename(tree / split / "images" / emotion)
    assert load_data(tree).counts() == faces.counts()


@pytest.mark.parametrize("depth", ["images/images", "a/b/c/d/e"])
def test_deep_folders_are_read_as_deep_zips_are(write, faces, tmp_path, depth):
    write.folder(tmp_path / "deep" / depth)
    for source in (tmp_path / "deep", zipped(tmp_path / "deep", tmp_path / "deep.zip")):
        assert load_data(source).counts() == faces.counts()


def respell_column(write, path, column, spelling):
    write.csv(path)
    text = path.read_text().replace("Usage", column, 1)
    for old, new in spelling.items():
        text = text.replace(old, new)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("column", "train", "test"),
    [
        ("split", "train", "test"),
        ("Split", "TRAIN", "TEST"),
        ("data_split", "train_set", "test_set"),
        ("subset", "fer_training", "fer_test"),
        ("set", "Training", "PublicTest"),
        ("part", "train", "test"),  # known by its values
    ],
)
def test_a_csv_may_call_its_splits_and_their_column_otherwise(
    write, faces, tmp_path, column, train, test
):
    spelling = {"Training": train, "PrivateTest": test}
    data = load_data(respell_column(write, tmp_path / "a.csv", column, spelling))
    assert data.counts() == faces.counts()


def test_unclear_values_of_a_csv_column_are_refused_and_named(write, tmp_path):
    path = respell_column(write, tmp_path / "a.csv", "fold", {"Training": "1", "PrivateTest": "2"})
    with pytest.raises(DataError, match=r"these values of the column 'fold' are: '[12]', '[12]'"):
        load_data(path)


def test_a_csv_value_beside_train_and_test_is_left_out_and_told(write, tmp_path):
    path = write.csv(tmp_path / "a.csv")
    text = path.read_text()
    path.write_text(text[: text.rindex("Training")] + "demo" + text[text.rindex("Training") + 8 :])
    data = load_data(path)
    assert len(data) == 139
    assert ("skipped", "demo", 1) in [(n.kind, n.thing, n.count) for n in data.notes]


def test_npy_keys_may_be_spelled_otherwise_and_unclear_ones_are_refused(faces, tmp_path):
    parts = {
        name: (faces.images[chosen], np.array(EMOTIONS)[faces.labels[chosen]])
        for name, chosen in (("train_set", faces.splits == 0), ("test_set", faces.splits == 2))
    }
    np.save(tmp_path / "a.npy", parts, allow_pickle=True)
    assert load_data(tmp_path / "a.npy").counts() == faces.counts()
    np.save(
        tmp_path / "b.npy", {"x": parts["train_set"], "y": parts["test_set"]}, allow_pickle=True
    )
    with pytest.raises(DataError, match="these keys are: 'x', 'y'"):
        load_data(tmp_path / "b.npy")
