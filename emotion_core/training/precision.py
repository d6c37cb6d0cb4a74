"""Which arithmetic a training computes in: fp32, or bf16 where it pays."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


def bf16_pays(device: torch.device) -> bool:
    """Whether networks train faster in bf16 on a device than in fp32 (measured in research/log.md).

    They do on GPUs and CPUs with instructions for bf16; older GPUs only emulate it.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@contextlib.contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """What a network's answers and losses are computed under.

    Args:
        precision: ``fp32``, ``bf16``, or ``auto`` for bf16 where it pays.
        device: What computes.
    """
    if precision == "fp32" or (precision == "auto" and not bf16_pays(device)):
        yield
    else:
        kept = _GroupedInFp32() if device.type == "cpu" else contextlib.nullcontext()
        with torch.autocast(device.type, torch.bfloat16), kept:
            yield


class _GroupedInFp32(TorchFunctionMode):
    """Leaves convolutions in groups in fp32 where automatic mixed precision would take bf16.

    PyTorch's depthwise convolutions take a CPU twice as long in bf16. They are a twentieth of such
    a network's arithmetic; the 1x1 convolutions around them gain.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of PyTorch's, a grouped convolution in fp32."""
        kwargs = kwargs or {}
        if function is torch.conv2d and _groups(args, kwargs) > 1:
            images, *others = args
            with torch.autocast("cpu", enabled=False):
                return function(images.float(), *others, **kwargs)
        return function(*args, **kwargs)


def _groups(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Of ``torch.conv2d(input, weight, bias, stride, padding, dilation, groups)``."""
    groups: int = kwargs.get("groups", args[6] if len(args) > 6 else 1)
    return groups
