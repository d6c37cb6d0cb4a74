"""A picture file becomes the face that a person sees in it, or is named as one that is no picture."""

import io
from collections import Counter

import cv2
import numpy as np
import pytest
from PIL import Image

from emotion_core.data.pictures import decode_image, to_face
from emotion_core.data.synthetic import draw_face
from emotion_core.errors import DataError


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A gray face ``(96, 96)``, different on each side."""
    return draw_face("happy", 4, size=96)


def saved(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return decode_image(data, Counter()).astype(int)


def halved(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(pixels, (48, 48), interpolation=cv2.INTER_AREA).astype(int)


def test_a_photo_is_turned_as_its_camera_says(picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright: a quarter turn clockwise
    face = decoded(saved(picture, "JPEG", exif=exif, quality=95))
    assert np.abs(face - np.rot90(halved(picture), -1)).mean() < 2


@pytest.mark.parametrize(("kind", "channels"), [("PNG", 4), ("PNG", 2), ("WEBP", 4), ("GIF", 4)])
def test_transparency_is_laid_over_white(picture, kind, channels):
    pixels = np.repeat(picture[..., None], channels, axis=2)
    pixels[..., -1] = 255
    pixels[:20] = 0  # black where nobody sees it
    face = decoded(saved(pixels, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert face[:9].min() == 255
    assert np.abs(face[12:] - halved(picture)[12:]).mean() < 2


def test_a_transparent_colour_of_a_palette_is_white_too(picture):
    image = Image.fromarray(np.where(picture > 99, 1, 0).astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 90, 90, 90])
    out = io.BytesIO()
    image.save(out, "PNG", transparency=0)
    assert set(np.unique(decoded(out.getvalue()))) >= {90, 255}


@pytest.mark.parametrize("depth", [np.int16, np.int32, np.float32])
def test_other_depths_than_8_and_16_bits_are_named(picture, depth):
    data = cv2.imencode(".tif", (picture * 100.0).astype(depth))[1].tobytes()
    with pytest.raises(DataError, match=f"pixels of type {np.dtype(depth)}; save it with 8 or 16"):
        decoded(data)


def test_16_bits_are_read(picture):
    data = cv2.imencode(".png", picture.astype(np.uint16) * 257)[1].tobytes()
    assert np.abs(decoded(data) - halved(picture)).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_a_camera_writes_after_the_end_does_no_harm_and_half_a_picture_is_refused(
    picture, kind
):
    whole = saved(picture, kind)
    assert np.array_equal(decoded(whole + bytes(500)), decoded(whole))
    with pytest.raises(DataError, match=f"truncated {kind}"):
        decoded(whole[: len(whole) // 2])


@pytest.mark.parametrize("kind", ["GIF", "PPM", "BMP", "TIFF", "WEBP"])
def test_other_formats_are_read(picture, kind):
    assert np.abs(decoded(saved(picture, kind)) - halved(picture)).mean() < 3


def test_one_channel_is_gray_already():
    mended: Counter[str] = Counter()
    face = np.arange(48 * 48, dtype=np.uint16).reshape(48, 48, 1).astype(np.uint8)
    assert np.array_equal(to_face(face, mended), face[..., 0])
    assert not mended
