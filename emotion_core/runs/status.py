"""What a run is doing: ``status.json``."""

import datetime
import time
from dataclasses import dataclass, fields
from pathlib import Path

from emotion_core import processes
from emotion_core.errors import unknown

FORMAT = 1
LARGEST = 2.0**53  # whole numbers up to it are exact as float, too; not-a-number is not below it


PARKED = -1  # process id of a queued run whose process is started when its turn is near
STATES = ("queued", "running", "stopped", "finished", "failed")


def now() -> str:
    """The time in UTC as ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a run is doing; ``status.json``.

    Times are UTC ISO 8601. ``epoch`` counts finished epochs; ``step`` of ``steps`` is inside the
    current one, with its running ``train_loss`` and ``train_accuracy`` (0..1). Before the first step
    ``teachers_asked`` is the share (0..1) of the teachers' answers that are there.
    ``averaged_with`` has the ids of the earlier runs, separated by commas, that went into the kept weights.
    """

    state: str = "queued"
    created: str = ""
    queued: str = ""
    started: str = ""
    finished: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    teachers_asked: float = 0.0
    train_loss: float = 0.0
    train_accuracy: float = 0.0
    images_per_second: float = 0.0
    seconds_left: float = 0.0
    train_seconds: float = 0.0
    averaged_with: str = ""
    error: str = ""
    pid: int = 0
    device: str = ""
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Raises ValueError on a value of the wrong type or size: the file may come from anywhere."""
        for item in fields(self):
            value = getattr(self, item.name)
            fits = (int, float) if item.type is float else item.type
            if isinstance(value, bool) or not isinstance(value, fits):  # type: ignore[arg-type]
                raise ValueError(f"{item.name} is {value!r}")
            if isinstance(value, int | float) and not abs(value) < LARGEST:
                raise ValueError(f"{item.name} is too large")
        if self.state not in STATES:
            raise ValueError(unknown("state", self.state, STATES))


def is_starting(status: Status, folder: Path) -> bool:
    """Whether a process was spawned a moment ago and cannot hold the run's lock yet."""
    if status.state != "queued" or status.pid:
        return False
    try:
        since = datetime.datetime.fromisoformat(status.queued or status.created).timestamp()
        # A parked run gets its process, and with it another status, long after it was queued.
        since = max(since, (folder / "status.json").stat().st_mtime)
    except (OSError, TypeError, ValueError):
        return False
    return time.time() - since < processes.START_SECONDS
