"""Options that several families share: checks of their values, and what ``pretrained`` means."""

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


def check_side(side: Any) -> None:
    """Refuse a side that cannot be halved five times.

    Raises:
        ModelError: it is not a multiple of 32 from 64 to 256.
    """
    if side not in range(64, 257, 32):
        raise ModelError(f"side must be a multiple of 32 from 64 to 256, got {side!r}.")


def pretrained_on(model: str) -> str:
    """What the weights were trained on that the option ``pretrained`` starts from."""
    return "face recognition" if model == "emotion_net" else "ImageNet"
