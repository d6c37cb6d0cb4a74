"""Forms that users really bring: read as the plain ones, or named with what to do."""

import gzip
import shutil

import numpy as np
import pytest

from emotion_core.data.sources import load_data, same_source
from emotion_core.data.table import CSV_ORDER
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS
from emotion_core.recipes import TrainConfig
from emotion_core.training.settle import settled


def test_a_folder_that_only_holds_a_table_stands_for_it(write, faces, tmp_path):
    (tmp_path / "csv").mkdir()
    table = write.csv(tmp_path / "csv" / "fer2013.csv")
    (tmp_path / "csv" / "README.txt").write_text("about")
    data = load_data(tmp_path / "csv")
    assert data.counts() == faces.counts()
    assert same_source(str(tmp_path / "csv"), str(table))
    assert settled(TrainConfig(data=str(tmp_path / "csv"))).data == str(table)


def test_a_folder_of_several_tables_names_them(write, tmp_path):
    write.csv(tmp_path / "icml_face_data.csv")
    write.csv(tmp_path / "train.csv")
    with pytest.raises(DataError, match=r"several files of data: icml_face_data\.csv, train\.csv"):
        load_data(tmp_path)


@pytest.mark.parametrize("separator", ["\t", ";"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_other_separators_are_read(write, faces, tmp_path, separator, ending):
    path = write.csv(tmp_path / f"a.{ending}")
    path.write_text(path.read_text().replace(",", separator))
    assert load_data(path).counts() == faces.counts()


def test_blank_lines_before_the_header_are_skipped_and_lines_keep_their_numbers(
    write, faces, tmp_path
):
    path = write.csv(tmp_path / "a.csv")
    path.write_text("\n  \n" + path.read_text() + "smirk,1 2,Training\n")
    data = load_data(path)
    assert data.counts() == faces.counts()
    skipped = [(note.thing, note.message) for note in data.notes if note.kind == "skipped"]
    assert skipped == [("line 144", "unknown emotion 'smirk'")]


def test_the_hubs_converted_layout_is_read(write, faces, tmp_path):
    hub = write.parquet(tmp_path / "hub", names=list(reversed(EMOTIONS)))
    for split in ("train", "test"):
        (tmp_path / "repo" / "default" / split).mkdir(parents=True)
        source = hub / f"{split}-00000-of-00001.parquet"
        source.rename(tmp_path / "repo" / "default" / split / "0000.parquet")
    data = load_data(tmp_path / "repo")
    assert data.counts() == faces.counts()
    assert len(set(data.ids)) == len(data)
    shutil.copytree(tmp_path / "repo" / "default", tmp_path / "repo" / "cropped")
    with pytest.raises(DataError, match=r"several data sets or configurations: cropped, default"):
        load_data(tmp_path / "repo")


def table_rows(faces, pixels):
    return [
        {
            "emotion": CSV_ORDER.index(EMOTIONS[label]),
            "pixels": pixels(image),
            "Usage": "PrivateTest" if split == 2 else "Training",
        }
        for image, label, split in zip(faces.images, faces.labels, faces.splits, strict=True)
    ]


@pytest.mark.parametrize(
    "pixels",
    [lambda image: " ".join(map(str, image.ravel())), lambda image: image.ravel().tolist()],
)
def test_fer2013s_table_as_parquet_is_read_as_the_csv_is(write, faces, tmp_path, pixels):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(table_rows(faces, pixels)), tmp_path / "a.parquet")
    data = load_data(tmp_path / "a.parquet")
    assert data.counts() == faces.counts()
    assert data.fingerprint == load_data(write.csv(tmp_path / "a.csv")).fingerprint
    assert set(data.usage[data.indices("test")]) == {"PrivateTest"}


def test_parquet_rows_whose_pixels_do_not_fit_are_listed(faces, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = table_rows(faces, lambda image: " ".join(map(str, image.ravel())))
    rows[3]["pixels"], rows[4]["pixels"] = "1 2 3", "x" + rows[4]["pixels"][1:]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    told = {n.thing: n.message for n in load_data(tmp_path / "a.parquet").notes}
    assert told["a.parquet row 4"] == "3 pixels instead of 2304"
    assert told["a.parquet row 5"] == "pixels must be whole numbers from 0 to 255"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file, as Keras saves weights"),
        ("fer2013.tar.gz", gzip.compress(b"x", mtime=0), "a gzip archive: unpack it"),
        ("a.pkl", b"\x80\x04\x95", "a pickle, which could run code"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    ],
)
def test_files_that_are_no_data_set_are_named_as_what_they_are(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_data(tmp_path / name)


def test_a_npz_that_announces_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("emotion_core.data.face_arrays._MOST_BYTES", 1000)
    np.savez(tmp_path / "a.npz", X=np.zeros((9, 48, 48), np.uint8), y=np.array(["sad"] * 9))
    with pytest.raises(DataError, match=r"bytes of arrays, over 1,000"):
        load_data(tmp_path / "a.npz")
