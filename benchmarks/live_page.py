"""The Live page in a browser tab, and the clip that plays as its camera: for tests and benchmarks."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from benchmarks.command import Figures
from emotion_core.errors import LiveError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

    from benchmarks.browser import Server

WAIT_SECONDS = 90.0
_COMPONENT = "iframe[title='streamlit_webrtc.component.webrtc_streamer']"
_SIZE_WH = (640, 480)
_FPS = 30
_BITS, _BIT_WIDTH, _STRIP = 12, 40, 24  # the frame's number in black and white blocks


def write_clip(path: Path, *faces: np.ndarray, seconds: float = 4.0) -> Path:
    """Write a camera clip: a face that sways, with each frame's number in blocks at the bottom.

    Args:
        path: Where to, ``.mjpeg``.
        faces: BGR or gray uint8 pictures of faces to lay into a room, one after the other; without
            any the room is empty.
        seconds: Length; the camera plays it in a loop.
    """
    width, height = _SIZE_WH
    count = round(seconds * _FPS)
    shade = np.linspace(150, 90, height, dtype=np.uint8)[:, None, None]
    room = np.broadcast_to(shade, (height, width, 3)).copy()
    with path.open("wb") as file:
        for number in range(count):
            frame = room.copy()
            if faces:
                angle = 2 * math.pi * number / count
                face = faces[number * len(faces) // count]
                _lay(frame, face, round(40 * math.cos(angle)), round(15 * math.sin(2 * angle)))
            _number(frame, number)
            _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 90])
            file.write(data.tobytes())
    return path


def _lay(frame: np.ndarray, face: np.ndarray, dx: int, dy: int) -> None:
    height, width = frame.shape[:2]
    top, left = (height - face.shape[0]) // 2 + dy, (width - face.shape[1]) // 2 + dx
    colored = face if face.ndim == 3 else cv2.cvtColor(face, cv2.COLOR_GRAY2BGR)
    frame[top : top + face.shape[0], left : left + face.shape[1]] = colored


def _number(frame: np.ndarray, number: int) -> None:
    frame[-_STRIP:] = 0
    bits = [1, 0, *((number >> bit) & 1 for bit in reversed(range(_BITS)))]
    for index, bit in enumerate(bits):
        frame[-_STRIP:, index * _BIT_WIDTH : (index + 1) * _BIT_WIDTH] = 255 * bit


class LivePage:
    """The Live page in one browser tab.

    Attributes:
        page: Playwright's page.
        foreign: Requests that left the server's address.
    """

    def __init__(self, browser: "Browser", server: "Server", **context: Any) -> None:
        self._server = server
        self._stream = ""
        options = {"viewport": {"width": 1280, "height": 1000}} | context
        self._context = browser.new_context(**options)
        self._context.add_init_script(_BEFORE)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(1000 * WAIT_SECONDS)
        self.foreign: list[str] = []
        self.page.on("request", self._watch)

    def _watch(self, request: Any) -> None:
        if not request.url.startswith((self._server.url, "data:", "blob:")):
            self.foreign.append(request.url)

    def open(self, path: str = "live") -> None:
        """Load the page up to its START button; of another page than Live, before its stream."""
        self.page.goto(f"{self._server.url}/{path}")
        if path == "live":
            self.find_stream()

    def find_stream(self) -> None:
        """Wait for the START button; the stream is the one that was made last."""
        self.button("Start").wait_for()
        self._stream = max(self._server.census()["streams"], key=int)  # created by this visit

    def choose(self, source: str) -> None:
        """Take another source with a START button."""
        self.page.get_by_test_id("stMain").get_by_text(source, exact=True).click()
        self.settle()
        self.button("Start").wait_for()

    def select(self, label: str, position: int) -> None:
        """Choose an entry of a select box by its position."""
        self.settle()
        box = self.page.get_by_test_id("stSelectbox").filter(has_text=label).get_by_role("combobox")
        entry = self.page.get_by_role("option").nth(position)
        while not entry.is_visible():  # a page that is drawn anew meanwhile closes the list
            box.click()
            self.page.wait_for_timeout(1000)
        entry.click()
        self.settle()

    def settle(self) -> None:
        """Wait until the page is drawn anew after a click."""
        self.page.wait_for_timeout(500)  # until the server has heard of it
        self.page.locator('[data-test-script-state="notRunning"]').wait_for()
        self.page.locator('[data-stale="true"]').first.wait_for(state="detached")

    def button(self, name: str) -> Any:
        """A button of the video component."""
        component = self.page.frame_locator(_COMPONENT)
        return component.get_by_role("button", name=name, exact=True)

    def start(self) -> float:
        """Press START; returns the seconds until the first processed picture came back.

        The page is drawn anew then: until that is done, a button may stand there twice.
        """
        before = time.monotonic()
        self.button("Start").click()
        self.until(lambda: self.decoded_frames() > 0, "a decoded frame")
        seconds = time.monotonic() - before
        self.settle()
        return seconds

    def stop(self) -> None:
        """Press STOP and wait until it can be started again."""
        self.button("Stop").click()
        self.button("Start").wait_for()

    def close(self) -> None:
        """Close the tab."""
        self._context.close()

    def decoded_frames(self) -> int:
        """Frames that the browser decoded; a frozen stream's stands still."""
        count = self.component().evaluate(_DECODED)
        return int(count)

    def component(self) -> "Frame":
        """The video component's own document."""
        for frame in self.page.frames:
            if "streamlit_webrtc" in frame.url:
                return frame
        raise LiveError("The page shows no video component.")

    def probe(self) -> Figures:
        """The server's counters, with those of this tab's stream while the server has it."""
        found = self._server.census()
        stream: Figures = found.pop("streams").get(self._stream, {})
        return found | stream

    def until(self, holds: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
        """Wait until something holds; returns its value.

        Raises:
            AssertionError: it does not within the time.
        """
        deadline = time.monotonic() + seconds
        while not (value := holds()):
            if time.monotonic() > deadline:
                raise AssertionError(f"No {what} within {seconds:g} s.")
            self.page.wait_for_timeout(50)
        return value

    def watch(self, loop_seconds: float) -> bool:
        """Begin to compare the returned picture of a playing stream with the camera's own.

        Args:
            loop_seconds: Length of the camera's clip; longer delays cannot be told.

        Returns:
            False if the stream has ended and there is no picture.
        """
        settings = [_BITS, _BIT_WIDTH, _STRIP, *_SIZE_WH, loop_seconds]
        return bool(self.component().evaluate(_WATCH, settings))

    def watched(self) -> dict[str, float | None]:
        """End ``watch`` and tell what was seen.

        Returns:
            ``shown_fps`` distinct pictures a second; ``latency_ms`` and ``latency_p90_ms`` from a
            frame's showing in the camera's own picture to its showing in the returned one, None
            where no frame was seen in both (a starved browser shows few).
        """
        found = self.component().evaluate("() => window.liveWatch.read()")
        delays = sorted(found["delays"])
        return {
            "shown_fps": found["shown"] / found["seconds"],
            "latency_ms": delays[len(delays) // 2] if delays else None,
            "latency_p90_ms": delays[int(0.9 * len(delays))] if delays else None,
        }


# Keeps the camera's stream, so that its picture can be compared with the returned one.
_BEFORE = """
if (navigator.mediaDevices) {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async wanted => (window.liveCamera = await ask(wanted));
}
"""
_DECODED = """() => {
  const video = document.querySelector('video');
  return video ? video.getVideoPlaybackQuality().totalVideoFrames : 0;
}"""
# Reads the number in both pictures; the returned one may be mirrored.
_WATCH = """([bits, bitWidth, strip, width, height, loop]) => {
  const canvas = document.createElement('canvas');
  canvas.width = width; canvas.height = 4;
  const draw = canvas.getContext('2d', {willReadFrequently: true});
  const decode = bit => {
    if (bit(0) < 170 || bit(1) > 85) return -1;
    let number = 0;
    for (let i = 2; i < bits + 2; i++) {
      if (bit(i) > 85 && bit(i) < 170) return -1;
      number = 2 * number + (bit(i) >= 170);
    }
    return number;
  };
  const read = video => {
    const tall = video.videoHeight, part = tall / height;
    draw.drawImage(video, 0, tall - strip * part * 0.6, video.videoWidth, strip * part * 0.2,
                   0, 0, width, 4);
    const row = draw.getImageData(0, 2, width, 1).data;
    const at = i => i * bitWidth + bitWidth / 2;
    const plain = decode(i => row[4 * at(i) + 1]);
    return plain >= 0 ? plain : decode(i => row[4 * (width - 1 - at(i)) + 1]);
  };
  const sent = new Map(), delays = [];
  let last = -1, shown = 0, reading = true;
  const each = (video, act) => {
    const next = now => { if (!reading) return;
                          const n = read(video); if (n >= 0) act(n, now);
                          video.requestVideoFrameCallback(next); };
    video.requestVideoFrameCallback(next);
  };
  const returned = document.querySelector('video');
  if (!returned) return false;
  const own = document.createElement('video');
  Object.assign(own, {muted: true, autoplay: true, srcObject: window.liveCamera});
  own.style = 'position:fixed;left:0;top:0;width:64px;height:48px;opacity:.05;pointer-events:none';
  document.body.append(own);
  own.play();
  each(own, (n, now) => sent.set(n, now));
  each(returned, (n, now) => {
    if (n === last) return;
    [last, shown] = [n, shown + 1];
    // The clip repeats: an older showing of the same number is not this one's.
    const delay = now - (sent.get(n) ?? -Infinity);
    if (delay < 1000 * loop) delays.push(delay);
  });
  const start = performance.now();
  window.liveWatch = {read: () => {
    reading = false;
    own.remove();
    return {delays, shown, seconds: (performance.now() - start) / 1000};
  }};
  return true;
}"""
