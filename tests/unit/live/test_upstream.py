"""Each patch does what it says on the installed versions, and none is applied to others."""

import asyncio
import importlib.metadata
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from emotion_core.live import upstream
from emotion_core.live.upstream import prepare
from emotion_core.versions import patch_fits


def answering_class():
    """A class of its own to patch, so that the library's stays as it is for other tests."""
    from streamlit_webrtc.process import AsyncVideoProcessTrack

    class Answering(AsyncVideoProcessTrack):
        answers_once = False  # also where a page of the same process has patched the library's

    return Answering


@pytest.fixture
def other_versions(monkeypatch):
    """All packages are of a version that no patch was written for."""
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.0")
    patch_fits.cache_clear()
    yield
    patch_fits.cache_clear()


def test_relays_keep_only_the_newest_frame():
    """Pins aiortc's internals: an unbuffered relay overwrites, a buffered one queues."""
    from aiortc import VideoStreamTrack
    from aiortc.contrib.media import MediaRelay

    class Numbered(VideoStreamTrack):
        number = 0

        async def recv(self):
            await asyncio.sleep(0)
            if self.number == 50:
                await asyncio.sleep(10)
            self.number += 1
            frame = av.VideoFrame(16, 16, "yuv420p")
            frame.pts = self.number
            return frame

    async def last_after_a_break() -> int:
        source = Numbered()
        proxy = MediaRelay().subscribe(source)
        await proxy.recv()
        while source.number < 50:  # a slow consumer: frames go on arriving
            await asyncio.sleep(0)
        frame = await proxy.recv()
        proxy.stop()
        source.stop()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return frame.pts

    prepare(answering_class())
    prepare(answering_class())  # the second call changes nothing
    assert getattr(MediaRelay.subscribe, "newest_frame_only", False)
    assert asyncio.run(last_after_a_break()) == 50


def test_a_stopped_relay_tells_whoever_waits_for_its_next_frame():
    """Pins aiortc's internals: without the patch the wait never ends."""
    from aiortc import MediaStreamError, VideoStreamTrack
    from aiortc.contrib.media import MediaRelay

    class Silent(VideoStreamTrack):
        async def recv(self):
            await asyncio.sleep(60)

    async def wait_and_stop() -> None:
        proxy = MediaRelay().subscribe(Silent())
        waiting = asyncio.ensure_future(proxy.recv())
        await asyncio.sleep(0.01)
        await asyncio.to_thread(proxy.stop)  # as a page does, from its own thread
        with pytest.raises(MediaStreamError):
            await asyncio.wait_for(waiting, 5)

    prepare(answering_class())
    asyncio.run(wait_and_stop())


def processing_tracks():
    """A class of patched processing tracks, and one of numbered frames as fast as they are taken."""
    from aiortc import VideoStreamTrack
    from streamlit_webrtc.process import AsyncVideoProcessTrack

    class Answering(AsyncVideoProcessTrack):
        answers_once = False  # also where a page of the same process has patched the library's

    class Numbered(VideoStreamTrack):
        number = 0

        async def recv(self):
            self.number += 1
            frame = av.VideoFrame(16, 16, "gray")
            frame.pts, frame.time_base = self.number, Fraction(1, 30)
            return frame

    upstream.answer_each_frame_once(Answering)
    upstream.answer_each_frame_once(Answering)  # the second call changes nothing
    return Answering, Numbered


def test_viewers_take_turns():
    class Echo:
        def recv(self, frame):
            return frame

        def on_ended(self):
            pass

    async def seconds_of_ten(track) -> float:
        began = time.monotonic()
        for _ in range(10):
            await track.recv()
        return time.monotonic() - began

    async def watch() -> tuple[float, float]:
        first, second = (answering(numbered(), Echo()) for _ in range(2))
        together = await asyncio.gather(seconds_of_ten(first), seconds_of_ten(second))
        second.stop()
        await first.recv()  # waits the turn that it was given before
        alone = await seconds_of_ten(first)
        return min(together), alone

    answering, numbered = processing_tracks()
    together, alone = asyncio.run(watch())
    assert together >= 9 * 2 / upstream.SHARED_FPS
    assert alone >= 9 / upstream.SHARED_FPS


def test_each_frame_is_answered_once_by_its_own_picture_and_none_after_the_end():
    """Pins streamlit-webrtc's internals: without the patch a picture is one frame late or repeated."""
    from aiortc import MediaStreamError

    answering, numbered = processing_tracks()

    class Slow:
        def __init__(self) -> None:
            self.seen, self.ended = [], 0

        def recv(self, frame):
            time.sleep(0.02)
            self.seen.append(frame.pts)
            return av.VideoFrame.from_ndarray(np.full((16, 16), frame.pts, np.uint8), format="gray")

        def on_ended(self):
            self.ended = len(self.seen)

    async def watch(processor: Slow) -> list[tuple[int, int]]:
        track = answering(numbered(), processor)
        answers = [await track.recv() for _ in range(5)]
        waiting = asyncio.ensure_future(track.recv())
        await asyncio.sleep(0.005)
        await asyncio.to_thread(track.stop)  # as a page does, from its own thread
        await waiting
        with pytest.raises(MediaStreamError):
            await track.recv()
        return [(frame.pts, int(frame.to_ndarray()[0, 0])) for frame in answers]

    processor = Slow()
    assert asyncio.run(watch(processor)) == [(number, number) for number in range(1, 6)]
    assert processor.ended == len(processor.seen) >= 5


def test_loopback_replaces_the_machines_addresses(monkeypatch):
    from aioice import ice

    monkeypatch.setattr(ice, "get_host_addresses", ice.get_host_addresses)
    monkeypatch.setenv("EMOTION_ICE_LOOPBACK", "1")
    prepare(answering_class())
    assert ice.get_host_addresses(use_ipv4=True, use_ipv6=True) == ["127.0.0.1"]


def test_another_version_is_warned_of_and_left_as_it_is(other_versions, monkeypatch, caplog):
    from aioice import ice
    from aiortc.contrib.media import MediaRelay, RelayStreamTrack

    def subscribe(self, track, buffered=True):
        raise AssertionError

    def stop(self):
        raise AssertionError

    monkeypatch.setattr(MediaRelay, "subscribe", subscribe)
    monkeypatch.setattr(RelayStreamTrack, "stop", stop)
    monkeypatch.setenv("EMOTION_ICE_LOOPBACK", "1")
    addresses, track_class = ice.get_host_addresses, answering_class()
    recv = track_class.recv
    prepare(track_class)
    prepare(track_class)
    assert MediaRelay.subscribe is subscribe and RelayStreamTrack.stop is stop
    assert ice.get_host_addresses is addresses and track_class.recv is recv
    assert [record.args[:2] for record in caplog.records] == [
        ("aiortc", "99.0"),
        ("aiortc", "99.0"),
        ("streamlit-webrtc", "99.0"),
        ("aioice", "99.0"),
    ], "once per patch"


def test_the_installed_versions_are_those_the_patches_were_written_for(caplog):
    for package, versions in (
        ("aiortc", upstream.AIORTC),
        ("aioice", upstream.AIOICE),
        ("streamlit-webrtc", upstream.STREAMLIT_WEBRTC),
    ):
        assert patch_fits(package, versions, "")
    assert not caplog.records
