"""Real video files through the real pipeline: rows, annotated copy, damage, rotation, cancelling."""

import io
import re
import struct
import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
import torch

from emotion_core.errors import ImageError
from emotion_core.labels import EMOTIONS
from emotion_core.live import video_file, video_frames, videos
from emotion_core.live.detect import Detection
from emotion_core.live.pipeline import LivePipeline
from emotion_core.live.playback import VideoPlayback
from emotion_core.live.results import Face, FrameResult, Reading
from emotion_core.live.settings import LiveConfig
from emotion_core.models.checkpoint import load_classifier, save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run

IDENTITY = bytes.fromhex("00010000 00000000 00000000 00000000 00010000 00000000".replace(" ", ""))
QUARTER = bytes.fromhex("00000000 00010000 00000000 FFFF0000 00000000 00000000".replace(" ", ""))


def write_video(
    path: Path, frames: list[np.ndarray], fps: int = 10, *, codec: str = "libx264"
) -> Path:
    """BGR frames as a video file."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def shades(count: int, size: tuple[int, int] = (64, 96)) -> list[np.ndarray]:
    """Flat gray frames, each brighter than the one before."""
    return [np.full((*size, 3), 20 + 5 * i % 230, np.uint8) for i in range(count)]


class Watcher:
    """Sees every frame and finds no face."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.frames: list[np.ndarray] = []

    def __call__(self, frame: np.ndarray, time: float) -> FrameResult:
        self.times.append(time)
        self.frames.append(frame.copy())
        return FrameResult([], {}, True, (frame.shape[1], frame.shape[0]), float(frame.mean()))


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


@pytest.fixture
def pipeline(run, monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path))  # no YuNet: the same detector everywhere
    monkeypatch.delenv("EMOTION_YUNET", raising=False)
    return videos.create_video_pipeline(run, load_classifier(run, backend="torch"))


@pytest.fixture(scope="module")
def face_clip(tmp_path_factory):
    """A face that moves to the right for a second and a half."""
    astronaut = cv2.resize(skimage.data.astronaut()[..., ::-1], (256, 256))
    frames = []
    for index in range(15):
        frame = np.full((256, 320, 3), 127, np.uint8)
        frame[:, 2 * index : 2 * index + 256] = astronaut
        frames.append(frame)
    return write_video(tmp_path_factory.mktemp("clips") / "face.mp4", frames)


def test_a_face_is_followed_and_drawn(pipeline, face_clip):
    told: list[tuple[float, float]] = []
    result = videos.analyse_video(
        face_clip,
        pipeline,
        fps=5,
        annotate=True,
        progress=lambda *now: told.append(now),
    )
    assert result.frames == 8 and result.seconds == pytest.approx(1.4)
    # Haar may take a fold of the suit for a face now and then; hers is the one seen all along.
    numbers = [row["face"] for row in result.rows]
    hers = [row for row in result.rows if row["face"] == max(set(numbers), key=numbers.count)]
    assert [row["time"] for row in hers] == pytest.approx([0.2 * i for i in range(8)])
    for row in result.rows:
        probs = [row[emotion] for emotion in EMOTIONS]
        assert sum(probs) == pytest.approx(1, abs=1e-3)
        assert row["confidence"] == row.get(row["emotion"], max(probs))
        assert row["emotion"] in (*EMOTIONS, "uncertain")
    moved = hers[-1]["x1"] - hers[0]["x1"]
    assert 20 < moved < 36  # 28 pixels, as drawn
    assert told == sorted(told) and told[-1] == (pytest.approx(1.4), pytest.approx(1.4 / 1.5))

    with av.open(io.BytesIO(result.annotated)) as copy:
        frames = [(frame.time, frame.to_ndarray(format="bgr24")) for frame in copy.decode(video=0)]
        assert copy.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")
    assert [time for time, _ in frames] == pytest.approx([0.2 * i for i in range(8)], abs=2e-3)
    plain = Watcher()
    videos.analyse_video(face_clip, plain, fps=5)
    change = np.abs(frames[0][1].astype(int) - plain.frames[0]).max(axis=2)
    x1, y1 = round(hers[0]["x1"]), round(hers[0]["y1"])
    assert change[y1 - 1 : y1 + 2, x1 + 10 : x1 + 40].mean() > 30  # the box's upper edge
    assert change[:20, :20].mean() < 10  # far from it


@pytest.mark.parametrize(("fps", "count"), [(1, 3), (5, 15), (10, 30), (30, 30)])
def test_frames_are_sampled_evenly_and_a_slow_video_whole(tmp_path, fps, count):
    path = write_video(tmp_path / "clip.mp4", shades(30))
    seen = Watcher()
    videos.analyse_video(path, seen, fps=fps)
    assert len(seen.times) == count
    np.testing.assert_allclose(np.diff(seen.times), max(1 / fps, 0.1), atol=1e-3)
    levels = [frame.mean() for frame in seen.frames]
    assert levels == sorted(levels) and levels[0] == pytest.approx(20, abs=3)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".webm", "libvpx"), (".avi", "mpeg4"), (".mkv", "libx264")]
)
def test_common_containers_are_read(tmp_path, suffix, codec):
    path = write_video(tmp_path / f"clip{suffix}", shades(5), codec=codec)
    info = video_file.probe_video(path)
    assert (info.width, info.height, info.fps) == (96, 64, 10)
    seen = Watcher()
    assert videos.analyse_video(path, seen, fps=10).frames == 5


def test_a_phone_s_rotation_is_applied(tmp_path):
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:, :20] = 200  # a bright left edge; a quarter turn clockwise brings it to the top
    path = write_video(tmp_path / "clip.mp4", [frame] * 3)
    data = path.read_bytes()
    at = data.index(IDENTITY, data.index(b"tkhd"))
    path.write_bytes(data[:at] + QUARTER + data[at + len(QUARTER) :])
    seen = Watcher()
    videos.analyse_video(path, seen, fps=10)
    turned = seen.frames[0]
    assert turned.shape == (96, 64, 3)
    assert turned[:15].mean() > 150 and turned[30:].mean() < 30


MATRICES = {  # a, b, c, d of the display matrix, and what they make of a picture
    "mirrored": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "upside down and mirrored": ((1, 0, 0, -1), lambda image: image[::-1]),
    "half a turn": ((-1, 0, 0, -1), lambda image: image[::-1, ::-1]),
    "a quarter, clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "a quarter, against the clock": ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
    "transposed": ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    "transposed over the other diagonal": (
        (0, -1, -1, 0),
        lambda image: image.transpose(1, 0, 2)[::-1, ::-1],
    ),
    "none": ((0, 0, 0, 0), lambda image: image),
}


@pytest.mark.parametrize("matrix", MATRICES)
def test_every_display_matrix_is_obeyed(tmp_path, matrix):
    (a, b, c, d), expected = MATRICES[matrix]
    y, x = np.mgrid[:64, :96]
    frame = np.stack([x * 2, y * 3, np.full_like(x, 60)], axis=2).astype(np.uint8)
    path = write_video(tmp_path / "clip.mp4", [frame] * 3)
    data = path.read_bytes()
    at = data.index(IDENTITY, data.index(b"tkhd"))
    rows = struct.pack(">6i", a << 16, b << 16, 0, c << 16, d << 16, 0)
    path.write_bytes(data[:at] + rows + data[at + len(rows) :])
    seen = Watcher()
    videos.analyse_video(path, seen, fps=10)
    difference = np.abs(seen.frames[0].astype(int) - expected(frame).astype(int))
    assert np.median(difference) < 8 and difference.mean() < 12, matrix


def with_cover(film: bytes, *, alone: bool = False) -> bytes:
    """A film (MP4) whose first stream is its cover picture, or the cover alone."""
    out, picture = io.BytesIO(), np.full((300, 300, 3), 200, np.uint8)
    _, jpeg = cv2.imencode(".jpg", picture)
    with av.open(out, "w", format="mp4") as container, av.open(io.BytesIO(film)) as source:
        moving = container.add_stream_from_template(source.streams.video[0])
        cover = container.add_stream("mjpeg", rate=1)
        cover.width = cover.height = 300
        cover.pix_fmt, cover.disposition = "yuvj420p", av.stream.Disposition.attached_pic
        packet = av.Packet(jpeg.tobytes())
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = cover, 0, 0, True
        container.mux(packet)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = moving
                container.mux(packet)
    data = out.getvalue()
    # The cover is in the box ``udta``: moved before the film's ``trak``, it is found first.
    moov = data.index(b"moov") - 4
    boxes, at = [], moov + 8
    while at < moov + int.from_bytes(data[moov : moov + 4]):
        size = int.from_bytes(data[at : at + 4])
        boxes.append(data[at : at + size])
        at += size
    boxes.sort(key=lambda box: box[4:8] == b"trak")
    if alone:
        boxes = [
            box[:4] + (b"free" if box[4:8] == b"trak" else box[4:8]) + box[8:] for box in boxes
        ]
    return data[: moov + 8] + b"".join(boxes) + data[at:]


def test_a_cover_picture_is_not_the_film(face_clip):
    data = with_cover(face_clip.read_bytes())
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.video[0].disposition & av.stream.Disposition.attached_pic
    seen = Watcher()
    result = videos.analyse_video(io.BytesIO(data), seen, fps=10)
    assert (result.info.width, result.info.height, result.frames) == (320, 256, 15)
    assert VideoPlayback(data)(0.0).shape == (256, 320, 3)
    with pytest.raises(ImageError, match="has no film, only a cover picture"):
        video_file.probe_video(io.BytesIO(with_cover(face_clip.read_bytes(), alone=True)))


def test_an_unknown_codec_is_one_clear_error(tmp_path):
    path = write_video(tmp_path / "clip.mp4", shades(3))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"avc1", b"zzzz"))
    with pytest.raises(
        ImageError, match=r"^clip is in a format of video .* does not know\. Save it"
    ):
        videos.analyse_video(path, Watcher(), name="clip")
    with pytest.raises(ImageError, match="does not know"):
        VideoPlayback(path.read_bytes())


def timed_video(times: list[float], *, format: str = "matroska") -> bytes:
    """A video whose frames come at these seconds."""
    out = io.BytesIO()
    with av.open(out, "w", format=format) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time, image in zip(times, shades(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def test_a_video_of_days_is_refused_by_its_header():
    data = timed_video([86_400 * day for day in range(9)])
    message = r"^gaps lasts 192\.\d hours, .* more than the 36,000 frames .* Take fewer frames"
    with pytest.raises(ImageError, match=message):
        videos.analyse_video(io.BytesIO(data), Watcher(), annotate=True, name="gaps")


def test_a_gap_of_hours_ends_the_video_and_keeps_what_came_before():
    data = timed_video([0, 0.2, 0.4, 5_400, 5_400.2])
    result = videos.analyse_video(io.BytesIO(data), Watcher(), annotate=True, name="gaps")
    assert result.frames == 3 and result.annotated
    assert re.match(r"gaps has a gap of 1\.5 hours between two frames", result.problem)


def test_a_video_that_does_not_say_how_long_it_is_ends_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(video_frames, "MAX_FRAMES", 4)
    with pytest.raises(ImageError, match=r"lasts .* more than the 4 frames"):
        videos.analyse_video(write_video(tmp_path / "clip.mp4", shades(9)), Watcher(), fps=10)
    out = io.BytesIO()
    with av.open(out, "w", format="webm", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for image in shades(9):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    result = videos.analyse_video(io.BytesIO(out.getvalue()), Watcher(), fps=10, name="live")
    assert result.frames == 4 and result.problem == "live has more than 4 frames to look at."


def growing(sizes_wh: list[tuple[int, int]]) -> bytes:
    """Motion JPEG whose frames have these sizes, while the header names the first."""
    out, (width, height) = io.BytesIO(), sizes_wh[0]
    with av.open(out, "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        for index, (width, height) in enumerate(sizes_wh):
            _, jpeg = cv2.imencode(".jpg", np.full((height, width, 3), 90, np.uint8))
            packet = av.Packet(jpeg.tobytes())
            packet.stream, packet.pts, packet.dts = stream, index, index
            packet.time_base, packet.is_keyframe = Fraction(1, 10), True
            container.mux(packet)
    return out.getvalue()


def test_frames_that_grow_beyond_the_limit_end_the_video():
    data = growing([(96, 64), (128, 96), (9_000, 8_000), (96, 64)])
    result = videos.analyse_video(io.BytesIO(data), Watcher(), fps=10, annotate=True, name="grow")
    assert result.frames == 2 and result.annotated
    assert re.match(r"grow has a frame of more than 40 megapixels", result.problem)
    with pytest.raises(ImageError, match=r"has frames of 72 megapixels; the most .* is 40"):
        videos.analyse_video(io.BytesIO(growing([(9_000, 8_000)])), Watcher())


def test_a_crowd_beyond_the_limit_is_told(classifier):
    boxes = [
        np.array([x, y, x + 9, y + 9], np.float32) for x in range(0, 90, 9) for y in range(0, 90, 9)
    ]

    class Crowd:
        kind = "yunet"

        def detect(self, frame: np.ndarray) -> list[Detection]:
            return [Detection(box, 0.9) for box in boxes]

    pipeline = LivePipeline(Crowd(), classifier, LiveConfig(max_faces=videos.MAX_FACES))
    data = timed_video([0.0, 0.2])
    result = videos.analyse_video(io.BytesIO(data), pipeline)
    assert len(result.rows) == 2 * videos.MAX_FACES
    assert result.notices == ("A frame has up to 100 faces: the 64 largest are followed.",)


def test_a_copy_that_cannot_be_written_loses_no_result(monkeypatch):
    monkeypatch.setattr("emotion_core.live.video_writer._CODEC", "mpeg4")  # WebM takes none of it
    result = videos.analyse_video(io.BytesIO(timed_video([0, 0.2])), Watcher(), annotate=True)
    assert result.frames == 2 and result.annotated is None
    assert re.match(r"The video cannot be written \(.*\)\.", result.notices[0])


def test_a_player_can_jump_in_the_annotated_copy():
    data = timed_video([0.2 * i for i in range(100)])
    copy = videos.analyse_video(io.BytesIO(data), Watcher(), annotate=True).annotated
    with av.open(io.BytesIO(copy)) as container:
        assert container.duration / 1e6 == pytest.approx(20, abs=0.3)
        container.seek(12_000_000)  # microseconds
        frame = next(container.decode(video=0))
    assert 9.9 <= frame.time <= 12.0  # the key frame before it
    assert b"\x1c\x53\xbb\x6b" in copy  # Matroska's Cues, the index that browsers seek by


def anamorphic() -> bytes:
    """PAL video: 720 x 576 stored pixels, shown 1024 wide, with a circle of 400 pixels."""
    shown = np.full((576, 1024, 3), 90, np.uint8)
    cv2.circle(shown, (512, 288), 200, (255, 255, 255), -1)
    stored = cv2.resize(shown, (720, 576), interpolation=cv2.INTER_AREA)
    out = io.BytesIO()
    with av.open(out, "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="bgr24")))
        container.mux(stream.encode(None))
    return out.getvalue()


def test_pixels_that_are_not_square_are_shown_as_they_are_meant():
    seen, data = Watcher(), anamorphic()
    videos.analyse_video(io.BytesIO(data), seen)
    for frame in (seen.frames[0], VideoPlayback(data)(0.0)):
        assert frame.shape == (576, 1024, 3)
        rows, columns = np.nonzero(frame[..., 0] > 180)
        assert np.ptp(rows) == pytest.approx(400, abs=4)
        assert np.ptp(columns) == pytest.approx(400, abs=4)


def test_a_large_frame_is_shrunk_and_boxes_are_not(tmp_path):
    path = write_video(tmp_path / "clip.mp4", shades(1, (1000, 2560)), codec="mpeg4")
    sizes = []

    def finds_one(frame: np.ndarray, time: float) -> FrameResult:
        sizes.append(frame.shape)
        probs = np.full(7, 1 / 7, np.float32)
        box = np.array([10, 20, 30, 40], np.float32)
        face = Face(1, box, Reading(probs, probs, "uncertain"), 0.0, 1.0)
        return FrameResult([face], {}, True, (0, 0), 0.0)

    result = videos.analyse_video(path, finds_one)
    assert sizes == [(500, 1280, 3)]
    assert [result.rows[0][name] for name in ("x1", "y1", "x2", "y2")] == [20, 40, 60, 80]
    assert result.rows[0]["emotion"] == "uncertain"


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\0\0\0\x18ftypmp42" + bytes(50)])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"^notes is not a video that can be read"):
        videos.analyse_video(path, Watcher(), name="notes", annotate=True)


@pytest.mark.parametrize(
    "text", ["ffconcat version 1.0\nfile secret.mp4\n", "#EXTM3U\n#EXTINF:1,\nsecret.mp4\n"]
)
def test_a_list_of_other_files_is_no_video(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    write_video(Path("secret.mp4"), shades(3))
    with pytest.raises(ImageError, match="is not a video that can be read"):
        video_file.probe_video(io.BytesIO(text.encode()))


def test_a_rate_that_varies_is_sampled_by_the_clock(tmp_path):
    """A burst at 30 frames per second in a file that has 0.7 a second on average."""
    times = [0, 0.033, 0.067, 0.1, 0.133, 0.167, 0.2, 10, 10.033, 10.067]
    path = tmp_path / "burst.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time, image in zip(times, shades(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    seen = Watcher()
    videos.analyse_video(path, seen, fps=5)
    assert seen.times == pytest.approx([0, 0.1, 10], abs=2e-3)


def test_a_recording_of_unknown_length_tells_the_seconds_done(tmp_path):
    """As browsers record: a WebM that is written as it comes."""
    out, told = io.BytesIO(), []
    with av.open(out, "w", format="webm", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for image in shades(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    out.seek(0)
    videos.analyse_video(out, Watcher(), fps=10, progress=lambda *now: told.append(now))
    assert told == [(pytest.approx(step / 10), 0.0) for step in range(5)]


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.float32), "fltp", "mono")
        frame.sample_rate, frame.time_base = 8000, Fraction(1, 8000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ImageError, match="has no film, only other streams"):
        video_file.probe_video(path)


def test_a_torn_file_gives_what_came_before(tmp_path):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (64, 96, 3), dtype=np.uint8) for _ in range(20)]
    path = write_video(tmp_path / "clip.mkv", frames)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    result = videos.analyse_video(path, Watcher(), fps=10)
    assert 2 <= result.frames < 20


def test_cancelling_ends_it_at_the_next_frame(tmp_path):
    path = write_video(tmp_path / "clip.mp4", shades(30))
    seen = Watcher()
    with pytest.raises(video_frames.AnalysisCancelledError):
        videos.analyse_video(
            path, seen, fps=10, annotate=True, is_cancelled=lambda: len(seen.times) == 5
        )
    assert len(seen.times) == 5


def test_a_job_works_in_the_background_and_writes_nothing(
    pipeline, face_clip, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(tmp_path.iterdir())
    job = videos.VideoJob(face_clip.read_bytes(), "face.mp4", lambda: pipeline, fps=2)
    state = job.wait(60)
    assert state.kind == "done" and state.share == 1.0, state.error
    assert state.result.frames == 3 and len(state.result.annotated) > 1_000
    assert sorted(tmp_path.iterdir()) == before
    assert not job.data  # the upload is let go


class Waits(Watcher):
    """Stays at its first frame until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.started, self.go_on = threading.Event(), threading.Event()

    def __call__(self, frame: np.ndarray, time: float) -> FrameResult:
        self.started.set()
        self.go_on.wait(30)
        return super().__call__(frame, time)


def test_a_job_ends_when_nobody_has_it_any_more(tmp_path):
    path, seen = write_video(tmp_path / "clip.mp4", shades(30)), Waits()
    job = videos.VideoJob(path.read_bytes(), "lost.mp4", lambda: seen, fps=10)
    assert seen.started.wait(30)
    (thread,) = [item for item in threading.enumerate() if item.name == "video lost.mp4"]
    del job
    seen.go_on.set()
    thread.join(30)
    assert not thread.is_alive() and len(seen.times) == 1


def test_a_job_can_be_cancelled(tmp_path):
    path, seen = write_video(tmp_path / "clip.mp4", shades(30)), Waits()
    job = videos.VideoJob(path.read_bytes(), "clip.mp4", lambda: seen, fps=10)
    assert seen.started.wait(30) and job.state.kind == "running"
    job.cancel()
    seen.go_on.set()
    assert job.wait(30) == videos.JobState("cancelled")


def test_a_failed_job_says_why():
    job = videos.VideoJob(b"no video", "notes.mp4", Watcher)
    state = job.wait(30)
    assert state.kind == "failed" and state.error.startswith("notes.mp4 is not a video")

    def broken() -> Watcher:
        raise ZeroDivisionError("oops")

    assert videos.VideoJob(b"", "x", broken).wait(30).error == "ZeroDivisionError: oops"
