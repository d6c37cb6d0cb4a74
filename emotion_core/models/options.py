"""Options that several families share: checks of their values, and what ``pretrained`` means."""

from collections.abc import Mapping
from typing import Any

from emotion_core.errors import ModelError, unknown
from emotion_core.records import Scalar

_PROBABILITIES = ("dropout", "drop_path")
# Lowest and highest whole numbers. Who reaches the form must not be able to fill the memory.
_WHOLE = {"width": (1, 128), "blocks": (1, 8), "stem_stride": (1, 2), "side": (64, 256)}
_OTHER_WHOLE = (1, 256)
STEMS = ("imagenet", "small", "stride2")


def check_stem(stem: str) -> None:
    """Refuse a stem that is not in ``STEMS``.

    Raises:
        ModelError: the name is unknown.
    """
    if stem not in STEMS:
        raise ModelError(unknown("stem", str(stem), STEMS))


def option_limits(option: str, default: Any) -> tuple[float, float] | None:
    """Lowest and highest value of an option that is a number; None for any other."""
    if isinstance(default, bool) or not isinstance(default, int | float):
        return None
    if isinstance(default, int):
        return _WHOLE.get(option, _OTHER_WHOLE)
    return (0.0, 0.95) if option in _PROBABILITIES else (-1e6, 1e6)


def check_option(option: str, value: Any, default: Any) -> None:
    """Refuse a value that is not of its default's kind, or beyond its limits.

    Raises:
        ModelError: it is not, or it is.
    """
    if option == "side":
        return check_side(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if limits := option_limits(option, default):
        low, high = limits
        whole = isinstance(default, int)
        fits = number and low <= value <= high and (isinstance(value, int) or not whole)
        wanted = f"a {'whole number' if whole else 'number'} from {low:g} to {high:g}"
    elif isinstance(default, bool):
        fits, wanted = isinstance(value, bool), "true or false"
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


def options_words(options: Mapping[str, Scalar]) -> str:
    """Options as a command takes them, such as ``width=16 dropout=0.2``; empty without any."""
    return " ".join(f"{name}={value}" for name, value in options.items())


def without_pretrained(options: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The options of a network whose weights come from elsewhere than ``pretrained``."""
    return {name: value for name, value in options.items() if name != "pretrained"}


def pretrained_on(model: str) -> str:
    """What the weights were trained on that the option ``pretrained`` starts from."""
    return "face recognition" if model in ("emotion_net", "mobilenet_v1") else "ImageNet"
