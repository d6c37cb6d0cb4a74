"""Steady answers from shaky frames: smoothing over time, hysteresis, abstention."""

import numpy as np

from emotion_core.errors import ConfigError
from emotion_core.labels import EMOTIONS

UNCERTAIN = "uncertain"
# A face that is called uncertain must be this much surer to get a name again.
_RETURN = 0.03


class EmaSmoother:
    """Exponential moving average of one face's probabilities over time.

    The past loses weight with elapsed time, not with the frame count, so that cameras at
    10 fps and 30 fps settle equally fast: ``w = 0.5 ** (dt / half_life)``.

    Args:
        half_life: Seconds after which an old frame counts half; 0 disables smoothing.

    Raises:
        ConfigError: ``half_life`` is negative.
    """

    def __init__(self, half_life: float) -> None:
        if half_life < 0:
            raise ConfigError(f"half_life must be 0 or more seconds, got {half_life:g}.")
        self.half_life = half_life
        self._mean: np.ndarray | None = None
        self._time = 0.0

    def update(self, probs: np.ndarray, time: float) -> np.ndarray:
        """Take one frame's probabilities.

        Args:
            probs: ``(7,)``, sum 1.
            time: Seconds on any clock; a step back counts as no time.

        Returns:
            Smoothed ``(7,)``, sum 1.
        """
        if self._mean is None or self.half_life == 0:
            self._mean = np.array(probs, np.float32)
        else:
            past = 0.5 ** (max(time - self._time, 0.0) / self.half_life)
            self._mean = past * self._mean + (1 - past) * np.asarray(probs, np.float32)
        self._time = max(time, self._time)
        return self._mean


class LabelHolder:
    """The name shown for a face: changes only for a clear lead, and only when sure enough."""

    def __init__(self) -> None:
        self._label = -1
        self._named = False

    def update(self, probs: np.ndarray, *, threshold: float, margin: float) -> str:
        """Name a face.

        Args:
            probs: Smoothed ``(7,)``.
            threshold: Least probability of a name.
            margin: Lead that another emotion needs to take over.

        Returns:
            An emotion, or ``uncertain``.
        """
        best = int(probs.argmax())
        if self._label < 0 or probs[best] > probs[self._label] + margin:
            self._label = best
        needed = threshold if self._named else min(threshold + _RETURN, 1.0)
        self._named = bool(probs[self._label] >= needed)
        return EMOTIONS[self._label] if self._named else UNCERTAIN
