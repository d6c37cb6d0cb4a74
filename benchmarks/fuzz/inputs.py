"""Small valid files of every kind that is read, and what damage makes of them.

Input number N of a seed is the same on every machine with the same libraries.
"""

import csv
import io
import os
import pickle  # noqa: TID251 - to write what the readers must refuse
import random
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from benchmarks.fuzz.damage import (
    ODD_VALUES,
    damaged,
    damaged_png,
    damaged_text,
)
from benchmarks.fuzz.runs import runs
from emotion_core.data.synthetic import draw_face
from emotion_core.labels import EMOTIONS

_NAMES = (
    *("train", "test", "val", "Training", "happy", "Sad", "3", "07_fear", "contempt", "eval", ".."),
    *("", ".hidden", "__MACOSX", "a" * 250, "\N{GRINNING FACE}" * 60, "caf\udce9", "a\\b", "a:b"),
    *("x\ny", "\x1b[31m", "=1+1", "CON", "a" * 60_000, "data", "images"),
)
_CODECS = (("mpeg4", "avi"), ("mjpeg", "avi"), ("libx264", "mp4"), ("mpeg1video", "mpeg"))


@cache
def faces() -> tuple[tuple[str, np.ndarray], ...]:
    """Two drawn faces of each emotion: name and ``(48, 48)`` uint8."""
    return tuple((name, draw_face(name, seed)) for seed in (1, 2) for name in EMOTIONS)


@cache
def pictures() -> dict[str, bytes]:
    """A face in every format, by the ending of its name."""
    face = Image.fromarray(faces()[3][1])
    colour, found = face.convert("RGBA"), {}
    colour.putalpha(face)
    for ending, kind, image, options in (
        ("png", "PNG", face, {}),
        ("rgba.png", "PNG", colour, {}),
        ("palette.png", "PNG", face.convert("P"), {"transparency": 3}),
        ("jpg", "JPEG", face, {}),
        ("progressive.jpg", "JPEG", colour.convert("RGB"), {"progressive": True}),
        ("gif", "GIF", face, {"save_all": True, "append_images": [face.rotate(90)]}),
        ("bmp", "BMP", colour.convert("RGB"), {}),
        ("webp", "WEBP", colour, {}),
        ("lossless.webp", "WEBP", face.convert("RGB"), {"lossless": True}),
        ("tif", "TIFF", face, {}),
        ("lzw.tif", "TIFF", colour, {"compression": "tiff_lzw"}),
        ("ppm", "PPM", colour.convert("RGB"), {}),
        ("pgm", "PPM", face, {}),
    ):
        out = io.BytesIO()
        image.save(out, kind, **options)
        found[ending] = out.getvalue()
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    face.save(out, "JPEG", exif=exif)
    deep = cv2.imencode(".png", faces()[3][1].astype(np.uint16) * 257)[1].tobytes()
    return found | {"turned.jpg": out.getvalue(), "deep.png": deep}


@cache
def videos() -> dict[str, bytes]:
    """Eight frames of a face in several containers, by the ending of their names."""
    found = {}
    frame = np.repeat(cv2.resize(faces()[3][1], (64, 64))[..., None], 3, axis=2)
    for codec, kind in _CODECS:
        out = io.BytesIO()
        with av.open(out, "w", format=kind) as container:
            stream: Any = container.add_stream(codec, rate=25, width=64, height=64)
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.thread_count = 1
            for shift in range(8):
                moved: Any = np.roll(frame, shift, axis=1)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
            container.mux(stream.encode(None))
        found[f"{codec}.{kind}"] = out.getvalue()
    return found


def picture(rng: random.Random, place: Path) -> Path:
    """A damaged picture."""
    kinds = pictures()
    ending = rng.choice(list(kinds))
    path = place / f"a.{ending}"
    path.write_bytes(_damaged_picture(rng, kinds[ending]))
    return path


def _damaged_picture(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.4 and data.startswith(b"\x89PNG"):
        return damaged_png(rng, data)
    return damaged(rng, data, list(pictures().values()))


def video(rng: random.Random, place: Path) -> Path:
    """A damaged video."""
    kinds = videos()
    name = rng.choice(list(kinds))
    path = place / f"a.{name}"
    path.write_bytes(damaged(rng, kinds[name], list(kinds.values())))
    return path


def table(rng: random.Random, place: Path) -> Path:
    """A damaged CSV of faces."""
    separator = rng.choice((",", ",", ";", "\t"))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerow(("emotion", "pixels", "Usage"))
    for number, (emotion, face) in enumerate(faces()[:7]):
        usage = ("Training", "PublicTest", "PrivateTest")[number % 3]
        label = str(number) if rng.random() < 0.8 else emotion
        writer.writerow((label, " ".join(map(str, face.ravel())), usage))
    text = out.getvalue().rstrip("\n")
    if rng.random() < 0.6:
        text = damaged_text(rng, text, separator)
    data = text.encode("utf-8", "surrogatepass")
    path = place / "a.csv"
    path.write_bytes(damaged(rng, data, []) if rng.random() < 0.5 else data)
    return path


def _odd_array(rng: random.Random) -> Any:
    """What may stand where images or labels should be."""
    images = np.stack([face for _, face in faces()])
    labels = np.array([name for name, _ in faces()])
    kind = rng.choice(("u1", "u2", "i8", "f2", "f4", "f8", "c8", "b1", "U5", "S5", "O"))
    return rng.choice(
        (
            *(images, labels, images / 255, list(images), labels.tolist(), labels.astype("S")),
            *(images[..., None], np.repeat(images[..., None], 3, axis=3), images.reshape(14, -1)),
            *(images[:3], images[:, :5, :7], images * -1.0, np.zeros((0, 48, 48)), np.zeros(0)),
            np.eye(7)[np.arange(14) % 7],
            np.arange(14) % 8,
            np.array([rng.choice(ODD_VALUES) for _ in range(14)], object),
            np.zeros(rng.choice(((), (14,), (14, 1, 1), (2, 2, 2, 2, 2))), kind),
            rng.choice(ODD_VALUES),
        )
    )


def arrays(rng: random.Random, place: Path) -> Path:
    """A damaged ``.npy`` dictionary or ``.npz``."""
    images = np.stack([face for _, face in faces()])
    labels = np.array([name for name, _ in faces()])
    good = rng.random() < 0.4
    content = {
        name: (images, labels) if good else (_odd_array(rng), _odd_array(rng))
        for name in rng.sample(("train", "test", "val", "x", "Training"), rng.choice((1, 2, 3)))
    }
    out = io.BytesIO()
    if rng.random() < 0.3:
        named = {
            f"{part}_{name}": pair[at]
            for name, pair in content.items()
            for at, part in enumerate("xy")
        }
        plain = {name: np.asarray(value) for name, value in named.items() if _is_plain(value)}
        write: Any = np.savez_compressed if rng.random() < 0.5 else np.savez
        write(out, **plain)
        path = place / "a.npz"
    else:
        value = np.empty((), object)
        value[()] = content if rng.random() < 0.9 else rng.choice((*ODD_VALUES, images))
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(out, header)
        pickle.dump(value, out, protocol=rng.randrange(6))
        path = place / "a.npy"
    data = out.getvalue()
    path.write_bytes(damaged(rng, data, []) if good or rng.random() < 0.3 else data)
    return path


def _is_plain(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind != "O"
    except (ValueError, OverflowError):
        return False


def parquet(rng: random.Random, place: Path) -> Path:
    """A damaged Parquet file or folder of them."""
    good = rng.random() < 0.5
    columns: dict[str, Any] = {
        "image": rng.choice(_image_columns()),
        "label": pa.array([name for name, _ in faces()]),
        "split": pa.array(["train", "test"] * 7),
    }
    if not good:
        columns[rng.choice(list(columns))] = rng.choice(_odd_columns())
    if rng.random() < 0.2:
        del columns[rng.choice(list(columns))]
    written = pa.table(columns)
    if rng.random() < 0.3:
        notes = rng.choice((b'{"info": {"features": {"label": {"names": ["sad"]}}}}', b"[" * 5_000))
        written = written.replace_schema_metadata({"huggingface": notes})
    out = io.BytesIO()
    pq.write_table(
        written,
        out,
        compression=rng.choice(("none", "snappy", "gzip", "zstd", "brotli")),
        use_dictionary=rng.random() < 0.5,
        data_page_version=rng.choice(("1.0", "2.0")),
        row_group_size=rng.choice((3, 100)),
    )
    data = out.getvalue()
    if good or rng.random() < 0.3:
        data = damaged(rng, data, [])
        if rng.random() < 0.5:  # so that readers come to the footer
            data = b"PAR1" + data[4:-4] + b"PAR1"
    if rng.random() < 0.7:
        path = place / "a.parquet"
        path.write_bytes(data)
        return path
    for name in ("train-00000-of-00001.parquet", "test-00000-of-00001.parquet"):
        (place / "hub").mkdir(exist_ok=True)
        (place / "hub" / name).write_bytes(data)
    return place / "hub"


def _image_columns() -> list[pa.Array]:
    packed = [cv2.imencode(".png", face)[1].tobytes() for _, face in faces()]
    pixels = [face.ravel() for _, face in faces()]
    return [
        pa.array(packed),
        pa.array([{"bytes": data, "path": "a.png"} for data in packed]),
        pa.array([" ".join(map(str, face)) for face in pixels]),
        pa.array(pixels),
        pa.array([list(face) for _, face in faces()]),
    ]


@cache
def _odd_columns() -> list[pa.Array]:
    count = len(faces())
    return [
        pa.nulls(count),
        pa.array([2**62] * count, pa.timestamp("us")),
        pa.array([2**31 - 1] * count, pa.date32()),
        pa.array([2**62] * count, pa.duration("s")),
        pa.array([2**63 - 1] * count, pa.int64()),
        pa.array([float("nan")] * count),
        pa.array([True] * count),
        pa.array([b"\xff\xfe"] * count),
        pa.array([{"path": "a"}] * count),
        pa.array([{"bytes": None}] * count),
        pa.array([[[1, 2], []]] * count),
        pa.array(["x" * 200_000] * count),
        pa.array([[("a", 1)]] * count, pa.map_(pa.string(), pa.int8())),
        pa.array(["sad"] * count).dictionary_encode(),
        pa.array([1] * count, pa.decimal128(5, 2)),
    ]


def _tree(rng: random.Random) -> dict[str, bytes]:
    """Names and contents of a tree of pictures, some of them damaged."""
    found = {}
    for number, (emotion, face) in enumerate(faces()):
        split = "train" if number % 4 else "test"
        data = cv2.imencode(".png", face)[1].tobytes()
        if rng.random() < 0.2:
            data = _damaged_picture(rng, rng.choice(list(pictures().values())))
        parts = [split, emotion, f"{number}.{rng.choice(('png', 'jpg', 'tif', 'csv', 'PNG'))}"]
        if rng.random() < 0.1:
            parts[rng.randrange(3)] = rng.choice(_NAMES)
        if rng.random() < 0.05:
            parts[:0] = ["d"] * rng.choice((1, 3, 200))
        found["/".join(parts)] = data
    return found


def archive(rng: random.Random, place: Path) -> Path:
    """A damaged zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for name, data in _tree(rng).items():
            entry = zipfile.ZipInfo()  # of 1980, so that it is the same each time
            entry.filename = name.encode("utf-8", "replace").decode()[:65_000] or "x"
            entry.compress_type = rng.choice(
                (zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_LZMA)
            )
            written.writestr(entry, data)
    data = out.getvalue()
    how = rng.random()
    if how < 0.5:
        data = damaged(rng, data, [])
    elif how < 0.7:  # a field of the directory
        at = data.rfind(rng.choice((b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04")))
        field = at + rng.randrange(4, 42)
        data = (
            data[:field]
            + struct.pack("<I", rng.choice((0, 1, 2**31, 2**32 - 1)))
            + data[field + 4 :]
        )
    path = place / "a.zip"
    path.write_bytes(data)
    return path


def tree(rng: random.Random, place: Path) -> Path:
    """A damaged folder tree, at times with what is no file in it."""
    root = place / "tree"
    root.mkdir()
    for name, data in _tree(rng).items():
        parts = [part[:200] for part in name.split("/") if part not in ("", "..")]
        path = root.joinpath(*parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except (OSError, ValueError):  # a name that this file system does not take
            continue
    if rng.random() < 0.4:
        _put_special(rng, root / "train" / "happy" / rng.choice(("a.png", "b.csv", "sad")))
    return root


def _put_special(rng: random.Random, path: Path) -> None:
    how = rng.randrange(5)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:  # a file where a folder belongs is odd enough
        return
    if path.exists():
        return
    if how == 0:
        os.mkfifo(path)
    elif how == 1:
        path.symlink_to("/dev/zero")
    elif how == 2:
        path.symlink_to(path)
    elif how == 3:
        path.symlink_to(path.parent.parent)
    else:
        with path.open("wb") as file:
            file.truncate(2**36)


KINDS: dict[str, Callable[[random.Random, Path], Path]] = {
    "table": table,
    "arrays": arrays,
    "parquet": parquet,
    "zip": archive,
    "tree": tree,
    "picture": picture,
    "video": video,
    "runs": runs,
}


def make(seed: int, number: int, place: Path) -> tuple[str, Path]:
    """Write input ``number`` of ``seed`` into an empty folder.

    Returns:
        Its kind, and the file or folder to read.
    """
    kind = list(KINDS)[number % len(KINDS)]
    return kind, KINDS[kind](random.Random(f"{seed} {number}"), place)
