"""``models``: the architectures, or one architecture layer by layer."""

import argparse
import json
from dataclasses import asdict, dataclass
from typing import Any

from emotion_core.config import Config, setting
from emotion_core.errors import ConfigError
from emotion_core.models.options import options_words
from emotion_core.records import Scalar

HELP = "list the architectures, or show one layer by layer"


@dataclass(frozen=True, kw_only=True)
class _Architecture:
    name: str
    parameters: int
    macs: int
    options: dict[str, Scalar]
    summary: str


@dataclass(frozen=True, kw_only=True)
class _ModelOptions(Config):
    options: dict[str, Scalar] = setting({}, "model options, such as stem=small")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The architecture and its options."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="architecture (default: list all)")
    _ModelOptions.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Print the list or the table."""
    options = _ModelOptions.given(args).get("options", {})
    if args.name is None and options:
        raise ConfigError("--options needs the architecture's NAME.")
    if args.name is None:
        _print_list(args.json)
    else:
        _print_layers(args.name, options, args.json)
    return 0


def _print_list(as_json: bool) -> None:
    from emotion_core.models.layers import count_macs, count_parameters
    from emotion_core.models.registry import (
        create_model,
        list_models,
        model_options,
        model_summary,
    )

    rows = []
    for name in list_models():
        model = create_model(name)
        rows.append(
            _Architecture(
                name=name,
                parameters=count_parameters(model),
                macs=count_macs(model),
                options=model_options(name),
                summary=model_summary(name),
            )
        )
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    print(f"{'name':<20}{'parameters':>12}{'MACs, M':>10}  options and their defaults")
    for row in rows:
        print(
            f"{row.name:<20}{row.parameters:>12,}{row.macs / 1e6:>10.1f}  {options_words(row.options)}\n"
            f"{'':<20}{row.summary}"
        )


def _print_layers(name: str, options: dict[str, Scalar], as_json: bool) -> None:
    from emotion_core.models.layers import count_parameters, layer_table
    from emotion_core.models.registry import create_model
    from emotion_core.reporting.terminal import aligned

    model = create_model(name, **options)
    rows = layer_table(model)
    parameters, macs = count_parameters(model), sum(row.macs for row in rows)
    if as_json:
        layers = [asdict(row) for row in rows]
        result = {"name": name, "options": options, "parameters": parameters, "macs": macs}
        print(json.dumps(result | {"layers": layers}, indent=1))
        return
    table = [("layer", "kind", "output", "parameters", "MACs"), *map(_cells, rows)]
    print(aligned(table, left=3))
    print(f"{name}: {parameters:,} parameters, {macs:,} MACs per face of 48 x 48 pixels")


def _cells(row: Any) -> tuple[str, ...]:
    shape = " x ".join(map(str, row.output_shape))
    parameters = f"{row.parameters:,}" if row.parameters else ""
    return row.name or "-", row.kind, shape, parameters, f"{row.macs:,}" if row.macs else ""
