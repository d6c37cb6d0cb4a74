"""Keeps what a live stream saw: video and rows on disk, from the first frame to the end of the stream.

Pictures are kept without boxes, so that other models can read them later.
"""

import logging
import queue
import threading
import time as clock
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import filelock
import numpy as np

from emotion_core.access import Action, require
from emotion_core.errors import RecordingError
from emotion_core.files import write_json
from emotion_core.live.results import FrameResult
from emotion_core.live.rows import FaceRow
from emotion_core.live.video_writer import VideoWriter
from emotion_core.recording.facts import (
    FACTS,
    LINES,
    LOCK,
    MAX_NOTE,
    NOTES,
    VIDEO,
    Facts,
    Mark,
    Notes,
)
from emotion_core.recording.repair import finish
from emotion_core.recording.rows import NO_FACE, as_line, recorded_row
from emotion_core.recording.store import new_folder

WHAT_IS_KEPT = (
    "Keeps the video and the model's answers from Start to Stop as files on the computer of this "
    "dashboard, in {place}, until you delete them under Recordings."
)
FPS = 15.0  # most frames per second that are kept
_WAITING = 4  # frames for the writer; further ones are left out, and a stream never waits
_EARLY = 0.01  # seconds; a camera's frames do not come at even distances
_log = logging.getLogger(__name__)

_Item = tuple[np.ndarray, FrameResult, float]


class About(NamedTuple):
    """Who reads the faces, as ``Facts`` has it: models, their titles, the source."""

    models: tuple[str, ...]
    titles: tuple[str, ...]
    source: str


class Recorder:
    """Records each session of a stream into a folder of its own.

    ``take`` runs on the media thread and neither waits nor raises; a thread of its own encodes and
    writes. Each frame's rows are on the disk before its picture, and each picture within about half
    a second, so that a killed process leaves a recording (see ``store``).

    Args:
        about: Tells who reads the faces of the next frame; other models begin another recording.

    Attributes:
        about: As given.
        problem: Why recording stopped; empty if it did not.
        left_out: Frames that came while the writer was busy.
        patient: ``take`` waits for the writer instead: for frames that do not come from a camera.

    Raises:
        AccessError: the caller is not the owner.
    """

    def __init__(self, about: Callable[[], About]) -> None:
        require(Action.RECORD)
        self.problem = ""
        self.left_out = 0
        self.patient = False
        self.about = about
        self._writing: _Writing | None = None
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Length of the recording that is being made; 0 if none is."""
        return self._writing.seconds if self._writing else 0.0

    def take(self, image: np.ndarray, result: FrameResult, time: float) -> None:
        """Keep one frame.

        Args:
            image: BGR uint8 ``(H, W, 3)``, without anything drawn; it is copied.
            result: The pipeline's answer.
            time: Seconds on any clock that does not run backwards.
        """
        with self._lock:
            about = self.about()
            if self._writing and self._writing.about.models != about.models:
                self._writing.close()
                self._writing = None
            writing = self._writing or self._begin(about, image, time)
            if not writing.put(image, result, time, wait=self.patient):
                self.left_out += 1

    def marked(self, number: int, time: float, note: str) -> None:
        """Keep a mark with its note; one from before the recording began is left out.

        Args:
            number: Of the mark, in its session.
            time: As for ``take``.
            note: What the person wrote.
        """
        with self._lock:
            if self._writing:
                self._writing.mark(number, time, note)

    def end(self) -> None:
        """Finish the recording, in its own thread; the next frame begins another one."""
        with self._lock:
            writing, self._writing = self._writing, None
        if writing:
            writing.close()

    def wait(self, seconds: float = 30.0) -> Path | None:
        """End, wait until the files are whole, and return their folder; None if there is none."""
        writing = self._writing
        self.end()
        if not writing:
            return None
        writing.join(seconds)
        return writing.folder

    def _begin(self, about: About, image: np.ndarray, time: float) -> "_Writing":
        height, width = (side // 2 * 2 for side in image.shape[:2])  # as codecs want them
        started = clock.strftime("%Y-%m-%dT%H:%M:%S")
        facts = Facts(started, *about, width=width, height=height)
        self.problem, self.left_out = "", 0
        self._writing = _Writing(about, facts, time, self._failed)
        self._writing.start()
        return self._writing

    def _failed(self, problem: str) -> None:
        self.problem = problem


class _Writing(threading.Thread):
    """One recording in the making."""

    def __init__(
        self, about: About, facts: Facts, start: float, tell: Callable[[str], None]
    ) -> None:
        super().__init__(daemon=True, name="recording")
        self.about = about
        self.seconds = 0.0
        self.folder: Path | None = None
        self._facts, self._start, self._tell = facts, start, tell
        self._due = start
        self._queue: queue.Queue[_Item | None] = queue.Queue(_WAITING + 1)
        self._marks: dict[int, Mark] = {}
        self._notes = self._saved = Notes()
        self._closed = False  # also by a failure: what comes is let go

    def put(
        self, image: np.ndarray, result: FrameResult, time: float, *, wait: bool = False
    ) -> bool:
        """Hand over a frame if it is due; False where the writer is busy, unless one waits."""
        if time < self._due - _EARLY or self._closed:
            return True
        while self._queue.qsize() >= _WAITING:
            if not wait or self._closed:
                return False
            clock.sleep(0.001)
        self._due = max(self._due + 1 / FPS, time)
        self._queue.put_nowait((image.copy(), result, time))
        return True

    def mark(self, number: int, time: float, note: str) -> None:
        """Set a mark or its note; the thread keeps it with its next frame."""
        if time >= self._start:
            self._marks[number] = Mark(round(time - self._start, 3), note[:MAX_NOTE])
            self._notes = Notes(tuple(self._marks[item] for item in sorted(self._marks)))

    def close(self) -> None:
        """Ask it to finish after the frames that wait."""
        self._closed = True
        self._queue.put(None)

    def run(self) -> None:
        """Write until it is asked to finish."""
        try:
            folder = self.folder = new_folder()
            with filelock.FileLock(folder / LOCK):
                write_json(folder / FACTS, self._facts.to_json())
                self._record(folder)
                self._save_notes(folder)
                finish(folder, self._facts, until=self.seconds)
        except (OSError, RecordingError) as error:
            self._stop_for(str(error))
        except Exception as error:  # a thread's exception would end in nobody's hands
            _log.exception("The recording ended.")
            self._stop_for(f"{type(error).__name__}: {error}")

    def _record(self, folder: Path) -> None:
        with (
            VideoWriter.open(FPS, folder / VIDEO) as video,
            (folder / LINES).open("ab", buffering=0) as lines,
        ):
            while (item := self._queue.get()) is not None:
                image, result, time = item
                seconds = round(time - self._start, 3)
                lines.write(as_line(self._rows(result, seconds)))
                video.write(self._picture(image), seconds)
                if video.problem:
                    break
                self.seconds = seconds
                self._save_notes(folder)
        if video.problem:  # closing may fail, too
            raise RecordingError(video.problem)

    def _rows(self, result: FrameResult, seconds: float) -> list[FaceRow]:
        width, height = result.size_wh
        scale_wh = self._facts.width / width, self._facts.height / height
        rows = [recorded_row(seconds, face, scale_wh) for face in result.faces]
        return rows or [{"time": seconds, "face": NO_FACE}]

    def _picture(self, image: np.ndarray) -> np.ndarray:
        """As large as the first one: a network may change the size midway."""
        size_wh = self._facts.width, self._facts.height
        same = image.shape[1::-1] == size_wh
        return image if same else np.asarray(cv2.resize(image, size_wh), np.uint8)

    def _save_notes(self, folder: Path) -> None:
        if (notes := self._notes) != self._saved:
            write_json(folder / NOTES, notes.to_json())
            self._saved = notes

    def _stop_for(self, problem: str) -> None:
        self._closed = True
        while not self._queue.empty():  # pictures that nobody takes
            self._queue.get_nowait()
        self._tell(problem)
