"""How fast a stream's pictures come, and how late."""

from collections import deque

import numpy as np

SILENT_SECONDS = 2.0  # a stream without a frame for this long is not running
_RATE_SECONDS = 2.0  # the frame rate is counted over this long
_DRIFT = 1e-3  # how fast a camera's clock may run away, in seconds per second
_OTHER_CLOCK = 60.0  # seconds by which a clock that was set anew jumps at least


class Pace:
    """Times of the last pictures; all moments in seconds of one clock that never runs backwards."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=200)
        self._latencies: deque[float] = deque(maxlen=60)
        self._newest_clock: float | None = None

    def shown(self, now: float, latency: float | None = None) -> None:
        """A picture was shown, so many seconds after its frame was made."""
        self._times.append(now)
        if latency is not None:
            self._latencies.append(latency)

    def is_running(self, now: float) -> bool:
        """Whether a picture was shown just now."""
        return bool(self._times) and now - self._times[-1] < SILENT_SECONDS

    def fps(self, now: float) -> float:
        """Pictures per second; 0 where there are too few to say."""
        recent = [at for at in self._times if now - at <= _RATE_SECONDS]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0

    def latency_ms(self) -> float:
        """Median milliseconds from a frame's arrival to its picture; 0 before the first."""
        return 1000 * float(np.median(self._latencies)) if self._latencies else 0.0

    def longest_gap(self) -> float:
        """Most seconds between two of the pictures."""
        times = list(self._times)
        return max(map(float.__sub__, times[1:], times), default=0.0)

    def waited(self, clock: float | None, now: float) -> float:
        """Seconds that a frame waited longer than the luckiest one, by the sender's clock."""
        if clock is None:
            return 0.0
        behind = now - clock
        if self._newest_clock is None or abs(behind - self._newest_clock) > _OTHER_CLOCK:
            self._newest_clock = behind
        self._newest_clock = min(behind, self._newest_clock + _DRIFT / 30)
        return behind - self._newest_clock
