"""What a run costs, in size, work, time and training, and the machine that says so."""

import contextlib
import platform
from dataclasses import replace

import numpy as np

from emotion_core.errors import RunError
from emotion_core.machine import cpu_cores, cpu_name
from emotion_core.recipes import listed
from emotion_core.runs.catalog import load_run
from emotion_core.runs.report import Cost, Environment
from emotion_core.runs.run import Run


def measure_cost(run: Run) -> Cost:
    """Size, work and speed: parameters, MACs of one face, bytes on disk, CPU milliseconds per face
    through the fastest backend, training seconds and images per second."""
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.models.latency import measure_latency
    from emotion_core.models.layers import count_macs, count_parameters

    classifier = load_classifier(run)
    latency = measure_latency(classifier)
    rates = [row["images_per_second"] for row in run.metrics() if row.get("images_per_second")]
    return Cost(
        parameters=count_parameters(classifier.model),
        macs=count_macs(classifier.model),
        size_bytes=run.weights_path.stat().st_size,
        latency_ms=latency.median_ms,
        latency_p90_ms=latency.p90_ms,
        latency_backend=latency.backend,
        train_seconds=run.status().train_seconds,
        images_per_second=float(np.median(rates)) if rates else 0.0,
        chain_seconds=_chain_seconds(run, set()) or 0.0,
    )


def _chain_seconds(run: Run, counted: set[str]) -> float | None:
    """Training time of a run and of all runs whose weights went into it; None where it is unknown.

    Args:
        run: The last of them.
        counted: Ids of runs whose time is in the sum already; grows.
    """
    if run.id in counted:
        return 0.0
    counted.add(run.id)
    status = run.status()
    total = status.train_seconds
    for name in dict.fromkeys([*listed(run.config().start_from), *listed(status.averaged_with)]):
        seconds = None
        with contextlib.suppress(RunError):
            seconds = _chain_seconds(load_run(name, run.path.parent), counted)
        if seconds is None:  # it is not here; the chain may have been measured when it was
            report = run.readable_report()
            return (report.cost.chain_seconds or None) if report else None
        total += seconds
    return total


def environment() -> Environment:
    """Versions and hardware that a figure depends on."""
    import torch

    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        platform=f"{platform.system()}-{platform.machine()}",
        cpu=cpu_name(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        cores=cpu_cores(),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else "",
    )


def training_machine(run: Run) -> Environment:
    """This machine, as far as the run's training used it."""
    found, config = environment(), run.config()
    cores = min(config.threads, found.cores) if config.threads else found.cores
    gpu = "" if run.status().device == "cpu" else found.gpu
    return replace(found, cores=cores, gpu=gpu)
