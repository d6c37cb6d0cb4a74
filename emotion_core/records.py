"""Frozen dataclasses read from JSON that may come from anywhere: each value is checked once, on reading."""

import dataclasses
import functools
import math
import reprlib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, Self

Scalar = bool | int | float | str
Reader = Callable[[Any], Any]

_NAMES: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    Scalar: "a number, a text, true or false",
}


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict = 2, 3, 3


class RecordError(ValueError):
    """A value breaks the rule of its field; the message names field, rule and value."""

    def __init__(self, rule: str, *value: object) -> None:
        """Args: rule: Reads after the field's name. value: What was found, if anything was."""
        super().__init__(rule)
        self.place: list[str] = []
        self._rule = rule + (f", found {_SHORT.repr(value[0])}" if value else "")

    def __str__(self) -> str:
        return f"{'.'.join(self.place) or 'it'} {self._rule}"


class Rule(NamedTuple):
    """A condition on a field beyond its type, given as ``Annotated[type, Rule(...)]``."""

    text: str
    holds: Callable[[Any], bool]


def between(low: float, high: float = math.inf) -> Rule:
    """Both ends are allowed."""
    text = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
    return Rule(text, lambda value: low <= value <= high)


Share = Annotated[float, between(0, 1)]
Amount = Annotated[float, between(0)]
Count = Annotated[int, between(0)]
Interval = Annotated[
    tuple[Share, Share], Rule("a low and a high end", lambda ends: ends[0] <= ends[1])
]


class Record:
    """Base of frozen dataclasses with a JSON form; keys that are no field are ignored."""

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read and check a JSON object.

        Raises:
            RecordError: a field is missing, or a value breaks its rule.
        """
        if not isinstance(value, dict):
            raise RecordError("must be an object", value)
        found = {}
        for name, reader, needed in _fields(typing.cast(Any, cls)):
            if name in value:
                found[name] = _at(name, reader, value[name])
            elif needed:
                error = RecordError("is missing")
                error.place.append(name)
                raise error
        return cls(**found)

    def to_json(self) -> dict[str, object]:
        """What ``from_json`` reads; a field that is None is left out."""
        return {
            item.name: _plain(value)
            for item in dataclasses.fields(typing.cast(Any, self))
            if (value := getattr(self, item.name)) is not None
        }


def _plain(value: object) -> object:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


@functools.cache
def _fields(cls: type) -> list[tuple[str, Reader, bool]]:
    """Name, reader and whether it is needed, of each field."""
    hints = typing.get_type_hints(cls, include_extras=True)
    missing = dataclasses.MISSING
    return [
        (item.name, _reader(hints[item.name]), item.default is item.default_factory is missing)
        for item in dataclasses.fields(cls)
    ]


def _at(place: str, reader: Reader, value: object) -> Any:
    try:
        return reader(value)
    except RecordError as error:
        error.place.insert(0, place)
        raise


def _reader(hint: Any) -> Reader:
    """The function that checks a JSON value against a type hint and makes the field's value of it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _ruled(_reader(arguments[0]), hint.__metadata__)
    if origin is tuple:
        return _row(_reader(arguments[0]), 0 if arguments[-1] is ... else len(arguments))
    if origin in (dict, Mapping):
        return _mapping(_reader(arguments[1]))
    if origin in (types.UnionType, typing.Union) and types.NoneType in arguments and hint != Scalar:
        inner = _reader(next(kind for kind in arguments if kind is not types.NoneType))
        return lambda value: None if value is None else inner(value)
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_json
    return _scalar(hint)


def _scalar(hint: Any) -> Reader:
    if hint is float:
        return _number
    kinds, name = typing.get_args(hint) or (hint,), _NAMES[hint]

    def read(value: object) -> Any:
        if type(value) in kinds and value == value:  # JSON's NaN is not itself
            return value
        raise RecordError(f"must be {name}", value)

    return read


def _number(value: Any) -> float:
    if type(value) is float or type(value) is int:
        try:
            if math.isfinite(made := float(value)):
                return made
        except OverflowError:  # an integer of 400 digits
            pass
    raise RecordError(f"must be {_NAMES[float]}", value)


def _ruled(reader: Reader, rules: tuple[Rule, ...]) -> Reader:
    (rule,) = rules
    holds = rule.holds

    def read(value: object) -> Any:
        made = reader(value)
        if holds(made):
            return made
        raise RecordError(f"must be {rule.text}", value)

    return read


def _row(reader: Reader, length: int) -> Reader:
    def read(value: object) -> Any:
        if not isinstance(value, list) or (length and len(value) != length):
            raise RecordError(f"must be a list{f' of {length}' if length else ''}", value)
        try:
            return tuple(map(reader, value))
        except RecordError:  # once more, to say where
            return tuple(_at(str(place), reader, item) for place, item in enumerate(value))

    return read


def _mapping(reader: Reader) -> Reader:
    def read(value: object) -> Any:
        if not isinstance(value, dict):
            raise RecordError("must be an object", value)
        return {str(name): _at(str(name), reader, item) for name, item in value.items()}

    return read
