"""Checks of option values that several families share."""

from typing import Any

from emotion_core.errors import ModelError, unknown

STEMS = ("imagenet", "small", "stride2")


def check_stem(stem: str) -> None:
    """Refuse a stem that is not in ``STEMS``.

    Raises:
        ModelError: the name is unknown.
    """
    if stem not in STEMS:
        raise ModelError(unknown("stem", str(stem), STEMS))


def check_dropout(dropout: Any) -> None:
    """Refuse a dropout probability that is no number from 0 to below 1.

    Raises:
        ModelError: it is not.
    """
    number = isinstance(dropout, int | float) and not isinstance(dropout, bool)
    if not number or not 0 <= dropout < 1:
        raise ModelError(f"dropout must be a number from 0 to below 1, got {dropout!r}.")
