"""Pictures in every shape people bring, and a real photo through detector and classifier."""

import io
import struct
import tracemalloc
import warnings
import zlib

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from emotion_core.cli import main
from emotion_core.errors import ImageError
from emotion_core.labels import EMOTIONS
from emotion_core.live import photo_file, photos
from emotion_core.live.boxes import overlaps
from emotion_core.models.checkpoint import load_classifier, save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run

ORIENTATION = 0x0112


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds almost nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0"))


@pytest.fixture(scope="module")
def gradient() -> np.ndarray:
    """RGB, brighter to the right, redder below: no turn or swap of channels leaves it as it is."""
    x, y = np.meshgrid(np.arange(60), np.arange(40))
    return np.stack([y * 5, x * 4, np.full_like(x, 30)], axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = create_run(TrainConfig(), root=tmp_path_factory.mktemp("runs"))
    torch.manual_seed(0)
    save_checkpoint(
        made,
        create_model("sequential", width=8),
        architecture="sequential",
        options={"width": 8},
        preprocess=Preprocess(),
    )
    return made


@pytest.fixture(scope="module")
def classifier(run):
    return load_classifier(run, backend="torch")


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.ascontiguousarray(skimage.data.astronaut()[..., ::-1])


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_a_picture_is_read_as_bgr(gradient, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    found = photo_file.read_image(encode(Image.fromarray(gradient), kind, **options))
    np.testing.assert_array_equal(found, gradient[..., ::-1])
    assert found.dtype == np.uint8 and found.flags.c_contiguous


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, 1)),
        (7, lambda a: a.transpose(1, 0, 2)[::-1, ::-1]),
        (8, lambda a: np.rot90(a, -1)),
    ],
)
def test_a_camera_s_orientation_is_undone(gradient, orientation, undo):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo(gradient)))
    found = photo_file.read_image(encode(stored, "PNG", exif=exif))
    np.testing.assert_array_equal(found, gradient[..., ::-1])


FAULTY = {
    "a negative resolution unit": struct.pack("<HHIi", 0x0128, 9, 1, -1),
    "a width in letters": struct.pack("<HHI4s", 0x0100, 2, 4, b"abc\0"),
    "a part that lies nowhere": struct.pack("<HHII", 0x8769, 4, 1, 99_999),
}


@pytest.mark.parametrize("fault", FAULTY)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_fault_in_the_exif_data_spoils_no_picture(gradient, kind, fault):
    entries = sorted([FAULTY[fault], struct.pack("<HHII", ORIENTATION, 3, 1, 6)])
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + b"".join(entries) + bytes(4)
    found = photo_file.read_image(encode(Image.fromarray(gradient), kind, exif=exif))
    assert found.shape == (60, 40, 3)


def test_alpha_is_laid_over_white(gradient):
    image = Image.fromarray(gradient).convert("RGBA")
    image.putalpha(0)
    assert (photo_file.read_image(encode(image)) == 255).all()
    image.putalpha(255)
    np.testing.assert_array_equal(photo_file.read_image(encode(image)), gradient[..., ::-1])


def test_transparent_palette_and_gray_alpha_are_laid_over_white(gradient):
    palette = Image.fromarray(gradient).quantize(16)
    data = encode(palette, "PNG", transparency=bytes(16))
    assert (photo_file.read_image(data) == 255).all()
    gray = Image.fromarray(gradient).convert("LA")
    gray.putalpha(0)
    assert (photo_file.read_image(encode(gray)) == 255).all()


def test_sixteen_bits_become_eight():
    values = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    found = photo_file.read_image(encode(Image.fromarray(values)))
    np.testing.assert_allclose(found[..., 0], values / 257.0, atol=1)
    assert (found[..., 0] == found[..., 2]).all()


def test_sixteen_bits_need_little_memory():
    data = encode(Image.fromarray(np.full((500, 2_000), 40_000, np.uint16)))
    tracemalloc.start()
    photo_file.read_image(data)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10 * 1_000_000  # bytes a pixel: two as stored, three in colours, and steps


def test_floating_point_gray_is_stretched_to_its_own_range():
    values = np.linspace(-3, 5, 64, dtype=np.float32).reshape(8, 8)
    found = photo_file.read_image(encode(Image.fromarray(values), "TIFF"))
    assert found.min() == 0 and found.max() == 255


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_any_colour_mode_is_read(gradient, mode):
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    found = photo_file.read_image(encode(Image.fromarray(gradient).convert(mode), kind))
    assert found.shape == (40, 60, 3)


def test_an_animation_gives_its_first_frame(gradient):
    frames = [Image.fromarray(gradient), Image.new("RGB", (60, 40), "white")]
    data = encode(frames[0], "PNG", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(photo_file.read_image(data), gradient[..., ::-1])


def test_a_large_picture_is_shrunk():
    found = photo_file.read_image(encode(Image.new("L", (9_000, 90)), "PNG"))
    assert found.shape == (41, 4096, 3)


def test_the_command_tells_boxes_in_pixels_of_a_large_file(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("L", (8_192, 2_000)).save("large.jpg", exif=exif)
    assert main(["predict", str(run.path), "large.jpg", "--whole", "--csv", "out.csv"]) == 0
    assert "0,3096,2000,5096" in capsys.readouterr().out
    assert "0.0,3096.0,2000.0,5096.0" in (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize("size", [(10_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_huge_picture_is_refused_by_its_header(size):
    data = png_header(*size)  # decoding it would fail with another message
    with pytest.raises(ImageError, match=r"^huge\.png has .* the most this reads"):
        photo_file.read_image(data, "huge.png")


def test_the_refusal_of_a_hundred_megapixels_names_the_limit():
    with warnings.catch_warnings():  # as in a program without pytest's own filters
        warnings.simplefilter("ignore")
        with pytest.raises(
            ImageError, match=r"100 megapixels \(10000 x 10000\); .* is 80 megapixels"
        ):
            photo_file.read_image(png_header(10_000, 10_000), "huge.png")


@pytest.mark.parametrize(
    "data",
    [b"", b"not a picture", b"%PDF-1.7", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"],
)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(ImageError, match=r"^notes\.txt is not a picture .* Take one of: jpg"):
        photo_file.read_image(data, "notes.txt")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_torn_file_is_refused_or_read_but_never_a_bug(kind, share):
    rng = np.random.default_rng(0)
    whole = encode(Image.fromarray(rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)), kind)
    try:
        found = photo_file.read_image(whole[: int(len(whole) * share)], "torn")
    except ImageError as error:
        assert str(error).startswith("torn is ")
    else:
        assert found.shape == (50, 50, 3)


def test_every_face_of_a_photo_is_found_and_classified(astronaut, classifier):
    # Two people: the astronaut beside a smaller copy of herself.
    pair = np.full((512, 900, 3), 128, np.uint8)
    pair[:, :512] = astronaut
    pair[100:356, 600:856] = astronaut[::2, ::2]
    results = photos.classify_photo(pair, photos.PhotoDetector("haar"), classifier)
    centres = [((r.box_xyxy[:2] + r.box_xyxy[2:]) / 2).tolist() for r in results]
    assert len(results) == 2
    assert 180 < centres[0][0] < 270 and 70 < centres[0][1] < 160  # the largest first
    assert 690 < centres[1][0] < 735 and 135 < centres[1][1] < 180
    for result in results:
        assert result.face.shape == (48, 48) and result.face.dtype == np.uint8
        # A batch of two is summed in another order than a batch of one.
        np.testing.assert_allclose(result.probs, classifier.probs(result.face[None])[0], atol=1e-6)
        assert result.emotion == EMOTIONS[result.probs.argmax()]


def test_a_picture_without_faces_gives_none(classifier):
    empty = np.full((300, 400, 3), 90, np.uint8)
    assert photos.classify_photo(empty, photos.PhotoDetector("haar"), classifier) == []


def test_a_face_is_reported_once_at_all_search_sizes(astronaut):
    large = np.repeat(np.repeat(astronaut, 4, axis=0), 4, axis=1)
    found = photos.PhotoDetector("haar").detect(large)
    boxes = [item.box_xyxy for item in found if item.score > 0.5]
    for index, box in enumerate(boxes):
        others = np.stack([*boxes[:index], *boxes[index + 1 :], np.zeros(4)])
        assert (overlaps(box, others) < photos._SAME_FACE).all()
    assert boxes


def tilted(image: np.ndarray, degrees: float) -> np.ndarray:
    """The image turned against the clock by any angle, on a gray ground that holds all of it."""
    height, width = image.shape[:2]
    side = int(np.hypot(height, width)) + 1
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    return cv2.warpAffine(image, turn, (side, side), borderValue=(128, 128, 128))


@pytest.mark.parametrize(
    "degrees", [90, 180, 270, 15, 30, 45, 60, 75, -15, -30, -45, -60, -75, 150, 210]
)
def test_the_face_of_a_turned_picture_is_found_in_its_own_frame_and_read_upright(
    astronaut, classifier, yunet_file, monkeypatch, degrees
):
    monkeypatch.setenv("EMOTION_YUNET", str(yunet_file))
    detector = photos.PhotoDetector()
    (upright,) = photos.classify_photo(astronaut, detector, classifier)
    picture = tilted(astronaut, degrees)
    (found,) = photos.classify_photo(picture, detector, classifier)
    # The head itself is tilted: by how much depends a little on the turn at which it is found.
    off = (found.degrees + degrees + 180) % 360 - 180
    assert abs(off - upright.degrees) < 14
    level = turned_by(found.face, off - upright.degrees)
    assert np.corrcoef(upright.face.ravel(), level.ravel())[0, 1] > 0.7
    # The middle of the face, turned as the picture was.
    turn = cv2.getRotationMatrix2D((0, 0), degrees, 1.0)[:, :2]
    middle = turn @ ((upright.box_xyxy[:2] + upright.box_xyxy[2:]) / 2 - 256)
    middle += np.array(picture.shape[1::-1]) / 2
    here = (found.box_xyxy[:2] + found.box_xyxy[2:]) / 2
    assert np.abs(here - middle).max() < 0.2 * (found.box_xyxy[2] - found.box_xyxy[0])
    told = photos.photo_notices([found])
    if abs(found.degrees) < 25:
        assert told == []
    else:
        way = "clockwise" if found.degrees > 0 else "counterclockwise"
        assert f"{way} by {abs(found.degrees):.0f} degrees" in told[0]


def turned_by(face: np.ndarray, degrees: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((23.5, 23.5), -degrees, 1.0)
    return cv2.warpAffine(face, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("turn", [1, 3])  # on its head Haar is sure of another square
def test_haar_finds_the_face_of_a_turned_picture(astronaut, classifier, turn):
    detector = photos.PhotoDetector("haar")
    (upright,) = photos.classify_photo(astronaut, detector, classifier)
    picture = np.ascontiguousarray(np.rot90(astronaut, -turn))
    (found,) = photos.classify_photo(picture, detector, classifier)
    assert found.degrees % 360 == 90 * turn
    np.testing.assert_array_equal(found.face, upright.face)


def test_a_picture_with_a_sure_face_is_searched_once(astronaut, yunet_file, monkeypatch):
    monkeypatch.setenv("EMOTION_YUNET", str(yunet_file))
    detector, asked = photos.PhotoDetector(), []
    real = detector._search
    monkeypatch.setattr(detector, "_search", lambda frame: asked.append(1) or real(frame))
    assert len(detector.detect(astronaut)) == 1 and len(asked) == 1
    assert detector.detect(np.full((300, 400, 3), 90, np.uint8)) == [] and len(asked) == 5


def test_more_faces_than_the_limit_are_told(astronaut, classifier, yunet_file, monkeypatch):
    monkeypatch.setenv("EMOTION_YUNET", str(yunet_file))
    monkeypatch.setattr(photos, "MAX_FACES", 4)
    crowd = np.tile(astronaut[:256, 100:356], (2, 3, 1))
    found = photos.classify_photo(crowd, photos.PhotoDetector(), classifier)
    assert len(found) == 4
    (notice,) = photos.photo_notices(found)
    assert notice.startswith("A picture gives at most 4 faces: more may be in it.")
    assert photos.photo_notices(found[:3]) == []


def test_a_whole_picture_can_be_the_face(classifier):
    rng = np.random.default_rng(1)
    face = rng.integers(0, 256, (48, 48), dtype=np.uint8)
    found = photos.classify_whole(np.repeat(face[..., None], 3, axis=2), classifier)
    np.testing.assert_array_equal(found.face, face)
    wide = photos.classify_whole(np.zeros((100, 300, 3), np.uint8), classifier)
    assert wide.box_xyxy.tolist() == [100, 0, 200, 100]


def test_faces_are_drawn_into_a_copy(astronaut, classifier):
    before = astronaut.copy()
    results = photos.classify_photo(astronaut, photos.PhotoDetector("haar"), classifier)
    drawn = photos.draw_photo(astronaut, photos.as_faces(results), side=256)
    assert drawn.shape == (256, 256, 3)
    np.testing.assert_array_equal(astronaut, before)
    plain = photos.draw_photo(astronaut, [], side=256)
    assert (drawn != plain).any(axis=2).sum() > 200


def test_faces_are_named_as_on_the_live_page(astronaut, classifier, other_classifier):
    results = photos.classify_photo(astronaut, photos.PhotoDetector("haar"), classifier)
    (face,) = photos.as_faces(results)
    assert (face.track_id, face.emotion, face.second) == (1, results[0].emotion, None)
    (face,) = photos.as_faces(results, threshold=1.0, second=other_classifier)
    assert face.emotion == face.second.emotion == "uncertain"
    np.testing.assert_array_equal(
        face.second.probs, other_classifier.probs(results[0].face[None])[0]
    )
    assert photos.as_faces([], second=other_classifier) == []


def test_the_command_names_faces_and_goes_on_after_a_bad_file(
    run, astronaut, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(astronaut[..., ::-1]).save("woman.jpg")
    (tmp_path / "notes.jpg").write_text("no picture")
    options = ["--detector", "haar", "--csv", "out.csv", "--annotate", "drawn"]
    code = main(["predict", str(run.path), "notes.jpg", "gone.jpg", "woman.jpg", *options])
    out, err = capsys.readouterr()
    assert code == 2
    assert "error: notes.jpg is not a picture" in err
    assert "error: gone.jpg cannot be opened (No such file or directory)." in err
    assert "woman.jpg: 1 face\n" in out
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0].startswith("image,face,emotion,confidence,angry,") and len(lines) == 2
    assert photo_file.read_image((tmp_path / "drawn" / "woman-emotions.jpg").read_bytes()).size
    assert main(["predict", str(run.path), "woman.jpg", "--whole"]) == 0
    assert "woman.jpg: 1 face\n" in capsys.readouterr().out
