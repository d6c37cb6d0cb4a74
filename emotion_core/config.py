"""Job settings as frozen dataclasses. JSON, command-line flags and form fields come from their fields."""

import argparse
import dataclasses
import functools
import inspect
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from emotion_core.errors import ConfigError, unknown


def setting(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    low: float | None = None,
    high: float | None = None,
    group: str = "",
) -> Any:
    """A dataclass field that carries its help text, limits (inclusive) and form group, which is
    its class's unless it names another."""
    metadata = {"help": help, "choices": choices, "low": low, "high": high, "group": group}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Setting:
    """One field of a config, as a form or a parser needs it."""

    name: str
    type: type
    default: Any
    help: str
    choices: tuple[str, ...]
    low: float | None
    high: float | None
    group: str

    @property
    def flag(self) -> str:
        """Command-line spelling: ``label_smoothing`` is ``--label-smoothing``."""
        return "--" + self.name.replace("_", "-")

    @property
    def label(self) -> str:
        """Spelling for a form."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, kw_only=True)
class Config:
    """Base of all configs: checks every field against its limits when it is made."""

    GROUP: ClassVar[str] = "basic"

    def __post_init__(self) -> None:
        for item in self.settings():
            value = getattr(self, item.name)
            if item.type is float and type(value) is int:
                value = _as_float(value)
                object.__setattr__(self, item.name, value)
            elif type(value) is not item.type:
                raise ConfigError(
                    f"{item.name} must be of type {item.type.__name__}, got {value!r}."
                )
            if item.choices and value not in item.choices:
                raise ConfigError(unknown(item.name, str(value), item.choices))
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"{item.name} must be a number, got {value}.")
            if item.low is not None and value < item.low:
                raise ConfigError(
                    f"{item.name} must be at least {item.low:g}, got {_as_float(value):g}."
                )
            if item.high is not None and value > item.high:
                raise ConfigError(
                    f"{item.name} must be at most {item.high:g}, got {_as_float(value):g}."
                )

    @classmethod
    @functools.cache
    def settings(cls) -> tuple[Setting, ...]:
        """The fields in order. Found once for each class: looking up type hints takes 1 ms."""
        hints = typing.get_type_hints(cls)
        groups = {
            name: base.GROUP
            for base in reversed(cls.__mro__)
            if issubclass(base, Config)
            for name in inspect.get_annotations(base)
        }
        found = []
        for item in dataclasses.fields(cls):
            default = (
                item.default
                if item.default is not dataclasses.MISSING
                else typing.cast(Any, item.default_factory)()
            )
            kind = hints[item.name]
            kind = typing.get_origin(kind) or kind
            assert not isinstance(kind, types.UnionType), "a setting has one plain type"
            facts: dict[str, Any] = dict(item.metadata)
            facts["group"] = facts["group"] or groups[item.name]
            found.append(Setting(name=item.name, type=kind, default=default, **facts))
        return tuple(found)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON-ready values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Make a config from plain values; missing fields take their defaults.

        Raises:
            ConfigError: a name is unknown or a value breaks its rule.
        """
        names = [item.name for item in cls.settings()]
        for name in values:
            if name not in names:
                raise ConfigError(unknown("setting", name, names))
        return cls(**typing.cast(Any, values))

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked again."""
        return self.from_dict(self.to_dict() | changes)

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add one flag a field. Only flags that the user gave end up in the namespace."""
        for item in cls.settings():
            shown = "" if item.default in ("", {}) else f" (default: {item.default})"
            common: dict[str, Any] = {
                "dest": item.name,
                "default": argparse.SUPPRESS,
                "help": (item.help + shown).replace("%", "%%"),
            }
            if item.type is bool:
                parser.add_argument(item.flag, action=argparse.BooleanOptionalAction, **common)
            elif item.type is dict:
                parser.add_argument(item.flag, action=_KeyValue, metavar="KEY=VALUE", **common)
            elif item.choices:
                parser.add_argument(item.flag, metavar="|".join(item.choices), **common)
            else:
                parser.add_argument(item.flag, type=item.type, metavar=item.type.__name__, **common)

    @classmethod
    def given(cls, namespace: argparse.Namespace) -> dict[str, Any]:
        """The settings that the user gave on the command line."""
        names = {item.name for item in cls.settings()}
        return {name: value for name, value in vars(namespace).items() if name in names}


class _KeyValue(argparse.Action):
    """Collects repeated ``--options key=value`` into a dict; numbers and true/false are converted."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        key, sign, text = str(values).partition("=")
        if not sign or not key:
            parser.error(f"{option_string} takes KEY=VALUE, got '{values}'")
        found = dict(getattr(namespace, self.dest, {}))
        found[key] = parse_value(text)
        setattr(namespace, self.dest, found)


def _as_float(value: float) -> float:
    """A number as float; one beyond its range is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def parse_value(text: str) -> bool | int | float | str:
    """A number, true or false as such, all else as text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
