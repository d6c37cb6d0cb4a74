"""Every form of the data gives the same faces; bad input is named and nothing half-imported stays."""

import os
import pickle  # noqa: TID251 - to make the attack real
import struct
import warnings
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from emotion_core.data.duplicates import grouped
from emotion_core.data.folder import read_folder
from emotion_core.data.forms import recognise
from emotion_core.data.numpy_dict import read_numpy_dict
from emotion_core.data.parquet import read_parquet
from emotion_core.data.sources import load_data, same_source
from emotion_core.data.splits import split_indices
from emotion_core.data.synthetic import DEFAULT_COUNT
from emotion_core.data.table import read_csv
from emotion_core.data.walk import write_folder
from emotion_core.data.zips import read_zip
from emotion_core.errors import DataError
from emotion_core.labels import EMOTIONS

OTHER_NAMES = {"fear": "fearful", "disgust": "disgusted", "surprise": "surprised"}


def leftovers(cache):
    return [path.name for path in cache.rglob("*")] if cache.exists() else []


def test_every_form_gives_the_same_faces(write, faces, tmp_path):
    forms = [
        write.folder(tmp_path / "folder"),
        write.folder(tmp_path / "shout", lambda name: OTHER_NAMES.get(name, name).upper()),
        write.zip(tmp_path / "faces.zip"),
        write.zip(tmp_path / "nested.zip", "archive/fer/"),
        write.csv(tmp_path / "fer2013.csv"),
        write.csv(tmp_path / "icml_face_data.csv", ("emotion", " Usage", " pixels")),
        write.numpy_dict(tmp_path / "study.npy"),
        write.numpy_dict(tmp_path / "scaled.npy", scale=True, channel=True),
        write.parquet(tmp_path / "parquet", names=list(reversed(EMOTIONS))),
    ]
    for path in forms:
        data = load_data(path)
        assert data.counts() == faces.counts(), path.name
        expected = {(bytes(i), int(y)) for i, y in zip(faces.images, faces.labels, strict=True)}
        found = {(bytes(i), int(y)) for i, y in zip(data.images, data.labels, strict=True)}
        assert found == expected, path.name
        assert len(set(data.ids)) == len(data)
    assert len({load_data(path).fingerprint for path in forms}) == 1
    assert len({load_data(path).test_fingerprint for path in forms}) == 1
    order = [load_data(path).labels[load_data(path).indices("test")].tolist() for path in forms]
    assert all(labels == order[0] for labels in order)


def test_forms_are_recognised_by_content_not_by_name(write, tmp_path):
    assert recognise(write.zip(tmp_path / "faces.bin")).read is read_zip
    assert recognise(write.numpy_dict(tmp_path / "a.npy")).read is read_numpy_dict
    assert recognise(write.csv(tmp_path / "a.csv")).read is read_csv
    assert recognise(write.folder(tmp_path / "a")).read is read_folder
    assert recognise(write.parquet(tmp_path / "p", None)).read is read_parquet


def test_a_flat_folder_is_cut_by_emotion(write, faces, tmp_path):
    write.folder(tmp_path / "tree")
    flat = tmp_path / "flat"
    for emotion in EMOTIONS:
        (flat / emotion).mkdir(parents=True)
    for position, path in enumerate(sorted((tmp_path / "tree").rglob("*.png"))):
        path.rename(flat / path.parent.name / f"{position}.png")
    data = load_data(flat)
    counts = data.counts()
    assert {split: sum(row.values()) for split, row in counts.items()} == {
        "train": 126,
        "test": 14,
    }
    assert all(min(row.values()) > 0 for row in counts.values())
    assert any("a tenth of each emotion" in note.message for note in data.notes)


def test_frames_of_one_moment_stay_on_one_side_of_a_cut_test(faces, tmp_path, own_cache):
    rng = np.random.default_rng(0)
    chosen = [i for i in range(len(faces)) if faces.labels[i] in (3, 4)][:20]
    for i in chosen:
        folder = tmp_path / "burst" / EMOTIONS[faces.labels[i]]
        folder.mkdir(parents=True, exist_ok=True)
        for frame in range(5):
            noisy = faces.images[i] + rng.normal(0, 2, (48, 48))
            cv2.imwrite(str(folder / f"{i}_{frame}.png"), noisy.clip(0, 255).astype(np.uint8))
    data = load_data(tmp_path / "burst")
    split = split_indices(data, val_fraction=0.3)
    moments = [
        {data.ids[i].split("/")[-1].split("_")[0] for i in part} for part in vars(split).values()
    ]
    assert all(moments) and len(split.val) == pytest.approx(0.3 * 90, abs=6)
    assert not (moments[0] & moments[1] or moments[0] & moments[2] or moments[1] & moments[2])


def test_without_test_images_some_of_train_become_test_and_val_stays(write, tmp_path):
    tree = write.folder(tmp_path / "tree")
    before = load_data(tree).counts()
    (tree / "test").rename(tree / "validation")
    data = load_data(tree)
    counts = data.counts()
    assert counts["val"] == before["test"]
    for emotion in EMOTIONS:
        assert 0 < counts["test"][emotion] < counts["train"][emotion]
        taken = counts["train"][emotion] + counts["test"][emotion]
        assert taken == before["train"][emotion]
    (note,) = (note for note in data.notes if "no test given" in note.message)
    assert note.count == sum(counts["test"].values())


def test_a_source_is_parsed_once_however_its_path_is_spelled(write, tmp_path, monkeypatch):
    write.folder(tmp_path / "tree")
    monkeypatch.chdir(tmp_path)
    load_data("tree")
    told = []
    load_data(tmp_path / "tree", progress=lambda what, share: told.append(what))
    assert told == []
    assert same_source("tree", str(tmp_path / "tree"))
    assert same_source("synthetic", f"synthetic:{DEFAULT_COUNT}")
    assert not same_source("synthetic", "synthetic:71")


def test_the_usage_of_fer2013_is_kept(write, tmp_path):
    data = load_data(write.csv(tmp_path / "fer2013.csv"))
    assert set(data.usage[data.indices("test")]) == {"PrivateTest"}
    assert set(data.usage[data.indices("train")]) == {"Training"}


def test_the_second_load_reads_the_cache_and_a_changed_source_is_read_again(
    write, tmp_path, own_cache
):
    root = write.folder(tmp_path / "folder")
    first = load_data(root)
    assert isinstance(first.images, np.memmap)
    stored = list((own_cache / "data").iterdir())
    assert len(stored) == 1
    load_data(root)
    assert list((own_cache / "data").iterdir()) == stored
    next(root.rglob("*.png")).unlink()
    assert len(load_data(root)) == len(first) - 1


def test_wrong_size_colour_and_depth_are_converted_and_counted(write, faces, tmp_path):
    root = write.folder(tmp_path / "folder")
    face = faces.images[0]
    colour = cv2.cvtColor(cv2.resize(face, (96, 120)), cv2.COLOR_GRAY2BGR)
    cv2.imwrite(str(root / "train" / "happy" / "colour.png"), colour)
    cv2.imwrite(str(root / "train" / "happy" / "deep.png"), face.astype(np.uint16) * 257)
    data = load_data(root)
    told = {note.message: note.count for note in data.notes if note.kind == "fixed"}
    assert told["converted from color to gray"] == 1
    assert told["cropped to a square and scaled to 48 x 48"] == 1
    assert told["converted from 16 to 8 bit"] == 1
    deep = list(data.ids).index("train/happy/deep.png")
    assert np.array_equal(data.images[deep], face)


def test_unreadable_files_are_skipped_and_listed(write, tmp_path):
    root = write.folder(tmp_path / "folder")
    good = next((root / "train" / "sad").glob("*.png")).read_bytes()
    (root / "train" / "sad" / "half.png").write_bytes(good[: len(good) // 2])
    (root / "train" / "sad" / "text.jpg").write_text("no picture")
    (root / "train" / "sad" / "nothing.png").write_bytes(b"")
    jpeg = cv2.imencode(".jpg", np.full((48, 48), 90, np.uint8))[1].tobytes()
    (root / "train" / "sad" / "half.jpg").write_bytes(jpeg[:-40])
    data = load_data(root)
    skipped = {note.thing: note.message for note in data.notes if note.kind == "skipped"}
    assert skipped == {
        "train/sad/half.png": "truncated PNG",
        "train/sad/half.jpg": "truncated JPEG",
        "train/sad/text.jpg": "not a picture that can be read",
        "train/sad/nothing.png": "empty file",
    }
    assert len(data) == 140


def test_a_file_name_that_is_no_utf8_can_be_shown_and_stored(write, faces, tmp_path):
    root = write.folder(tmp_path / "folder")
    place = root / "train" / "happy"
    (place / "fr\udcf6h.png").write_bytes(write.png(faces.images[0]))  # Latin-1 on the disk
    (place / "\udce9.png").write_bytes(b"no picture")
    data = load_data(root)
    assert len(set(data.ids)) == len(data) == 141
    told = [str(name) for name in data.ids] + [note.thing for note in data.notes]
    assert "\n".join(told).encode()
    assert len(grouped(data)) == 141


def test_links_to_folders_are_followed_once_and_one_that_leads_nowhere_is_listed(
    write, faces, tmp_path
):
    real = write.folder(tmp_path / "elsewhere")
    root = tmp_path / "folder"
    root.mkdir()
    (root / "train").symlink_to(real / "train")
    (root / "test").mkdir()
    for emotion in EMOTIONS:
        (root / "test" / emotion).symlink_to(real / "test" / emotion)
    (root / "again").symlink_to(root)
    (real / "train" / "sad" / "gone.png").symlink_to(tmp_path / "nowhere")
    data = load_data(root)
    assert data.counts() == faces.counts()
    assert [note.thing for note in data.notes] == ["train/sad/gone.png"]
    (real / "test" / "sad" / "new.png").write_bytes(write.png(faces.images[0]))
    assert len(load_data(root)) == len(data) + 1  # seen through the link


def test_files_that_are_not_read_are_counted_by_their_ending(write, tmp_path):
    root = write.folder(tmp_path / "folder")
    place = root / "train" / "happy"
    for name in ("a.heic", "b.HEIC", "c", ".hidden"):
        (place / name).write_bytes(b"x")
    (root / "readme.txt").write_text("not among pictures")
    face = Image.fromarray(np.zeros((48, 48), np.uint8))
    for name, kind in (("a.gif", "GIF"), ("b.pgm", "PPM"), ("c.ppm", "PPM"), ("d.JFIF", "JPEG")):
        face.save(place / name, kind)
    data = load_data(root)
    assert len(data) == 144
    told = {note.thing: note.count for note in data.notes if note.kind == "skipped"}
    assert told == {"files .heic": 2, "files without ending": 1}


def test_what_is_written_as_a_folder_is_read_back(write, tmp_path):
    data = load_data(write.folder(tmp_path / "folder"))
    write_folder(data, tmp_path / "again")
    assert load_data(tmp_path / "again").fingerprint == data.fingerprint


def test_an_unknown_emotion_folder_and_an_empty_class_are_told(write, tmp_path):
    root = write.folder(tmp_path / "folder")
    (root / "train" / "fear").rename(root / "train" / "contempt")
    for path in (root / "test" / "fear").glob("*"):
        path.unlink()
    notes = {note.thing: note.message for note in load_data(root).notes}
    assert "unknown emotion folder" in notes["train/contempt"]
    assert notes["fear"] == "no image of this emotion"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path / "missing", "No file or folder at"),
        (lambda path: path, "No data set recognized in"),
    ],
)
def test_a_path_without_data_is_named(tmp_path, own_cache, make, message):
    with pytest.raises(DataError, match=message):
        load_data(make(tmp_path))
    assert leftovers(own_cache) == []


def test_csv_rows_that_do_not_fit_are_listed_by_line(write, tmp_path):
    path = write.csv(tmp_path / "fer2013.csv")
    lines = path.read_text().splitlines()
    lines[5] = lines[5].rsplit(" ", 1)[0] + lines[5][lines[5].rindex(",") :]
    lines[6] = lines[6].replace(" ", " 999 ", 1).replace(" 999 ", " 999", 1)
    lines[7] = "smirk" + lines[7][1:]
    path.write_text("\n".join(lines) + "\n")
    data = load_data(path)
    skipped = {note.thing: note.message for note in data.notes if note.kind == "skipped"}
    assert skipped["line 6"] == "2303 pixels instead of 2304"
    assert skipped["line 7"] == "pixels must be whole numbers from 0 to 255"
    assert skipped["line 8"] == "unknown emotion 'smirk'"
    assert len(data) == 137


def test_a_csv_may_start_with_a_mark_of_its_encoding(write, faces, tmp_path):
    path = write.csv(tmp_path / "fer2013.csv")
    text = path.read_text().replace("emotion,pixels", '"emotion","pixels"', 1)
    path.write_text(text, encoding="utf-8-sig")
    assert load_data(path).counts() == faces.counts()


def test_a_csv_with_other_columns_is_refused(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="must name the columns emotion and pixels"):
        load_data(path)


class _Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_code_in_a_npy_file_is_refused_and_does_not_run(tmp_path, own_cache):
    victim = tmp_path / "ran"
    content = np.array({"train": _Bomb(victim)}, dtype=object)
    np.save(tmp_path / "evil.npy", content, allow_pickle=True)
    with pytest.raises(DataError, match=r"is refused: it wants to load .*open"):
        load_data(tmp_path / "evil.npy")
    assert not victim.exists()
    assert leftovers(own_cache) == []
    assert pickle.dumps(_Bomb(victim))  # the bomb itself is live


class _Forged:
    """An array of objects whose places in memory the file gives."""

    def __init__(self, build, *arguments, state=None):
        self.parts = (build, arguments) if state is None else (build, arguments, state)

    def __reduce__(self):
        return self.parts


@pytest.mark.parametrize(
    "labels",
    [
        _Forged(np.ndarray, (4,), "O", b"A" * 32),
        _Forged(
            np._core.multiarray._reconstruct,
            np.ndarray,
            (0,),
            b"b",
            state=(1, (4,), _Forged(np.dtype, "O8", False, True), False, b"A" * 32),
        ),
        _Forged(np.dtype, "O8", False, True, state=(3, "|", None, ("a",), {"a": 1}, 8, 1, 0)),
    ],
)
def test_a_npy_file_cannot_reach_into_memory(tmp_path, own_cache, labels):
    images = np.zeros((4, 48, 48), np.uint8)
    content = np.array({"train": (images, labels)}, dtype=object)
    np.save(tmp_path / "forged.npy", content, allow_pickle=True)
    with pytest.raises(DataError, match=r"refused|not a readable|labels"):
        load_data(tmp_path / "forged.npy")


def test_a_npy_dictionary_with_number_labels_is_refused(tmp_path, faces):
    np.save(tmp_path / "a.npy", {"train": (faces.images, faces.labels)}, allow_pickle=True)
    with pytest.raises(DataError, match=r"labels are the numbers 0, 1, .* no order that is known"):
        load_data(tmp_path / "a.npy")


def test_npy_labels_that_are_float_numbers_are_refused_as_numbers(tmp_path, faces):
    content = {"train": (faces.images, faces.labels.astype(float))}
    np.save(tmp_path / "a.npy", content, allow_pickle=True)
    with pytest.raises(DataError, match=r"labels are the numbers 0, 1, .* no order that is known"):
        load_data(tmp_path / "a.npy")


def test_npy_labels_may_be_bytes_and_colours_are_red_green_blue(tmp_path):
    red = np.zeros((14, 48, 48, 3), np.uint8)
    red[..., 0] = 255
    labels = np.array([*EMOTIONS, *EMOTIONS]).astype("S")
    np.save(tmp_path / "a.npy", {"train": (red, labels)}, allow_pickle=True)
    data = load_data(tmp_path / "a.npy")
    assert len(data) == 14
    assert set(np.unique(data.images)) == {76}  # of red; blue would be 29


def test_npy_without_a_known_label_names_the_first(tmp_path, faces):
    labels = np.full(len(faces), "smirk")
    np.save(tmp_path / "a.npy", {"train": (faces.images, labels)}, allow_pickle=True)
    with pytest.raises(DataError, match=r"no readable face\. train 0: unknown emotion 'smirk'"):
        load_data(tmp_path / "a.npy")


def test_parquet_with_unnamed_number_labels_is_refused(write, tmp_path):
    with pytest.raises(DataError, match=r"labels are the numbers 0, 1, .* no order that is known"):
        load_data(write.parquet(tmp_path / "hub", names=None))


def zip_with(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "train/../../evil.png"])
def test_zip_entries_that_lead_outside_are_refused(tmp_path, own_cache, name):
    path = zip_with(tmp_path / "slip.zip", [("train/happy/a.png", b"x"), (name, b"x")])
    with pytest.raises(DataError, match="leads outside the archive"):
        load_data(path)
    assert leftovers(own_cache) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_zips_whose_unpacking_has_no_limit_are_refused(write, tmp_path, own_cache, method):
    path = tmp_path / "faces.zip"
    with (
        zipfile.ZipFile(write.zip(tmp_path / "a.zip")) as plain,
        zipfile.ZipFile(path, "w", method) as archive,
    ):
        for name in plain.namelist():
            archive.writestr(name, plain.read(name))
    with pytest.raises(DataError, match="zip it with Deflate"):
        load_data(path)


def test_zip_bombs_are_refused_before_they_are_unpacked(tmp_path, own_cache):
    path = zip_with(tmp_path / "bomb.zip", [("train/happy/a.png", b"\0" * 30_000_000)])
    with pytest.raises(DataError, match="as zip bombs do"):
        load_data(path)
    assert leftovers(own_cache) == []


def test_what_else_lies_in_a_zip_is_not_measured(write, tmp_path):
    path = write.zip(tmp_path / "faces.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.txt", b"loss 0.1\n" * 1_000_000)
    assert len(load_data(path)) == 140


def test_a_zip_of_a_table_says_to_unpack_it(write, tmp_path):
    csv = write.csv(tmp_path / "fer2013.csv")
    path = zip_with(tmp_path / "archive.zip", [("fer2013/fer2013.csv", csv.read_bytes())])
    with pytest.raises(DataError, match=r"but 'fer2013/fer2013\.csv': unpack it"):
        load_data(path)


@pytest.mark.parametrize("damage", ["name", "version"])
def test_a_zip_of_another_kind_is_refused(write, tmp_path, damage):
    path = write.zip(tmp_path / "faces.zip", "\u00e9/")
    raw = path.read_bytes()
    if damage == "name":
        raw = raw.replace("\u00e9/".encode(), b"\xff\xfe/")
    else:
        entry = raw.index(b"PK\x01\x02")
        raw = raw[: entry + 6] + b"\xff" + raw[entry + 7 :]
    path.write_bytes(raw)
    with pytest.raises(DataError, match="not a readable zip"):
        load_data(path)


def test_entries_with_backslashes_keep_their_usage(write, faces, tmp_path):
    face = write.png(faces.images[0])
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo()
        entry.filename = "test\\happy\\PrivateTest_1.png"
        archive.writestr(entry, face)
    assert load_data(path).usage.tolist() == ["PrivateTest"]


def test_a_damaged_zip_is_refused(write, tmp_path):
    path = write.zip(tmp_path / "faces.zip")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="not a readable zip"):
        load_data(path)


def announce(jpeg: bytes, width: int, height: int) -> bytes:
    """The same JPEG with other numbers in its header."""
    place = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:place] + struct.pack(">HH", height, width) + jpeg[place + 4 :]


def test_pictures_that_announce_gigabytes_are_skipped_before_they_are_unpacked(
    write, faces, tmp_path, monkeypatch
):
    root = write.folder(tmp_path / "folder")
    place = root / "train" / "sad"
    png = write.png(faces.images[0])
    (place / "bomb.png").write_bytes(png[:16] + struct.pack(">II", 30_000, 40_000) + png[24:])
    jpeg = cv2.imencode(".jpg", faces.images[0])[1].tobytes()
    (place / "bomb.jpg").write_bytes(announce(jpeg, 30_000, 20_000))
    (place / "none.jpg").write_bytes(announce(jpeg, 0, 48))
    decoded = []
    real = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda data, mode: decoded.append(1) or real(data, mode))
    data = load_data(root)
    skipped = {note.thing: note.message for note in data.notes if note.kind == "skipped"}
    assert set(skipped) == {f"train/sad/{name}" for name in ("bomb.png", "bomb.jpg", "none.jpg")}
    assert skipped["train/sad/bomb.png"] == "30000 x 40000 pixels, more than 8192 per side"
    assert "more than 8192" in skipped["train/sad/bomb.jpg"]
    assert len(decoded) == len(data) == 140


@pytest.mark.parametrize("quality", ["compression", "checksum", "stream"])
def test_a_zip_entry_that_cannot_be_unpacked_is_skipped_and_listed(write, tmp_path, quality):
    path = write.zip(tmp_path / "faces.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/happy/broken.png", b"\x89PNG" + bytes(range(256)) * 9)
        entry = archive.getinfo("train/happy/broken.png")
    raw = bytearray(path.read_bytes())
    if quality == "compression":
        raw[raw.rindex(b"PK\x01\x02") + 10] = 9  # Deflate64
    else:
        start = entry.header_offset + 30 + len(entry.filename)
        where = start if quality == "stream" else start + entry.compress_size // 2
        raw[where] ^= 0xFF
    path.write_bytes(raw)
    data = load_data(path)
    assert [note.thing for note in data.notes if note.kind == "skipped"] == [
        "train/happy/broken.png"
    ]
    assert len(data) == 140


def test_a_zip_with_a_name_twice_gives_one_face_for_it(write, faces, tmp_path):
    path = write.zip(tmp_path / "faces.zip")
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(archive.namelist()[0], write.png(faces.images[1]))
    data = load_data(path)
    assert len(set(data.ids)) == len(data) == 140


def test_an_open_quotation_in_a_csv_is_named_by_line(write, tmp_path):
    path = write.csv(tmp_path / "fer2013.csv")
    lines = path.read_text().splitlines()
    lines[3] = '"' + lines[3]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"line \d+: field larger.*quotation mark"):
        load_data(path)


def test_csv_codes_in_foreign_digits_are_no_crash(write, tmp_path):
    path = write.csv(tmp_path / "fer2013.csv")
    path.write_text(path.read_text() + "²,1 2 3,Training\n")
    skipped = [note.message for note in load_data(path).notes if note.kind == "skipped"]
    assert skipped == ["unknown emotion '²'"]


def test_a_csv_that_is_no_text_is_refused_without_printing_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(os.urandom(3000))
    with pytest.raises(DataError, match="must name the columns emotion and pixels"):
        load_data(path)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.full((7, 48, 48), np.nan, np.float32), "range from nan to nan"),
        (np.linspace(-2, 2, 7 * 2304).reshape(7, 48, 48), "before any standardisation"),
        (np.zeros((7, 48, 48), np.complex64), "must be numbers"),
        (np.zeros((7, 0, 48), np.uint8), "must be numbers"),
        ([np.zeros((48, 48)), np.zeros((40, 48))], "different sizes"),
    ],
)
def test_npy_images_that_are_no_pictures_are_refused(tmp_path, own_cache, images, message):
    names = list(EMOTIONS)[: len(images)]
    np.save(tmp_path / "a.npy", {"train": (images, names)}, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        load_data(tmp_path / "a.npy")
    assert leftovers(own_cache) == []


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_damaged_parquet_file_is_named(write, tmp_path, keep):
    folder = write.parquet(tmp_path / "hub", names=list(EMOTIONS))
    path = folder / "train-00000-of-00001.parquet"
    raw = path.read_bytes()
    path.write_bytes(raw[: int(keep * len(raw))])
    with pytest.raises(DataError, match=r"train-00000-of-00001\.parquet is not a readable Parquet"):
        load_data(folder)


@pytest.mark.parametrize("name", ["images.npy", "rows.npz", "meta.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_cache_is_made_again(write, faces, tmp_path, own_cache, name, damage):
    path = write.zip(tmp_path / "faces.zip")
    before = load_data(path)
    (stored,) = own_cache.glob(f"data/*/{name}")
    if damage == "cut":
        stored.write_bytes(stored.read_bytes()[:200])
    else:
        stored.unlink()
    again = load_data(path)
    assert again.fingerprint == before.fingerprint
    assert len(list((own_cache / "data").iterdir())) == 1


def test_only_the_newest_state_of_a_source_stays_in_the_cache(write, tmp_path, own_cache):
    root = write.folder(tmp_path / "folder")
    other = write.zip(tmp_path / "faces.zip")
    first = load_data(root)
    load_data(other)
    next(root.rglob("*.png")).unlink()
    load_data(root)
    assert len(list((own_cache / "data").iterdir())) == 2
    assert first.images[:3].sum() > 0  # what is mapped stays readable


def test_a_data_set_loads_where_the_cache_cannot_be_written_and_says_so(
    write, faces, tmp_path, own_cache
):
    path = write.zip(tmp_path / "faces.zip")
    own_cache.write_text("a file where the folder should be")
    data = load_data(path)
    assert data.counts() == faces.counts() and data.source == str(path)
    (note,) = (note for note in data.notes if note.thing == "cache")
    assert "not kept in" in note.message and "EMOTION_CACHE" in note.message


def test_a_name_that_the_system_refuses_is_one_line():
    with pytest.raises(
        DataError, match=r"is not the path of a file or folder \(File name too long\)"
    ):
        load_data("/" + "a" * 5000)


def test_progress_reaches_the_end(write, tmp_path):
    shares = []
    load_data(write.folder(tmp_path / "f"), progress=lambda text, share: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] >= 0.99


@pytest.mark.fer2013
def test_fer2013_has_its_published_counts_and_fingerprint(fer2013):
    data = load_data(fer2013)
    assert data.name == "FER-2013"
    assert len(data) == 35_887
    assert data.fingerprint == "f8c7402ad12754b3f1feb37f99e4a15b"
    usage = data.usage[data.indices("test")]
    assert (usage == "PublicTest").sum() == (usage == "PrivateTest").sum() == 3589
