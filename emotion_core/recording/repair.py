"""How a recording is made whole: at its end, or after a crash."""

import contextlib
import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import filelock

from emotion_core.files import atomic_path, write_json
from emotion_core.live.video_writer import SUFFIX
from emotion_core.recording.facts import FACTS, LINES, LOCK, ROWS, VIDEO, Facts
from emotion_core.recording.rows import write_rows


def finish(path: Path, facts: Facts, *, until: float, cut: bool = False) -> Facts:
    """Turn the lines into Parquet and say that the recording is whole.

    Args:
        path: Its folder.
        facts: So far.
        until: Time of the video's last frame.
        cut: A crash ended it.

    Raises:
        OSError: a file cannot be written.
    """
    frames = write_rows(path / LINES, path / ROWS, until)
    done = replace(facts, frames=frames, seconds=round(until, 3), whole=True, cut=cut)
    write_json(path / FACTS, done.to_json())
    (path / LINES).unlink()
    return done


def recover(path: Path, facts: Facts) -> Facts | None:
    """Make whole what a crash cut off; without one good frame there is nothing to keep."""
    with contextlib.suppress(filelock.Timeout), filelock.FileLock(path / LOCK, timeout=0):
        try:
            last = repair_video(path / VIDEO)
            if last is not None and (path / LINES).exists():
                return finish(path, facts, until=last, cut=True)
        except OSError:  # the disk is full, say: it waits as it is
            return None
        shutil.rmtree(path, ignore_errors=True)
    return None


def repair_video(path: Path) -> float | None:
    """Copy all packets that can be read into a file with an index, without decoding them.

    Args:
        path: The file; it is replaced.

    Returns:
        Seconds of the last frame; None where there is not one frame, and the file stays.

    Raises:
        OSError: the copy cannot be written.
    """
    try:
        old = av.open(str(path), "r", format=SUFFIX)
    except (av.error.FFmpegError, FileNotFoundError):  # not even a header
        return None
    with old:
        packets = _packets(old) if old.streams.video else iter(())
        first = next(packets, None)
        if first is None:
            return None
        with atomic_path(path) as temporary:
            return _write(itertools.chain([first], packets), temporary)


def _packets(old: Any) -> Iterator[Any]:
    with contextlib.suppress(av.error.FFmpegError):  # torn from here on
        for packet in old.demux(old.streams.video[0]):
            if packet.pts is not None and packet.time_base is not None:
                yield packet


def _write(packets: Iterator[Any], target: Path) -> float:
    last = 0.0
    try:
        with av.open(str(target), "w", format=SUFFIX) as new:
            copy = None
            for packet in packets:
                copy = copy or new.add_stream_from_template(packet.stream)
                last = float(packet.pts * packet.time_base)
                packet.stream = copy
                new.mux(packet)
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    return last
