"""Architectures by name. A builder takes keyword options and returns ``(N, 1, 48, 48)`` -> ``(N, 7)``."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import nn

from emotion_core.errors import ModelError, unknown
from emotion_core.models.options import check_option
from emotion_core.records import Scalar

Builder = Callable[..., nn.Module]
_B = TypeVar("_B", bound=Builder)

# One module a family; each registers its builders when it is imported.
_FAMILIES = (
    "sequential",
    "study",
    "resnet",
    "densenet",
    "efficientnet_lite",
    "emotion_net",
    "mobilenet",
    "mobilenet_v1",
)

_BUILDERS: dict[str, Builder] = {}


def register_model(builder: _B) -> _B:
    """Register a builder under its function name.

    Raises:
        ModelError: the name is taken.
    """
    name = builder.__name__
    if name in _BUILDERS:
        raise ModelError(f"A model called '{name}' is registered already. Choose another name.")
    _BUILDERS[name] = builder
    return builder


def list_models() -> list[str]:
    """Names of all registered architectures, sorted."""
    return sorted(_builders())


def create_model(name: str, **options: Any) -> nn.Module:
    """Build an architecture with fresh weights.

    Args:
        name: A name from ``list_models()``.
        options: The builder's keyword options, see ``model_options(name)``.

    Returns:
        A module from float images ``(N, 1, 48, 48)`` to logits ``(N, 7)``.

    Raises:
        ModelError: the name or an option is unknown, or an option's value is not allowed.
    """
    check_model(name, options)
    try:
        return _builder(name)(**options)
    except RuntimeError as error:  # PyTorch's, above all for more memory than there is
        raise ModelError(f"{name} cannot be built with these options: {error}") from error


def check_model(name: str, options: Mapping[str, Any]) -> None:
    """Refuse unknown names and values of the wrong kind, without building anything.

    Which stems and sides an architecture knows is for its builder to say.

    Raises:
        ModelError: the name or an option is unknown, or an option's value is of another kind.
    """
    known = model_options(name)
    for option, value in options.items():
        if option not in known:
            if not known:
                raise ModelError(f"Model '{name}' has no options, got '{option}'.")
            raise ModelError(unknown(f"option of {name}", option, known))
        check_option(option, value, known[option])


def model_options(name: str) -> dict[str, Scalar]:
    """Option names of an architecture and their defaults."""
    parameters = inspect.signature(_builder(name)).parameters
    return {key: value.default for key, value in parameters.items()}


def model_summary(name: str) -> str:
    """First line of an architecture's description."""
    return (inspect.getdoc(_builder(name)) or "").partition("\n")[0]


def _builder(name: str) -> Builder:
    builders = _builders()
    if name not in builders:
        raise ModelError(unknown("model", name, builders))
    return builders[name]


def _builders() -> dict[str, Builder]:
    for family in _FAMILIES:
        importlib.import_module(f"emotion_core.models.{family}")
    return _BUILDERS
