"""Number labels mean what their data set's table says; where that is unclear, nothing is guessed."""

import json

import numpy as np
import pytest

from emotion_core.data.faces import SPLITS
from emotion_core.data.label_tables import TABLES, label_table, split_labels, with_labels
from emotion_core.data.sources import load_data, same_source
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS, parse_emotion
from emotion_core.recipes import TrainConfig
from emotion_core.training.settle import settled

# As the data sets' papers and read-me files give them.
RAF_DB = ["surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"]
FERPLUS = ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear"]
AFFECTNET = ["neutral", "happy", "sad", "surprise", "fear", "disgust", "angry"]


def numbered(write, path, order, first=0, header=("emotion", "pixels", "Usage")):
    """A CSV whose labels are places in an order, counted from ``first``."""
    write.csv(path, header)
    lines = path.read_text().splitlines()
    rows = zip(lines[1:], write.data.labels, strict=True)
    codes = [f"{first + order.index(EMOTIONS[y])}{row[row.index(',') :]}" for row, y in rows]
    path.write_text("\n".join([lines[0], *codes]) + "\n")
    return path


def messages(data, kind):
    return [note.message for note in data.notes if note.kind == kind]


def test_the_tables_are_those_of_the_data_sets():
    assert str(label_table("raf-db")) == (
        "1 surprise, 2 fear, 3 disgust, 4 happy, 5 sad, 6 angry, 7 neutral"
    )
    assert str(label_table("ferplus")).startswith("0 neutral, 1 happy, 2 surprise, 3 sad, 4 angry")
    assert label_table("ferplus").emotions[7] is None
    assert str(label_table("affectnet")).endswith("3 surprise, 4 fear, 5 disgust, 6 angry")
    assert str(label_table("fer2013")).endswith("4 sad, 5 surprise, 6 neutral")
    assert all(set(label_table(name).emotions.values()) >= set(range(7)) for name in TABLES)


def test_numbers_from_one_are_refused_until_their_table_is_named(write, faces, tmp_path, own_cache):
    path = numbered(write, tmp_path / "a.csv", RAF_DB, first=1)
    with pytest.raises(DataError, match=r"1, 2, 3, 4, 5, 6, 7, which are not FER-2013's.*RAF-DB"):
        load_data(path)
    assert not own_cache.exists()
    data = load_data(with_labels(str(path), "raf-db"))
    assert data.counts() == faces.counts()
    assert np.array_equal(data.labels, faces.labels)
    assert "1 surprise, 2 fear" in messages(data, "fixed")[0]


@pytest.mark.parametrize(("table", "order"), [("ferplus", FERPLUS), ("affectnet", AFFECTNET)])
def test_a_seven_for_contempt_is_refused_and_with_its_table_left_out_and_counted(
    write, faces, tmp_path, table, order
):
    path = numbered(write, tmp_path / "a.csv", order)
    lines = path.read_text().splitlines()
    for line in (2, 5):
        lines[line] = "7" + lines[line][1:]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(
        DataError, match=r"faces of 7: 2\..*AffectNet have 7 for contempt.*--labels"
    ):
        load_data(path)
    data = load_data(with_labels(str(path), table))
    kept = np.delete(np.arange(len(faces)), [1, 4])
    assert np.array_equal(data.labels, faces.labels[kept])
    assert np.array_equal(data.images, faces.images[kept])
    assert [n.count for n in data.notes if n.thing == "label 7"] == [2]


def test_numbers_in_another_order_that_reach_six_are_seen_by_their_shares(write, faces, tmp_path):
    path = numbered(write, tmp_path / "a.csv", FERPLUS)
    text = path.read_text()
    happy = next(line for line in text.splitlines()[1:] if line.startswith("1,"))
    path.write_text(text + f"{happy}\n" * 60)
    with pytest.raises(DataError, match="80 disgusted faces to 20 happy ones"):
        load_data(path)
    for table, emotion in (("ferplus", "happy"), ("fer2013", "disgust")):
        labels = load_data(with_labels(str(path), table)).labels
        assert (labels == EMOTIONS.index(emotion)).sum() == 80


def test_fer2013s_own_numbers_need_no_word_and_the_table_is_told(write, faces, tmp_path):
    data = load_data(write.csv(tmp_path / "a.csv"))
    assert data.counts() == faces.counts()
    assert "0 angry, 1 disgust, 2 fear, 3 happy, 4 sad" in messages(data, "warning")[0]


def test_a_chosen_table_that_does_not_fit_is_refused(write, tmp_path):
    path = write.csv(tmp_path / "a.csv")
    with pytest.raises(DataError, match="the table raf-db has no 0"):
        load_data(with_labels(str(path), "raf-db"))


def test_a_column_label_beside_pixels_has_no_known_order(write, faces, tmp_path):
    path = write.csv(tmp_path / "a.csv")
    path.write_text(path.read_text().replace("emotion", "label", 1))
    with pytest.raises(DataError, match="no order that is known here"):
        load_data(path)
    assert load_data(with_labels(str(path), "fer2013")).counts() == faces.counts()


def test_a_file_names_the_numbers_and_is_not_needed_afterwards(write, faces, tmp_path):
    path = numbered(write, tmp_path / "a.csv", RAF_DB, first=1)
    (tmp_path / "a.json").write_text(json.dumps(dict(enumerate(RAF_DB, start=1))))
    (tmp_path / "b.json").write_text(json.dumps({name: at for at, name in enumerate(RAF_DB, 1)}))
    (tmp_path / "c.json").write_text(json.dumps(["contempt", *RAF_DB]))
    rows = "\n".join(f"{number},{name}" for number, name in enumerate(RAF_DB, start=1))
    (tmp_path / "d.csv").write_text(f"code,emotion\n{rows}\n")
    specs = {with_labels(str(path), str(tmp_path / name)) for name in ("a.json", "b.json", "d.csv")}
    assert len(specs) == 1
    (spec,) = specs
    for file in tmp_path.glob("?.json"):
        assert load_data(with_labels(str(path), str(file))).counts() == faces.counts()
        file.unlink()
    assert load_data(spec).counts() == faces.counts()
    assert with_labels(spec, split_labels(spec)[1]) == spec


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"1": "smirk"}', "says '1' is 'smirk'. It takes a number from 0 to 999"),
        ('{"1": "happy", "01": "sad"}', "has the number 1 twice"),
        ('{"1": "contempt"}', "names no emotion"),
        ("{", "is not a readable table of labels"),
        ("3", "must hold"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=message):
        with_labels("faces.csv", str(tmp_path / "a.json"))


def test_an_unknown_table_is_refused_with_the_choices(tmp_path):
    with pytest.raises(DataError, match=r"no table of labels 'raf'.*fer2013, raf-db"):
        with_labels("faces.csv", "raf")
    with pytest.raises(DataError, match="drawn faces have names"):
        with_labels("synthetic:70", "raf-db")


def test_a_runs_config_keeps_the_table(write, faces, tmp_path, monkeypatch):
    numbered(write, tmp_path / "a.csv", RAF_DB, first=1)
    monkeypatch.chdir(tmp_path)
    config = settled(TrainConfig(data=with_labels("a.csv", "raf-db")))
    monkeypatch.chdir("/")
    data = load_data(TrainConfig.from_dict(config.to_dict()).data)
    assert data.counts() == faces.counts()
    assert load_data(data.source).fingerprint == data.fingerprint
    assert same_source(config.data, str(tmp_path / "a.csv"))


def test_two_tables_of_one_source_are_kept_apart(write, tmp_path, own_cache):
    path = str(write.csv(tmp_path / "a.csv"))
    specs = [path, with_labels(path, "fer2013"), with_labels(path, "affectnet")]
    first = [load_data(spec).labels.tolist() for spec in specs]
    assert first[0] == first[1] != first[2]
    assert [load_data(spec).labels.tolist() for spec in specs] == first
    assert len(list((own_cache / "data").iterdir())) == 3


def numbered_folder(write, root, order, first):
    tree = write.folder(root)
    for split in ("train", "test"):
        for emotion in EMOTIONS:
            (tree / split / emotion).rename(tree / split / str(first + order.index(emotion)))
    return tree


def test_numbered_folders_are_read_by_the_table_alone(write, faces, tmp_path):
    tree = numbered_folder(write, tmp_path / "tree", RAF_DB, 1)
    with pytest.raises(DataError, match="1, 2, 3, 4, 5, 6, 7, which have no order that is known"):
        load_data(tree)
    assert load_data(with_labels(str(tree), "raf-db")).counts() == faces.counts()


def test_a_number_beside_named_folders_is_no_emotion(write, faces, tmp_path):
    tree = write.folder(tmp_path / "tree")
    (tree / "train" / "happy" / "3").mkdir()
    (tree / "train" / "happy" / "3" / "a.png").write_bytes(write.png(faces.images[0]))
    data = load_data(tree)
    assert data.counts() == faces.counts()
    assert [note.thing for note in data.notes] == ["train/happy/3"]


def test_a_table_for_labels_that_are_names_is_told_as_not_needed(write, faces, tmp_path):
    data = load_data(with_labels(str(write.folder(tmp_path / "tree")), "raf-db"))
    assert data.counts() == faces.counts()
    assert messages(data, "warning") == ["are names already; the table raf-db was not needed"]


def arrays(faces, labels):
    parts = {}
    for split in ("train", "test"):
        chosen = faces.splits == SPLITS.index(split)
        parts[split] = (faces.images[chosen], labels[chosen])
    return parts


@pytest.mark.parametrize(
    ("table", "order", "first"), [("raf-db", RAF_DB, 1), ("alphabetical", EMOTIONS, 0)]
)
def test_one_hot_labels_of_a_npy_are_read_by_their_columns_order(
    faces, tmp_path, table, order, first
):
    columns = np.array([order.index(EMOTIONS[y]) for y in faces.labels])
    path = tmp_path / "a.npy"
    np.save(path, arrays(faces, np.eye(7, dtype=np.float32)[columns]), allow_pickle=True)
    with pytest.raises(DataError, match="no order that is known here"):
        load_data(path)
    assert load_data(with_labels(str(path), table)).counts() == faces.counts()
    with pytest.raises(DataError, match="7 columns, and the table ferplus has 10"):
        load_data(with_labels(str(path), "ferplus"))


def test_a_npz_of_named_arrays_is_read_and_its_numbers_need_a_table(faces, tmp_path):
    parts = arrays(faces, faces.labels)
    named = {}
    for split, (images, labels) in parts.items():
        named |= {f"X_{split}": images, f"y_{split}": labels}
    np.savez_compressed(tmp_path / "a.npz", **named)
    with pytest.raises(DataError, match="no order that is known here"):
        load_data(tmp_path / "a.npz")
    data = load_data(with_labels(str(tmp_path / "a.npz"), "alphabetical"))
    assert data.counts() == faces.counts()
    named = {name: np.array(EMOTIONS)[a] if name[0] == "y" else a for name, a in named.items()}
    np.savez(tmp_path / "b.npz", **named)
    assert load_data(tmp_path / "b.npz").fingerprint == data.fingerprint


def test_a_npz_without_pairs_or_with_objects_is_refused(faces, tmp_path, own_cache):
    np.savez(tmp_path / "a.npz", weights=np.zeros(3))
    with pytest.raises(DataError, match="no images with labels, such as X_train and y_train"):
        load_data(tmp_path / "a.npz")
    objects = np.array([{"a": 1}], object)
    np.savez(tmp_path / "b.npz", X=faces.images, y=objects)
    with pytest.raises(DataError, match="its arrays are Python objects"):
        load_data(tmp_path / "b.npz")
    assert not own_cache.exists()


@pytest.mark.parametrize(
    ("name", "emotion"),
    [
        *[
            ("Anger", "angry"),
            ("HAPPINESS", "happy"),
            ("sadness", "sad"),
            ("surprised", "surprise"),
        ],
        *[("neutrality", "neutral"), ("suprise", "surprise"), ("fearful", "fear")],
        *[
            ("disgusted", "disgust"),
            ("0_angry", "angry"),
            ("happy faces", "happy"),
            ("3-sad", "sad"),
        ],
        *[("contempt", None), ("not_happy", None), ("unhappy", None), ("3", None), ("", None)],
    ],
)
def test_an_emotion_is_known_in_its_usual_spellings(name, emotion):
    assert parse_emotion(name) == (EMOTIONS.index(emotion) if emotion else None)
