"""Frames of a stream in, pictures with named faces out: what runs on a live page's media threads.

Neither Streamlit nor streamlit-webrtc is imported: the page hands ``LiveStream.process`` and
``LiveStream.end`` over as plain callbacks and reads ``LiveStream.state`` when it likes.
"""

import asyncio
import contextlib
import ctypes
import logging
import math
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from emotion_core.errors import ConfigError, LiveError
from emotion_core.live.draw import draw_result
from emotion_core.live.pipeline import FrameResult, LivePipeline
from emotion_core.live.playback import VideoPlayback
from emotion_core.live.session import LARGEST, Second, SessionRecorder, Stretch, Summary
from emotion_core.live.track import LOST_SECONDS

MAX_FAILURES = 10  # failed frames in a row that stop a stream
_RATE_SECONDS = 2.0  # the frame rate is counted over this long
_DRIFT = 1e-3  # how fast a camera's clock may run away, in seconds a second
_SHARED_FPS = 36.0  # pictures a second for all viewers together, so that no one starves
_MEMORY_THREAD, _MEMORY_SECONDS = "return-memory", 30.0
_MAX_ARENAS = -8  # glibc's M_ARENA_MAX
_SILENT_SECONDS = 2.0  # a stream without a frame for this long is not running
_log = logging.getLogger(__name__)

Source = Callable[[float], np.ndarray]


@dataclass(frozen=True)
class LiveState:
    """A stream at one moment.

    Attributes:
        running: Frames are arriving.
        frames: Frames worked on since START.
        failed: Frames that raised an error and were skipped.
        fps: Frames worked on a second.
        latency_ms: From a frame's arrival to its picture, waiting included; median of late.
        longest_gap: Most seconds between two pictures, of the last 200.
        result: Of the newest frame.
        hint: What the person before the camera could do better; empty if nothing.
        problem: Why the stream was stopped; empty if it was not.
        ended: All this is of a session that is over; the next one has no frame yet.
    """

    running: bool = False
    frames: int = 0
    failed: int = 0
    fps: float = 0.0
    latency_ms: float = 0.0
    longest_gap: float = 0.0
    result: FrameResult | None = None
    hint: str = ""
    problem: str = ""
    ended: bool = False


@dataclass(frozen=True)
class Session:
    """What a session leaves behind; see ``SessionRecorder``."""

    summary: Summary
    stretches: list[Stretch]
    rows: list[dict[str, Any]]


class LiveStream:
    """One viewer's stream: works on each frame and keeps the newest result for the page.

    ``process`` runs on a media thread, everything else on any thread. An exception that left
    ``process`` would freeze the picture for good without a word, so it never raises: a failing
    frame is counted and answered with the last good picture, and after ``MAX_FAILURES`` in a row
    ``state().problem`` has the reason.

    Args:
        pipeline: This stream's own.

    Attributes:
        source: Makes the frames where there is no camera: ``(seconds) -> BGR uint8 (H, W, 3)``,
            None where it has none ready; it runs on the media thread. None: the stream's frames.
        mirror: Swap left and right, as people know themselves from a mirror.
        paused: Show the last picture and look at no frame.
        names: What to call the two models in the picture.
    """

    def __init__(self, pipeline: LivePipeline) -> None:
        self.pipeline = pipeline
        self.source: Source | None = None
        self.mirror = False
        self.paused = False
        self.names: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._recorder = SessionRecorder()
        self._ended = False
        self._frames = self._failed = self._failures = 0
        self._problem = ""
        self._result: FrameResult | None = None
        self._picture: np.ndarray | None = None
        self._times: deque[float] = deque(maxlen=200)
        self._latencies: deque[float] = deque(maxlen=60)
        self._newest_clock: float | None = None
        self._looked = -math.inf

    def process(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Work on one frame; the answer is as large, or as ``source``'s pictures. Never raises."""
        arrived = time.monotonic()
        with self._lock:
            if self._ended:
                self._begin()
            waited = self._waited(frame.time, arrived)
            if self._problem:
                return frame
        try:
            picture = self._picture_of(frame, arrived, waited)
            return av.VideoFrame.from_ndarray(picture, format="bgr24")
        except Exception as error:
            return self._skip(frame, error)

    def end(self) -> None:
        """The stream ended; the next frame begins a new session."""
        with self._lock:
            self._ended = True
        source = self.source
        if isinstance(source, VideoPlayback):
            source.close()

    def state(self) -> LiveState:
        """The stream as it is now."""
        now = time.monotonic()
        with self._lock:
            times = list(self._times)
            running = bool(times) and now - times[-1] < _SILENT_SECONDS
            return LiveState(
                running=running and not self._ended,
                frames=self._frames,
                failed=self._failed,
                fps=self._fps(now),
                latency_ms=self._latency_ms(),
                longest_gap=max(map(float.__sub__, times[1:], times), default=0.0),
                result=self._result,
                hint="" if self.paused else self._recorder.hint(),
                problem=self._problem,
                ended=self._ended,
            )

    def picture(self) -> np.ndarray | None:
        """The newest picture with its faces drawn, BGR uint8 ``(H, W, 3)``; None before it."""
        with self._lock:
            return self._picture

    def minute(self, face: int = LARGEST) -> list[Second | None]:
        """See ``SessionRecorder.minute``."""
        with self._lock:
            return self._recorder.minute(face)

    def session(self) -> Session:
        """The session since START; after STOP it stays until the next START."""
        with self._lock:
            recorder = self._recorder
            return Session(recorder.summary(), recorder.stretches(), recorder.rows())

    def snapshot(self) -> bytes:
        """The newest picture as PNG.

        Raises:
            LiveError: there is no picture yet.
        """
        picture = self.picture()
        if picture is None:
            raise LiveError("There is no picture yet. Press START first.")
        _, data = cv2.imencode(".png", picture)
        return bytes(data)

    def _picture_of(self, frame: av.VideoFrame, arrived: float, waited: float) -> np.ndarray:
        last = self.picture()
        if self.paused and last is not None:
            with self._lock:
                self._times.append(time.monotonic())
            return last
        image = frame.to_ndarray(format="bgr24") if self.source is None else self.source(arrived)
        if self.mirror:
            image = cv2.flip(image, 1)
        if arrived - self._looked > LOST_SECONDS:  # START, a pause, a stall
            self.pipeline.forget()
        self._looked = arrived
        result = self.pipeline(image, arrived)
        picture = draw_result(image, result, lines=self._overlay(), names=self.names)
        done = time.monotonic()
        with self._lock:
            self._failures = 0
            self._frames += 1
            self._result, self._picture = result, picture
            self._times.append(done)
            self._latencies.append(done - arrived + waited)
            self._recorder.add(result, arrived)
        return picture

    def _skip(self, frame: av.VideoFrame, error: Exception) -> av.VideoFrame:
        with self._lock:
            self._failed += 1
            self._failures += 1
            first = self._failures == 1
            if self._failures >= MAX_FAILURES:
                self._problem = (
                    f"{MAX_FAILURES} frames in a row could not be worked on "
                    f"({type(error).__name__}: {error})."
                )
            last = self._picture
        if first:
            _log.error("A frame was skipped.", exc_info=error)
        if last is None:
            return frame
        return av.VideoFrame.from_ndarray(last, format="bgr24")

    def _overlay(self) -> list[str]:
        if not self.pipeline.config.overlay:
            return []
        with self._lock:
            return [f"{self._fps(time.monotonic()):.0f} fps  {self._latency_ms():.0f} ms"]

    def _fps(self, now: float) -> float:
        recent = [at for at in self._times if now - at <= _RATE_SECONDS]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0

    def _latency_ms(self) -> float:
        return 1000 * float(np.median(self._latencies)) if self._latencies else 0.0

    def _waited(self, clock: float | None, now: float) -> float:
        """Seconds that a frame waited longer than the luckiest one, by the sender's clock."""
        if clock is None:
            return 0.0
        behind = now - clock
        if self._newest_clock is None or abs(behind - self._newest_clock) > 60:
            self._newest_clock = behind
        self._newest_clock = min(behind, self._newest_clock + _DRIFT / 30)
        return behind - self._newest_clock


def ice_configuration(secrets: Mapping[str, Any]) -> dict[str, Any]:
    """Which STUN and TURN servers connections may use; none unless ``secrets`` names them.

    Without servers a connection works on this computer and in the local network, and no packet
    leaves it. An unset configuration would mean Google's.

    Args:
        secrets: Parsed ``.streamlit/secrets.toml``; its table ``webrtc`` may have
            ``ice_servers``, a list of tables with ``urls``, ``username`` and ``credential``.

    Raises:
        ConfigError: the entry has another form.
    """
    servers = secrets.get("webrtc", {}).get("ice_servers", [])
    found = []
    for server in servers:
        if not isinstance(server, Mapping) or not server.get("urls"):
            raise ConfigError(
                "webrtc.ice_servers in secrets.toml must be a list of tables with 'urls', such "
                f'as {{ urls = ["turn:example.org:3478"], username = "...", credential = "..." }}; '
                f"got an entry of type {type(server).__name__}."
            )
        urls = server["urls"]
        found.append(
            {"urls": [urls] if isinstance(urls, str) else list(urls)}
            | {key: str(server[key]) for key in ("username", "credential") if key in server}
        )
    return {"iceServers": found}


def prepare() -> None:
    """Adjust aiortc before the first connection; further calls do nothing.

    - Video relays keep only the newest frame. By default each has an unbounded queue: once the
      encoder falls behind, the picture lags by ever more seconds.
    - A stopped relay tells whoever waits for its next frame. By default they wait for ever: a
      stream without a camera would leave its thread behind with each closed tab.
    - Threads share two heaps, and freed memory goes back to the system every half minute. By
      default it grows by 8 MB a minute of video, and by 17 MB a viewer who has been there.
    - ``EMOTION_ICE_LOOPBACK=1`` keeps media on 127.0.0.1, for machines without a network.
    - ``EMOTION_LIVE_PROBE=1`` counts peer connections, for tests (``census``).
    """
    with _prepare_lock:
        _relay_newest_frame()
        _wake_on_stop()
        _keep_memory_low()
        if os.environ.get("EMOTION_ICE_LOOPBACK") == "1":
            _offer_loopback()
        if probe_enabled():
            _count_connections()
        _show_errors()


def answer_each_frame_once(track_class: Any) -> None:
    """Make a track of processed frames wait for its picture; further calls do nothing.

    By default streamlit-webrtc answers each frame at once with the picture that is ready then: the
    one before, so a frame late, or on a busy machine the same one again, encoded and sent again.
    Several viewers take turns of ``_SHARED_FPS`` in all, and take the newest frame when theirs
    comes.

    Args:
        track_class: ``streamlit_webrtc``'s ``AsyncVideoProcessTrack``.
    """
    from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

    if getattr(track_class, "answers_once", False):
        return

    due: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()

    async def recv(self: Any) -> Any:
        if self.readyState != "live":
            raise MediaStreamError
        now = time.monotonic()
        await asyncio.sleep(due.setdefault(self, now) - now)
        frame = await self.track.recv()
        due[self] = now = time.monotonic()
        # A closed tab's track lives on for half a minute, but takes no frame and no turn.
        viewers = sum(now - at < _SILENT_SECONDS for at in due.values())
        due[self] += viewers / _SHARED_FPS
        picture = await asyncio.get_running_loop().run_in_executor(None, work, self, frame)
        picture.pts, picture.time_base = frame.pts, frame.time_base
        return picture

    def work(self: Any, frame: Any) -> Any:
        with self._worker_exception_lock:  # so that nothing is worked on after the end
            return self.processor.recv(frame) if self.readyState == "live" else frame

    def stop(self: Any) -> None:
        MediaStreamTrack.stop(self)
        self.track.stop()
        with self._worker_exception_lock:
            self.processor.on_ended()

    track_class.recv, track_class.stop, track_class.answers_once = recv, stop, True


def probe_enabled() -> bool:
    """Whether the page shows its inner counters to a test."""
    return os.environ.get("EMOTION_LIVE_PROBE") == "1"


def census() -> dict[str, Any]:
    """What this process holds for all viewers together.

    Returns:
        ``connections`` that are not closed, names of the ``threads``, ``resident_mb``.
    """
    return {
        "connections": sum(item.connectionState != "closed" for item in list(_connections)),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "resident_mb": resident_mb(),
    }


def resident_mb(pid: int | str = "self") -> float:
    """Resident memory of a process in MB; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return 0.0
    return next((int(x.split()[1]) / 1024 for x in lines if x.startswith("VmRSS")), 0.0)


_prepare_lock = threading.Lock()
_connections: "weakref.WeakSet[Any]" = weakref.WeakSet()


def _keep_memory_low() -> None:
    if any(thread.name == _MEMORY_THREAD for thread in threading.enumerate()):
        return

    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).mallopt(_MAX_ARENAS, 2)

    def keep() -> None:
        while True:
            time.sleep(_MEMORY_SECONDS)
            return_memory()

    threading.Thread(target=keep, name=_MEMORY_THREAD, daemon=True).start()


def return_memory() -> None:
    """Give memory that was freed, frames above all, back to the system, where glibc keeps it."""
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _relay_newest_frame() -> None:
    from aiortc.contrib.media import MediaRelay

    subscribe = MediaRelay.subscribe
    if getattr(subscribe, "newest_frame_only", False):
        return

    def subscribe_newest(self: Any, track: Any, buffered: bool = True) -> Any:
        return subscribe(self, track, buffered=buffered and track.kind != "video")

    subscribe_newest.newest_frame_only = True  # type: ignore[attr-defined]
    MediaRelay.subscribe = subscribe_newest  # type: ignore[method-assign]


def _wake_on_stop() -> None:
    from aiortc.contrib.media import RelayStreamTrack

    stop = RelayStreamTrack.stop
    if getattr(stop, "wakes", False):
        return

    def stop_and_wake(self: Any) -> None:
        stop(self)
        event = self._new_frame_event
        loop = getattr(event, "_loop", None)  # set by the first wait
        if loop is not None and not loop.is_closed():
            self._frame = None
            loop.call_soon_threadsafe(event.set)

    stop_and_wake.wakes = True  # type: ignore[attr-defined]
    RelayStreamTrack.stop = stop_and_wake  # type: ignore[method-assign]


def _offer_loopback() -> None:
    """aioice offers every address of the machine but 127.0.0.1."""
    from aioice import ice

    ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"] if use_ipv4 else []


def _count_connections() -> None:
    from aiortc import RTCPeerConnection

    create = RTCPeerConnection.__init__
    if getattr(create, "counted", False):
        return

    def create_counted(self: Any, *args: Any, **options: Any) -> None:
        create(self, *args, **options)
        _connections.add(self)

    create_counted.counted = True  # type: ignore[attr-defined]
    RTCPeerConnection.__init__ = create_counted  # type: ignore[method-assign]


def _show_errors() -> None:
    """streamlit-webrtc gives its loggers a handler that drops everything."""
    logger = logging.getLogger("streamlit_webrtc")
    if not any(isinstance(item, logging.StreamHandler) for item in logger.handlers):
        handler = logging.StreamHandler()
        handler.setLevel(logging.ERROR)
        logger.addHandler(handler)
