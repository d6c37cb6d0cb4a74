"""A camera's turn is undone once, by data sets and by photos alike, in every format that tells it."""

import io
import struct
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageOps

from emotion_core.data.orientation import upright
from emotion_core.data.pictures import decode_image
from emotion_core.data.synthetic import draw_face
from emotion_core.live.photo_file import read_image

FACE = draw_face("happy", 4)


def exif_of(turn: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif


def saved(kind: str, mode: str, turn: int) -> bytes:
    out = io.BytesIO()
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98}}.get(kind, {})
    Image.fromarray(FACE).convert(mode).save(out, kind, exif=exif_of(turn), **options)
    return out.getvalue()


def with_prefix(webp: bytes) -> bytes:
    """The same WebP whose EXIF chunk begins as a JPEG's does, which Pillow does not write."""
    at = webp.index(b"EXIF")
    (size,) = struct.unpack("<I", webp[at + 4 : at + 8])
    body = b"Exif\0\0" + webp[at + 8 : at + 8 + size]
    chunk = b"EXIF" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    whole = webp[:at] + chunk + webp[at + 8 + size + size % 2 :]
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def turned(turn: int) -> np.ndarray:
    """The face as Pillow turns it."""
    image = Image.fromarray(FACE)
    image.getexif()[0x0112] = turn
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("turn", range(1, 9))
def test_pixels_are_turned_as_pillow_turns_them(turn):
    assert np.array_equal(upright(FACE, turn), turned(turn))


@pytest.mark.parametrize("turn", [2, 3, 5, 6, 8])
@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *[("JPEG", "L"), ("JPEG", "RGB"), ("PNG", "L"), ("PNG", "RGBA"), ("WEBP", "RGB")],
        *[("WEBP", "RGBA"), ("TIFF", "L"), ("TIFF", "RGBA")],
    ],
)
def test_both_readers_turn_every_format_once(kind, mode, turn):
    data = saved(kind, mode, turn)
    for found in (decode_image(data, Counter()), read_image(data)[..., 0]):
        assert np.abs(found.astype(int) - turned(turn)).mean() < 1


@pytest.mark.parametrize("turn", [3, 6])
def test_both_readers_know_a_webp_whose_exif_begins_as_a_jpegs(turn):
    data = with_prefix(saved("WEBP", "RGB", turn))
    assert b"EXIF" in data and b"Exif\0\0" in data
    for found in (decode_image(data, Counter()), read_image(data)[..., 0]):
        assert np.array_equal(found, turned(turn))


def test_exif_that_cannot_be_read_turns_nothing():
    data = saved("PNG", "L", 3)
    at = data.index(b"MM\0*") if b"MM\0*" in data else data.index(b"II*\0")
    damaged = data[:at] + b"ZZZZ" + data[at + 4 :]
    face = decode_image(damaged, Counter())
    assert np.array_equal(face, FACE)
