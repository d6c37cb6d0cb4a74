"""All changes to the code of streamlit-webrtc, aiortc and aioice.

Each patch names the package, the versions it was written for, its reason and the public report of
the problem where we know one. ``patch_fits`` warns about another version, and the patch is then
not applied: the Live page works without it, with the stated loss.
"""

import asyncio
import logging
import os
import threading
import time
import weakref
from typing import Any

from emotion_core.live.pace import SILENT_SECONDS
from emotion_core.memory import keep_memory_low
from emotion_core.versions import patch_fits

AIORTC, AIOICE, STREAMLIT_WEBRTC = ">=1.16,<1.17", ">=0.13,<0.14", ">=0.79,<0.80"
SHARED_FPS = 36.0  # pictures per second for all viewers together, so that no viewer starves
_lock = threading.Lock()


def prepare(track_class: Any) -> None:
    """Apply all patches before the first connection; further calls do nothing.

    With ``EMOTION_ICE_LOOPBACK=1`` media stays on 127.0.0.1, for machines without a network.

    Args:
        track_class: ``streamlit_webrtc``'s ``AsyncVideoProcessTrack``; the package imports no
            Streamlit, so the page brings it.
    """
    with _lock:
        relay_newest_frame()
        wake_on_stop()
        answer_each_frame_once(track_class)
        show_errors()
        if os.environ.get("EMOTION_ICE_LOOPBACK") == "1":
            offer_loopback()
    keep_memory_low()


def relay_newest_frame() -> None:
    """aiortc: a video relay keeps only the newest frame.

    By default each relay has an unbounded queue: once the encoder falls behind, the picture lags
    by ever more seconds. Report: aiortc/aiortc#749; the option is from aiortc/aiortc#498, and
    streamlit-webrtc does not use it.
    """
    from aiortc.contrib.media import MediaRelay

    subscribe = MediaRelay.subscribe
    if getattr(subscribe, "newest_frame_only", False):
        return
    if not patch_fits("aiortc", AIORTC, "Live video may lag behind on a busy machine."):
        return

    def subscribe_newest(self: Any, track: Any, buffered: bool = True) -> Any:
        return subscribe(self, track, buffered=buffered and track.kind != "video")

    subscribe_newest.newest_frame_only = True  # type: ignore[attr-defined]
    MediaRelay.subscribe = subscribe_newest  # type: ignore[method-assign]


def wake_on_stop() -> None:
    """aiortc: a stopped relay wakes its consumer.

    By default whoever waits for the next frame of a stopped relay waits forever: a stream without
    a camera would leave its thread behind with each closed tab. Report: none that we know of;
    aiortc/aiortc#919 is about the other end of the same relay.
    """
    from aiortc.contrib.media import RelayStreamTrack

    stop = RelayStreamTrack.stop
    if getattr(stop, "wakes", False):
        return
    if not patch_fits("aiortc", AIORTC, "A closed tab may leave a thread behind."):
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


def offer_loopback() -> None:
    """aioice: offer 127.0.0.1 and no other address.

    By default every address of the machine is offered except 127.0.0.1, so a machine without a
    network cannot connect to itself. Report: none that we know of; it is intended.
    """
    if not patch_fits("aioice", AIOICE, "EMOTION_ICE_LOOPBACK=1 has no effect."):
        return
    from aioice import ice

    ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"] if use_ipv4 else []


def answer_each_frame_once(track_class: Any) -> None:
    """streamlit-webrtc: a track of processed frames waits for the picture of each frame.

    By default each frame is answered at once with the picture that is ready then: the previous
    one, which is a frame late, or on a busy machine the same one again, encoded and sent again.
    Several viewers take turns of ``SHARED_FPS`` in all, and take the newest frame when their turn
    comes. Report: none that we know of.

    Args:
        track_class: See ``prepare``.
    """
    from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

    if getattr(track_class, "answers_once", False):
        return
    if not patch_fits("streamlit-webrtc", STREAMLIT_WEBRTC, "Live pictures are one frame late."):
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
        viewers = sum(now - at < SILENT_SECONDS for at in due.values())
        due[self] += viewers / SHARED_FPS
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


def show_errors() -> None:
    """streamlit-webrtc, any version: its errors reach the log.

    It gives its loggers a handler that drops everything. This adds a second one and replaces no
    code, so no range is needed.
    """
    logger = logging.getLogger("streamlit_webrtc")
    if not any(isinstance(item, logging.StreamHandler) for item in logger.handlers):
        handler = logging.StreamHandler()
        handler.setLevel(logging.ERROR)
        logger.addHandler(handler)
