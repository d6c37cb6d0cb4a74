"""The layer table of a model: shapes, parameters and multiply-accumulates of one face."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from emotion_core.models.options import without_pretrained
from emotion_core.models.registry import create_model


@dataclass(frozen=True)
class LayerRow:
    """One call of one layer.

    Attributes:
        name: Path inside the model, such as ``layer1.0.conv1``.
        kind: Type with its kernel, such as ``Conv2d 3x3 /2``.
        output_shape: Without the batch, such as ``(64, 24, 24)``.
        parameters: Weights of its own; 0 when an earlier row has them already.
        macs: Multiply-accumulates of a convolution or linear layer, else 0.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int


def layers_of(name: str, options: Mapping[str, Any]) -> list[LayerRow]:
    """The layer table of an architecture, counted without memory for its weights.

    Args:
        name: Registered model name.
        options: Its options; ``pretrained`` changes no shape and is left out.

    Raises:
        ModelError: as ``create_model``.
    """
    with torch.device("meta"):  # shapes without memory
        return layer_table(create_model(name, **without_pretrained(options)))


def layer_table(model: nn.Module) -> list[LayerRow]:
    """Every layer in the order in which one face passes it.

    Only modules are seen: additions, concatenations and functional calls have no row.

    Args:
        model: ``(N, 1, 48, 48)`` to logits; left in its mode.
    """
    rows: list[LayerRow] = []
    counted: set[int] = set()

    def record(name: str, module: nn.Module, output: Any) -> None:
        if not isinstance(output, torch.Tensor):
            return
        own = [item for item in module.parameters(recurse=False) if id(item) not in counted]
        counted.update(id(item) for item in own)
        shape = tuple(output.shape[1:])
        parameters = sum(item.numel() for item in own)
        rows.append(LayerRow(name, _kind(module), shape, parameters, _macs(module, output)))

    handles = []
    for name, module in model.named_modules():
        is_leaf = next(module.children(), None) is None
        if is_leaf or next(module.parameters(recurse=False), None) is not None:
            handles.append(
                module.register_forward_hook(
                    lambda module, _, output, name=name: record(name, module, output)
                )
            )
    training = model.training
    device = next(model.parameters()).device
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, 1, 48, 48, device=device))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return rows


def count_parameters(model: nn.Module) -> int:
    """Trainable weights."""
    return sum(item.numel() for item in model.parameters() if item.requires_grad)


def count_macs(model: nn.Module) -> int:
    """Multiply-accumulates of convolutions and linear layers for one 48 x 48 face."""
    return sum(row.macs for row in layer_table(model))


def _kind(module: nn.Module) -> str:
    kind = type(module).__name__
    if isinstance(module, nn.Conv2d):
        kind += " {}x{}".format(*module.kernel_size)
        if module.stride != (1, 1):
            kind += f" /{module.stride[0]}"
        if module.groups > 1:
            kind += f" groups {module.groups}"
    return kind


def _macs(module: nn.Module, output: torch.Tensor) -> int:
    if isinstance(module, nn.Conv2d):
        return output.numel() * module.weight[0].numel()
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    return 0
