"""Numbers as people read them: one spelling of each quantity, wherever it is shown."""

import math
from collections.abc import Sequence

_MINUS = "\u2212"


def number(value: float, digits: int, unit: str = "", *, sign: bool = False) -> str:
    """``1234.5`` as ``1,234.5``, with a true minus; empty where unknown (NaN).

    Args:
        value: The number, in the unit.
        digits: After the point.
        unit: Follows after a space.
        sign: Show a plus as well.
    """
    if math.isnan(value):
        return ""
    text = f"{round(value, digits) + 0.0:{'+' if sign else ''},.{digits}f}"  # no minus zero
    return text.replace("-", _MINUS) + (f" {unit}" if unit else "")


def percent(share: float, digits: int = 1) -> str:
    """0.7321 as ``73.2 %``."""
    return number(100 * share, digits, "%")


def percent_interval(share: float, ends: Sequence[float]) -> str:
    """A share with its 95 % interval: ``73.2 % (72.1 to 74.2)``."""
    return f"{percent(share)} ({percent_range(ends)})"


def percent_range(ends: Sequence[float], *, sign: bool = False) -> str:
    """An interval of shares as ``72.1 to 74.2``; the unit stands beside it."""
    low, high = (number(100 * end, 1, sign=sign) for end in ends)
    return f"{low} to {high}"


def points(difference: float, *, sign: bool = False) -> str:
    """A difference of two shares: 0.0123 as ``1.2 points``."""
    return number(100 * difference, 1, "points", sign=sign)


def score(value: float) -> str:
    """An F1, ECE or other score from 0 to 1 as ``0.694``."""
    return number(value, 3)


def milliseconds(value: float) -> str:
    """``2.0 ms``; below one with two digits, ``0.44 ms``."""
    return number(value, 2 if value < 0.995 else 1, "ms")


def minutes(seconds: float) -> str:
    """A training time: ``6.9 min``, from two hours on ``2.1 h``."""
    if seconds < 7200 or math.isnan(seconds):
        return number(seconds / 60, 1, "min")
    return number(seconds / 3600, 1, "h")


def millions(count: float, digits: int = 2) -> str:
    """A count of parameters or operations: ``3.19 M``."""
    return number(count / 1e6, digits, "M")


def megabytes(count: float) -> str:
    """Bytes as ``12.9 MB``."""
    return number(count / 1e6, 1, "MB")


def p_value(p: float) -> str:
    """``p < 0.001``, ``p = 0.023`` or ``p = 0.12``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.{3 if p < 0.0995 else 2}f}"


def several(count: int, noun: str) -> str:
    """A count with its noun, which takes an s: ``1 epoch`` or ``7,178 epochs``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def faces(count: int) -> str:
    """``1 face`` or ``7,178 faces``."""
    return several(count, "face")


def join_names(names: Sequence[str]) -> str:
    """``a``, ``a and b``, or ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
