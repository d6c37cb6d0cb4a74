"""Facts about the machine, from the system's own files and the driver's own tool."""

import os
import stat

import pytest

from emotion_core import machine


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """``driver(script)`` puts an ``nvidia-smi`` first on PATH."""

    def install(script: str) -> None:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        machine.this_machine.cache_clear()

    yield install
    machine.this_machine.cache_clear()


def test_facts_are_this_machines():
    found = machine.this_machine()
    assert found.cpu
    assert 1 <= found.cores <= os.cpu_count()
    assert found.memory_bytes > 2**28
    assert found.torch.startswith("2.")


def test_gpus_are_those_the_driver_lists(driver):
    driver("echo 'NVIDIA A100'; echo 'NVIDIA H100'")
    assert machine.gpu_names() == ("NVIDIA A100", "NVIDIA H100")


def test_a_driver_that_fails_means_no_gpu(driver):
    driver("echo 'NVIDIA-SMI has failed'; exit 9")
    found = machine.this_machine()
    assert (found.gpus, found.device, found.gpu_unused) == ((), "cpu", False)


@pytest.mark.parametrize(
    ("version", "device"), [("2.13.0", "cuda"), ("2.13.0+cpu", "cpu"), ("", "cpu")]
)
def test_a_gpu_is_used_when_the_installed_torch_can(driver, monkeypatch, version, device):
    driver("echo 'NVIDIA A100'")
    monkeypatch.setattr(machine, "_version", lambda package: version)
    found = machine.this_machine()
    assert found.device == device
    assert found.gpu_unused == (device == "cpu")


def test_asking_torch_agrees_with_torch():
    import torch

    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert machine.this_machine(ask_torch=True).device == expected


@pytest.mark.parametrize(("quota", "cores"), [("150000 100000", 2), ("max 100000", 64), ("", 64)])
def test_cores_respect_a_containers_quota(monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr(machine, "_cgroup", lambda name: quota)
    assert machine.cpu_cores() == cores
