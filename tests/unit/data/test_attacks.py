"""Small files that were made to exhaust memory or time are refused by one clear error each.

Each is read in a process of its own, which may use 10 s of a processor; the largest memory that it
had is measured by the system.
"""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from emotion_core.labels import EMOTIONS
from tests.limits import Limited, Outcome

MEGABYTES = 500
LOAD = "tests.limits:faces_of"


@pytest.fixture(scope="module")
def limited() -> Iterator[Limited]:
    server = Limited("emotion_core.data.sources", "pyarrow.parquet", "tests.limits")
    yield server
    server.close()


@pytest.fixture
def read(limited, own_cache):
    """Read a path under limits."""

    def call(path: Path) -> Outcome:
        outcome = limited.call(LOAD, str(path), EMOTION_CACHE=str(own_cache))
        assert outcome.megabytes < MEGABYTES, outcome
        assert outcome.text.encode() and len(outcome.text) < 1_000
        return outcome

    return call


def refused(outcome: Outcome, *words: str) -> None:
    assert outcome.kind in ("DataError", "UsedUpError"), outcome
    for word in words:
        assert word in outcome.text


# .npy dictionaries


def npy(path: Path, pickled: bytes) -> Path:
    with path.open("wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(pickled)
    return path


def laughs(depth: int, wide: int) -> bytes:
    """Lists in lists, each with references to the one before it."""
    body = b"\x80\x04]\x94Na"
    for level in range(depth):
        place = level.to_bytes(1, "little") if level < 256 else b""
        body += b"]\x94(" + (b"h" + place) * wide + b"e"
    return body + b"."


_NUMBERS = b"".join(
    b"\x8a\x0b" + (k * (2**61 - 1)).to_bytes(11, "little") + b"N" for k in range(1, 60_000)
)
_PICKLES = {
    "a memo of 4 GB": (b"]r\xff\xff\xff\x0f.", "must hold a dictionary"),
    "a memo of 16 GB": (b"]r\xff\xff\xff\x3f.", "must hold a dictionary"),
    "a memo by text": (b"]p999999999999\n.", "must hold a dictionary"),
    "three in two hundred": (laughs(200, 3), "nested more than"),
    "a thousand in ten": (laughs(9, 1000), "repeats its content"),
    "bytes without end": (b"\x8e" + (2**40).to_bytes(8, "little"), "more bytes than it has"),
    "bytearray without end": (b"\x96" + (2**62).to_bytes(8, "little"), "more bytes than it has"),
    "a frame without end": (b"\x80\x04\x95" + (2**40).to_bytes(8, "little"), "more bytes than"),
    "text without end": (b"\x8d" + (2**50).to_bytes(8, "little"), "more bytes than it has"),
    "a deep key": (b"})" + b"\x85" * 900_000 + b"Ns.", "keys of type tuple"),
    "keys that collide": (b"}(" + _NUMBERS + b"u.", "keys"),
    "half a million lists": (b"](" + b"]" * 500_000 + b"e.", "must hold a dictionary"),
    "half a million marks": (b"(" * 500_000 + b".", "not a readable"),
    "a huge number": (
        b"}(\x8b" + (900_000).to_bytes(4, "little") + b"\x7f" * 900_000 + b"Nu.",
        "keys of type int",
    ),
    "a changed function": (b"c_codecs\nencode\n}Vx\nNsb.", "changes objects"),
    "an instruction to load": (b"\x80\x04\x82\x01.", "not a readable"),
}


@pytest.mark.parametrize("name", _PICKLES)
def test_pickles_that_announce_more_than_they_hold(read, tmp_path, name):
    body, words = _PICKLES[name]
    refused(read(npy(tmp_path / "a.npy", body)), words)


def test_texts_are_not_made_as_long_as_the_longest(read, tmp_path):
    # 100,000 labels as long as the longest would be 200 GB.
    labels = b"](X" + struct.pack("<I", 500_000) + b"x" * 500_000
    labels += b"\x8c\x03sad\x94" + b"h\x00" * 100_000 + b"e"
    body = b"\x80\x04}(\x8c\x05train" + b"](" + b"K\x00" * 4 + b"e" + labels + b"\x86u."
    refused(read(npy(tmp_path / "a.npy", body)), "images must be")


_ODD = {
    "huge": 10**5000,
    "surrogate": "tr\ud800ain",
    "list": ["a"],
    "nothing": None,
    "not a number": float("nan"),
}


@pytest.mark.parametrize("name", _ODD)
def test_labels_that_cannot_be_written_are_told(read, tmp_path, name):
    images = np.zeros((7, 48, 48), np.uint8)
    labels = np.array([None, *EMOTIONS[1:]], object)
    labels[0] = _ODD[name]
    content = np.empty((), object)
    content[()] = {"train": (images, labels)}
    np.save(tmp_path / "a.npy", content, allow_pickle=True)
    outcome = read(tmp_path / "a.npy")
    assert outcome.kind == "" and outcome.text.startswith("6 faces"), outcome
    assert "unknown emotion" in outcome.text


@pytest.mark.parametrize("name", ["huge", "surrogate", "nothing"])
def test_keys_that_cannot_be_written_are_told(read, tmp_path, name):
    key = _ODD[name]
    content = {key: (np.zeros((1, 48, 48), np.uint8), ["sad"]), "k": 1}
    np.save(tmp_path / "a.npy", content, allow_pickle=True)
    refused(read(tmp_path / "a.npy"))


def test_faces_of_one_pixel_are_refused(read, tmp_path):
    count = 60_000
    content = {"train": (np.zeros((count, 1, 1), np.uint8), np.full(count, "sad"))}
    np.savez_compressed(
        tmp_path / "a.npz", x_train=content["train"][0], y_train=content["train"][1]
    )
    refused(read(tmp_path / "a.npz"), "as bombs do")
    np.save(tmp_path / "a.npy", content, allow_pickle=True)
    refused(read(tmp_path / "a.npy"), "as bombs do")


def test_an_npz_that_unpacks_to_gigabytes_is_refused(read, tmp_path):
    path = tmp_path / "a.npz"
    header = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (100_000, 48, 48)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x_train.npy", "w", force_zip64=True) as file:
            file.write(header.getvalue())
            for _ in range(100):
                file.write(bytes(2_304_000))
        archive.writestr("y_train.npy", b"")
    assert path.stat().st_size < 1_000_000
    refused(read(path), "as bombs do")


# Parquet


def parquet(path: Path, table: pa.Table, **options: object) -> Path:
    pq.write_table(table, path, **options)
    assert path.stat().st_size < 1_000_000
    return path


def png(side: int = 48) -> bytes:
    return cv2.imencode(".png", np.zeros((side, side), np.uint8))[1].tobytes()


@pytest.mark.parametrize("column", ["image", "label", "split"])
@pytest.mark.parametrize("megabytes", [8, 100])
def test_one_value_of_megabytes_in_every_row_is_refused(read, tmp_path, column, megabytes):
    count = 512
    big = bytes(megabytes * 1024**2)
    values = {"image": png(), "label": "sad", "split": "train"}
    values[column] = big if column == "image" else big.decode()
    dictionaries = {
        name: pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([value]))
        for name, value in values.items()
    }
    path = parquet(
        tmp_path / "a.parquet",
        pa.table(dictionaries),
        compression="zstd",
        dictionary_pagesize_limit=2**30,
    )
    outcome = read(path)
    if column == "image" or megabytes == 100:
        refused(outcome, "refused")
    else:
        assert outcome.kind in ("", "DataError"), outcome


def test_values_that_repeat_the_one_before_are_refused(read, tmp_path):
    big = bytes(4 * 1024**2)
    table = pa.table({"image": [big] * 64, "label": ["sad"] * 64})
    path = parquet(
        tmp_path / "a.parquet",
        table,
        compression="zstd",
        use_dictionary=False,
        column_encoding={"image": "DELTA_BYTE_ARRAY"},
    )
    refused(read(path), "refused")


def test_a_page_of_zeros_is_refused(read, tmp_path):
    table = pa.table({"image": [bytes(100 * 1024**2)], "label": ["sad"]})
    path = parquet(tmp_path / "a.parquet", table, compression="zstd", use_dictionary=False)
    refused(read(path), "refused")


def test_a_page_that_announces_more_than_the_file_says_is_refused(read, tmp_path):
    table = pa.table({"image": [png()] * 20, "label": ["sad"] * 20})
    path = parquet(tmp_path / "a.parquet", table, use_dictionary=False, compression="gzip")
    raw = bytearray(path.read_bytes())
    assert raw[4:7] == b"\x15\x00\x15"  # data page; then the unpacked size, in two bytes
    size = raw[7] & 127 | raw[8] << 7
    more = (size >> 1) + 2**28 << 1
    varint = bytes(more >> 7 * k & 127 | (128 if k < 4 else 0) for k in range(5))
    raw[7:9] = varint
    path.write_bytes(raw)
    refused(read(path))


def test_rows_and_values_without_bytes_are_refused(read, tmp_path):
    nothing = pa.nulls(3_000_000, pa.binary())
    labels = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(nothing), np.int32)), ["sad"])
    path = parquet(tmp_path / "a.parquet", pa.table({"image": nothing, "label": labels}))
    refused(read(path), "3,000,000 rows")
    lists = pa.array([np.zeros(30_000_000, np.uint8)])
    table = pa.table({"pixels": lists, "label": ["sad"]})
    refused(read(parquet(tmp_path / "b.parquet", table, compression="zstd")), "values in")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("label", pa.array([2**62], pa.timestamp("us"))),
        ("label", pa.array([2**31 - 1], pa.date32())),
        ("label", pa.array([2**63 - 1], pa.duration("s"))),
        ("split", pa.array([2**62], pa.timestamp("us"))),
        ("split", pa.array([[1]])),
        ("image", pa.array([2**62], pa.timestamp("ns"))),
        ("image", pa.array([{"path": "a.png"}])),
    ],
)
def test_columns_of_dates_and_others_are_named(read, tmp_path, column, values):
    columns = {"image": pa.array([png()]), "label": pa.array(["sad"]), "split": pa.array(["train"])}
    path = parquet(tmp_path / "a.parquet", pa.table(columns | {column: values}))
    refused(read(path), f"the column '{column}' has the type", "expected")


def test_deep_metadata_and_many_columns_are_no_crash(read, tmp_path):
    table = pa.table({"image": [png()] * 7, "label": list(EMOTIONS)})
    deep = table.replace_schema_metadata({"huggingface": "[" * 100_000})
    assert read(parquet(tmp_path / "a.parquet", deep)).text.startswith("7 faces")
    many = pa.table({f"column {number} with a long name": [1] for number in range(2_000)})
    refused(read(parquet(tmp_path / "b.parquet", many)), "expected a column image", "column 0")


# Zips and pictures


def zip_of(path: Path, entries: Iterator[tuple[str, bytes]], **options: object) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    assert path.stat().st_size < 1_000_000
    return path


def test_a_zip_lists_its_entries_before_any_becomes_an_object(read, tmp_path):
    # As zipfile goes by the directory's bytes, the number that is announced may be a lie.
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<HHH", 1, 0, 0) + bytes(12) + b"a"
    count = 2_500_000
    path = tmp_path / "many.zip"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04" + bytes(26))
        for _ in range(count // 500_000):
            file.write(entry * 500_000)
        file.write(b"PK\x05\x06" + bytes(4) + struct.pack("<HHIIH", 7, 7, count * 47, 30, 0))
    refused(read(path), "at most 500,000 are read")


def test_pictures_that_are_much_larger_than_their_files_are_refused(read, tmp_path):
    picture = png(8_192)
    names = (f"train/happy/{number}.png" for number in range(20))
    refused(read(zip_of(tmp_path / "a.zip", ((name, picture) for name in names))), "as bombs do")
    folder = tmp_path / "folder" / "train" / "happy"
    folder.mkdir(parents=True)
    (folder / "0.png").write_bytes(picture)
    for number in range(1, 200):
        (folder / f"{number}.png").symlink_to(folder / "0.png")
    refused(read(tmp_path / "folder"), "as bombs do")


def test_entries_that_share_their_bytes_are_counted_each(read, tmp_path):
    """Many entries of a directory may point to one entry's bytes."""
    base = zip_of(tmp_path / "base.zip", iter([("train/happy/0.png", png(3_000))]))
    raw = base.read_bytes()
    start = raw.index(b"PK\x01\x02")
    end = raw.index(b"PK\x05\x06")
    entry = raw[start:end]
    entries = b"".join(
        entry.replace(b"happy/0.png", f"happy/{number:05d}.png".encode()).replace(
            struct.pack("<H", 17), struct.pack("<H", 21), 1
        )
        for number in range(9_000)
    )
    tail = struct.pack("<HHIIH", 9_000, 9_000, len(entries), start, 0)
    path = tmp_path / "a.zip"
    path.write_bytes(raw[:start] + entries + b"PK\x05\x06" + bytes(4) + tail)
    assert path.stat().st_size < 1_000_000
    outcome = read(path)
    assert outcome.kind in ("", "DataError", "UsedUpError"), outcome


def test_long_names_do_not_make_every_name_long(read, tmp_path):
    names = [f"train/happy/{'n' * 60_000}.png", *(f"train/sad/{n}.png" for n in range(2_000))]
    outcome = read(zip_of(tmp_path / "a.zip", ((name, png(2)) for name in names)))
    assert outcome.text.startswith("2001 faces"), outcome


def test_a_hundred_thousand_unknown_folders_are_counted(read, tmp_path):
    names = [f"{number:x}/a.png" for number in range(7_000)]
    path = zip_of(tmp_path / "a.zip", ((name, b"") for name in ("train/happy/a.png", *names)))
    refused(read(path), "no readable face")


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan, which changes nothing, comes again and again."""
    out = io.BytesIO()
    Image.new("L", (side, side), 90).save(out, "JPEG", progressive=True)
    raw = out.getvalue()
    last = raw.rindex(b"\xff\xda")
    return raw[:-2] + raw[last:-2] * scans + b"\xff\xd9"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(side: int, kind: int, depth: int) -> bytes:
    """A PNG of zeros with any number of channels and bits."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
    row = bytes(1 + side * channels * depth // 8)
    packer = zlib.compressobj(9)
    rows = [packer.compress(row) for _ in range(side)]
    body = b"".join(rows) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def png_with(length: int, kind: bytes) -> bytes:
    """A PNG with a chunk that announces another length than it has."""
    raw = png_of(48, 0, 8)
    return raw[:33] + struct.pack(">I", length) + kind + raw[33:]


def png_frame(side: int) -> bytes:
    """An animated PNG with a frame that is larger than the picture."""
    raw = png_of(48, 0, 8)
    frame = struct.pack(">IIIIIHHBB", 0, side, side, 0, 0, 1, 1, 0, 0)
    animation = chunk(b"acTL", struct.pack(">II", 1, 0)) + chunk(b"fcTL", frame)
    return raw[:33] + animation + raw[33:]


_PICTURES = {
    "chunk.png": (lambda: png_with(2**30, b"tEXt"), "truncated PNG"),
    "data.png": (lambda: png_with(2**31 - 1, b"IDAT"), "truncated PNG"),
    "frame.png": (lambda: png_frame(30_000), "not a picture that can be read"),
    "scans.jpg": (lambda: jpeg_of_scans(4_000, 3_000), "more than 64 scans"),
    "large.jpg": (lambda: jpeg_of_scans(6_000, 1), "which take"),
    "deep.png": (lambda: png_of(6_000, 6, 16), "which take"),
    "wide.png": (lambda: png_of(8_193, 0, 8), "more than 8192 per side"),
}


@pytest.mark.parametrize("name", _PICTURES)
def test_a_picture_that_takes_much_memory_or_time_is_left_out(read, tmp_path, name):
    make, words = _PICTURES[name]
    data = make()
    assert len(data) < 1_000_000
    place = tmp_path / "f" / "train" / "happy"
    place.mkdir(parents=True)
    (place / name).write_bytes(data)
    refused(read(tmp_path / "f"), f"happy/{name}", words)


def test_a_tiff_of_one_giant_tile_is_left_out(read, tmp_path):
    pixels = zlib.compress(bytes(48 * 48))
    tags = {256: 48, 257: 48, 258: 8, 259: 8, 262: 1, 277: 1, 322: 16_000, 323: 16_000}
    tags |= {324: 8, 325: len(pixels)}  # where the tile is, and its bytes
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    body = b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels
    place = tmp_path / "f" / "train" / "happy"
    place.mkdir(parents=True)
    (place / "a.tif").write_bytes(body + struct.pack("<H", len(tags)) + entries + bytes(4))
    refused(read(tmp_path / "f"), "happy/a.tif", "which take")


# Special files


@pytest.mark.parametrize("kind", ["pipe", "device", "sparse", "folder"])
@pytest.mark.parametrize("name", ["a.png", "a.parquet", "a.csv", "a.npy", "a.zip"])
def test_what_is_no_file_is_left_out(write, faces, read, tmp_path, kind, name):
    root = write.folder(tmp_path / "folder")
    path = root / "train" / "happy" / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(30 * 1024**3)
    else:
        path.mkdir()
    outcome = read(root)
    assert outcome.text.startswith("140 faces"), outcome
    if name == "a.png" and kind != "folder":
        assert "happy/a.png" in outcome.text
    refused(read(path))


def test_pipes_among_parquet_files_are_left_out(write, read, tmp_path):
    folder = write.parquet(tmp_path / "hub", names=list(EMOTIONS))
    os.mkfifo(folder / "valid-00000-of-00001.parquet")
    assert read(folder).text.startswith("140 faces")


@pytest.mark.parametrize("name", ["a.csv", "a.npy", "a.parquet", "a.zip"])
def test_a_sparse_file_with_the_right_start_is_refused(write, read, tmp_path, name):
    start = {
        "a.csv": b"emotion,pixels\n0,",
        "a.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (), }",
        "a.parquet": b"PAR1",
        "a.zip": b"PK\x03\x04",
    }[name]
    with (tmp_path / name).open("wb") as file:
        file.write(start)
        file.truncate(30 * 1024**3)
    refused(read(tmp_path / name))


# Names, depth and text


def test_a_tree_of_a_thousand_folders_in_one_another_is_read(write, read, tmp_path, monkeypatch):
    root = write.folder(tmp_path / "f")
    monkeypatch.chdir(root)
    for _ in range(1_200):
        Path("d").mkdir()
        os.chdir("d")
    outcome = read(root)
    for _ in range(1_200):  # pytest cannot remove as deep a tree
        os.chdir("..")
        Path("d").rmdir()
    assert outcome.text.startswith("140 faces")


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "x" * 5_000, "~nobody/x", "/dev/zero"])
def test_a_path_that_no_file_has_is_told(limited, own_cache, text):
    outcome = limited.call(LOAD, text, EMOTION_CACHE=str(own_cache))
    assert outcome.kind == "DataError", outcome


def test_a_csv_line_without_end_is_refused(read, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"emotion,pixels\n" + b"0 " * 400_000 + b"\n" + b"1" * 10_000_000)
    refused(read(path))


def test_a_csv_of_bad_rows_alone_is_counted(read, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("emotion,pixels\n" + "9,\n" * 100_000)
    refused(read(path), "no readable face", "line 2")
