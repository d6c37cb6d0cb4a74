"""What this machine is: named beside every measured number. Does not load torch unless asked."""

import functools
import importlib.metadata
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_core.errors import ConfigError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Machine:
    """Facts about the machine.

    Attributes:
        cpu: Name of the processor.
        cores: Logical cores this process may use.
        memory_bytes: Main memory this process may use; 0 if unknown.
        gpus: Names of the NVIDIA GPUs.
        device: Where training with ``device=auto`` runs: ``cuda`` or ``cpu``.
        python: Version.
        torch: Version; empty if it is not installed.
        platform: Operating system.
    """

    cpu: str
    cores: int
    memory_bytes: int
    gpus: tuple[str, ...]
    device: str
    python: str
    torch: str
    platform: str

    @property
    def gpu_unused(self) -> bool:
        """Whether there is a GPU that the installed PyTorch cannot use."""
        return bool(self.gpus) and self.device == "cpu"


@functools.cache
def this_machine(*, ask_torch: bool = False) -> Machine:
    """Facts about this machine, found once a process.

    Args:
        ask_torch: Load torch (seconds) and believe it about the device; otherwise the device
            follows from the driver and from the version of the installed torch.
    """
    gpus, torch_version = gpu_names(), _version("torch")
    if ask_torch:
        import torch

        cuda = torch.cuda.is_available()
    else:
        cuda = bool(gpus) and bool(torch_version) and "+cpu" not in torch_version
    return Machine(
        cpu=cpu_name(),
        cores=cpu_cores(),
        memory_bytes=memory_bytes(),
        gpus=gpus,
        device="cuda" if cuda else "cpu",
        python=platform.python_version(),
        torch=torch_version,
        platform=platform.platform(aliased=True, terse=True),
    )


def resolve_device(name: str) -> "torch.device":
    """The device that ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` means; loads torch.

    Raises:
        ConfigError: it is none of these, or not on this machine.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"Unknown device '{name}'. Use auto, cpu or cuda:N.") from error
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ConfigError(
            f"Device '{name}' is not there: this machine has {count} CUDA devices. Use auto or cpu."
        )
    return device


def cpu_name() -> str:
    """The processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model"):
                return value.strip()
    if platform.system() == "Darwin":
        name = _output("sysctl", "-n", "machdep.cpu.brand_string")
        if name:
            return name
    return platform.processor() or platform.machine()


def cpu_cores() -> int:
    """Logical cores this process may use; a container's quota counts."""
    # sched_getaffinity is not on macOS and Windows.
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    quota, _, period = _cgroup("cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        cores = min(cores, max(1, round(int(quota) / int(period))))
    return cores


def memory_bytes() -> int:
    """Main memory this process may use; 0 if unknown."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    limit = _cgroup("memory.max")
    return min(total, int(limit)) if limit.isdigit() else total


def gpu_names() -> tuple[str, ...]:
    """Names of the NVIDIA GPUs that the driver lists."""
    lines = _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def _output(*command: str) -> str:
    """What a command prints; empty if it is missing, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _cgroup(name: str) -> str:
    try:
        return (Path("/sys/fs/cgroup") / name).read_text().strip()
    except OSError:
        return ""


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
