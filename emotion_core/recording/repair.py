"""A WebM file that a killed process left: written anew, so that it ends well and has an index."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from emotion_core.files import atomic_path
from emotion_core.live.video_writer import SUFFIX


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
