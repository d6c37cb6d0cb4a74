"""What a sweep varies: ranges and choices of settings, as a command line names them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from emotion_core.config import Setting, parse_value
from emotion_core.errors import ConfigError, unknown
from emotion_core.recipes import TrainConfig
from emotion_core.records import Scalar

_OPTION = "options."
_FIXED = ("name", "note", "tag", "seed", "data", "devices", "device", "threads", "recipe")
_LOG_FROM = 10.0  # a range this wide is drawn evenly in its logarithm


@dataclass(frozen=True)
class Range:
    """One setting and the values it may take.

    Attributes:
        name: Of a setting, or ``options.NAME`` of a model option.
        choices: The values; none for an interval.
        low: Smallest value of an interval.
        high: Largest value, inclusive.
        whole: Whether the interval holds whole numbers only.
    """

    name: str
    choices: tuple[Scalar, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    @property
    def logarithmic(self) -> bool:
        """Whether values are drawn evenly in their logarithm."""
        return self.low > 0 and self.high / self.low >= _LOG_FROM

    @property
    def ends(self) -> tuple[Scalar, Scalar]:
        """The first and the last value."""
        if self.choices:
            return self.choices[0], self.choices[-1]
        kind = int if self.whole else float
        return kind(self.low), kind(self.high)

    @property
    def text(self) -> str:
        """As ``parse_range`` reads it."""
        if self.choices:
            return f"{self.name}={','.join(map(str, self.choices))}"
        return f"{self.name}={self.low:g}..{self.high:g}"


def suggested_ranges(config: TrainConfig, options: Iterable[str] = ()) -> dict[str, str]:
    """Settings that are worth a search, each with the values that a form begins with.

    Args:
        config: Rates are varied around its own.
        options: Names of the model's options.
    """
    found = {"lr": f"{config.lr / 5:g}..{min(10.0, config.lr * 5):g}"}
    found["optimizer"] = "sgd,adamw"
    found["batch_size"] = "32,64,128"
    found["weight_decay"] = "1e-05..0.01"
    found["label_smoothing"] = "0..0.2"
    found["mixup"] = "0,0.2,0.4"
    found["erasing"] = "0..0.5"
    found["rotation"] = "0..20"
    found["class_weights"] = "none,sqrt,balanced"
    if "dropout" in options:
        found["options.dropout"] = "0..0.5"
    return found


def parse_range(text: str) -> Range:
    """``lr=0.01..0.1`` (an interval) or ``mixup=0,0.2`` (choices).

    Raises:
        ConfigError: the setting is unknown or cannot be varied, or the values do not fit it.
    """
    name, sign, values = (part.strip() for part in text.partition("="))
    if not sign or not values:
        raise ConfigError(f"--vary takes SETTING=LOW..HIGH or SETTING=A,B,C, got '{text}'.")
    known = {item.name: item for item in TrainConfig.settings() if item.name not in _FIXED}
    name = name.replace("-", "_")
    item = known.get(name)
    if item is None and not name.startswith(_OPTION):
        raise ConfigError(unknown("setting to vary", name, [*known, f"{_OPTION}NAME"]))
    low, dots, high = values.partition("..")
    if not dots:
        choices = tuple(_value(name, part.strip(), item) for part in values.split(","))
        if len(set(choices)) < 2:
            raise ConfigError(f"--vary {name} needs two values or an interval, got '{values}'.")
        return Range(name, choices)
    if item is not None and item.type not in (int, float):
        raise ConfigError(f"{name} is not a number, so it has no interval: list its values, A,B.")
    first, last = (_value(name, part, item) for part in (low, high))
    numbers = [one for one in (first, last) if isinstance(one, int | float)]
    if len(numbers) < 2 or not numbers[0] < numbers[1]:
        raise ConfigError(f"{name}: '{values}' is not an interval from a low to a high number.")
    whole = all(isinstance(one, int) for one in numbers)
    return Range(name, low=numbers[0], high=numbers[1], whole=whole)


def with_values(base: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """A config with the drawn values in it.

    Raises:
        ConfigError: one breaks the setting's rule.
    """
    options = {
        name.removeprefix(_OPTION): value
        for name, value in values.items()
        if name.startswith(_OPTION)
    }
    settings = {name: value for name, value in values.items() if not name.startswith(_OPTION)}
    return base.replace(**settings, options=base.options | options)


def _value(name: str, text: str, item: Setting | None) -> Scalar:
    """A value of a setting's type, checked against its limits by the config itself."""
    value: Scalar = text if item is not None and item.type is str else parse_value(text)
    if item is not None:
        if item.type is float and type(value) is int:
            value = float(value)
        TrainConfig().replace(**{name: value})
    return value
