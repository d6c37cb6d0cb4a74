"""The one change to PyTorch's code: an optimizer that starts without the compiler."""

import inspect
from typing import TypeVar, cast

import torch
from torch.optim import Optimizer

from emotion_core.versions import patch_fits

TORCH = ">=2.13,<2.14"
_METHODS = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
_Kind = TypeVar("_Kind", bound=Optimizer)


def without_compiler(kind: type[_Kind]) -> type[_Kind]:
    """PyTorch: a kind of optimizer that does not load the compiler; it computes the same.

    By default the methods of an optimizer load all of ``torch._dynamo``, only to be kept out of
    compiled code: half of the 7 seconds from a new process to its first step (``benchmarks.train``, on
    two busy cores). Nothing here compiles an optimizer or differentiates through it; ``torch.compile``
    of a model works as before. Not reported as far as we know; pytorch/pytorch#162595 mends the same
    in another place.
    """
    if not patch_fits("torch", TORCH, "Each training starts some seconds later."):
        return kind
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in _METHODS}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return cast(type[_Kind], type(kind.__name__, (kind,), {**methods, "step": step}))
