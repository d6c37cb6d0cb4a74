"""Options that several families share: checks of their values, and what ``pretrained`` means."""

from typing import Any

from emotion_core.errors import ModelError, unknown

_PROBABILITIES = ("dropout", "drop_path")
STEMS = ("imagenet", "small", "stride2")


def check_stem(stem: str) -> None:
    """Refuse a stem that is not in ``STEMS``.

    Raises:
        ModelError: the name is unknown.
    """
    if stem not in STEMS:
        raise ModelError(unknown("stem", str(stem), STEMS))


def check_option(option: str, value: Any, default: Any) -> None:
    """Refuse a value that is not of its default's kind, or no probability where one is meant.

    Raises:
        ModelError: it is not.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if option in _PROBABILITIES:
        fits, wanted = number and 0 <= value < 1, "a number from 0 to below 1"
    elif isinstance(default, bool):
        fits, wanted = isinstance(value, bool), "true or false"
    elif isinstance(default, int):
        fits, wanted = number and isinstance(value, int) and value >= 1, "a whole number from 1 up"
    elif isinstance(default, float):
        fits, wanted = number, "a number"
    else:
        fits, wanted = isinstance(value, type(default)), f"like '{default}'"
    if not fits:
        raise ModelError(f"{option} must be {wanted}, got {value!r}.")


def check_side(side: Any) -> None:
    """Refuse a side that cannot be halved five times.

    Raises:
        ModelError: it is not a multiple of 32 from 64 to 256.
    """
    if side not in range(64, 257, 32):
        raise ModelError(f"side must be a multiple of 32 from 64 to 256, got {side!r}.")


def pretrained_on(model: str) -> str:
    """What the weights were trained on that the option ``pretrained`` starts from."""
    return "face recognition" if model in ("emotion_net", "mobilenet_v1") else "ImageNet"
