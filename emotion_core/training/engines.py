"""One run on several GPUs, or processes: PyTorch's own launcher starts and watches the ranks.

The process that waited for the run's turn holds its lock and the devices', starts the ranks as
``torchrun`` does, and writes how the run ended. What the ranks do is in ``ranks`` and ``loop``.
"""

import contextlib
import logging
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_core.errors import ConfigError, TrainingError
from emotion_core.machine import this_machine
from emotion_core.recipes import TrainConfig
from emotion_core.runs.run import Run

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    from emotion_core.runs.report import Report

_PARENT, STOP_FILE = "EMOTION_LAUNCHER", "EMOTIONSTOP_FILE"
_LOOK_SECONDS = 0.2  # between two looks of a rank at its launcher
_GRACE_SECONDS = 4  # that the other ranks have to end once one has failed


def device_count(config: TrainConfig) -> int:
    """How many devices train a run on this machine; found out without torch."""
    if config.devices != "all":
        return int(config.devices)
    kind = this_machine().device if config.device == "auto" else config.device.partition(":")[0]
    return max(1, len(this_machine().gpus)) if kind == "cuda" else 1


def require_devices(config: TrainConfig) -> None:
    """Refuse what this machine has too few GPUs for, or a batch that is too small to be shared.

    Raises:
        ConfigError: so.
    """
    count, machine = device_count(config), this_machine()
    kind = machine.device if config.device == "auto" else config.device.partition(":")[0]
    if kind == "cuda" and count > max(1, len(machine.gpus)):
        raise ConfigError(
            f"devices is {count}, but this machine has {len(machine.gpus)} GPUs. Give at most "
            "that many, or all."
        )
    if config.batch_size < 2 * count:
        raise ConfigError(
            f"batch_size {config.batch_size} is shared by {count} devices, which need two images "
            f"each. Give at least {2 * count}."
        )


def launch(run: Run, config: TrainConfig, stop: threading.Event) -> "Report":
    """Train a run on its devices, one process each, to its end, and evaluate it.

    Args:
        run: A run made by ``create_run``, new or stopped.
        config: Its settings.
        stop: When set, the ranks finish the step, the first saves, and ``Stopped`` is raised.

    Returns:
        The report of ``evaluate_run``.

    Raises:
        Stopped: ``stop`` was set.
        RunError: another process trains this run.
        TrainingError: a rank ended with an error or was killed; the others are ended within
            seconds.
        ConfigError: this machine has not so many devices.
    """
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    from emotion_core.data.sources import load_data
    from emotion_core.evaluation.report import evaluate_run
    from emotion_core.training.failures import STOPPED, Stopped, at_work

    require_devices(config)
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # we tell ourselves
    with at_work(run), tempfile.TemporaryDirectory(prefix="emotion-ranks-") as folder:
        settings = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=device_count(config),
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
            signals_to_handle="SIGQUIT",  # SIGTERM and Ctrl-C set ``stop``
            shutdown_timeout=_GRACE_SECONDS,
        )
        command = ["-m", "emotion_core", "train", "--run", str(run.path.resolve()), "--rank"]
        with _followed(Path(folder) / "stop", stop):
            try:
                elastic_launch(settings, sys.executable)(*command)
            except ChildFailedError as error:
                told = _reason(error.failures, settings.nproc_per_node)
                if told == STOPPED:
                    raise Stopped from None
                raise TrainingError(told) from None
        return evaluate_run(run, load_data(config.data), device=config.device)


def stop_as_launched() -> threading.Event:
    """The event of a rank that its launcher sets; the rank ends if the launcher is gone."""
    stop = threading.Event()
    parent, file = int(os.environ[_PARENT]), Path(os.environ[STOP_FILE])

    def follow() -> None:
        while os.getppid() == parent:
            if file.exists():
                stop.set()
            time.sleep(_LOOK_SECONDS)
        os._exit(1)  # a killed launcher holds no lock any more

    threading.Thread(target=follow, daemon=True, name="launcher").start()
    return stop


def stop_from_elsewhere(stop: threading.Event) -> None:
    """Have the file that another machine makes set an event; without one named nothing happens."""
    if not (named := os.environ.get(STOP_FILE)):
        return

    def follow() -> None:
        while not Path(named).exists():
            time.sleep(_LOOK_SECONDS)
        stop.set()

    threading.Thread(target=follow, daemon=True, name="stop file").start()


@contextlib.contextmanager
def _followed(file: Path, stop: threading.Event) -> Iterator[None]:
    """Pass ``stop`` on to the ranks, as a file; signals end them at once."""
    os.environ |= {_PARENT: str(os.getpid()), STOP_FILE: str(file)}
    ended = threading.Event()

    def follow() -> None:
        while not ended.is_set():
            if stop.is_set():
                file.touch()
                return
            time.sleep(_LOOK_SECONDS)

    thread = threading.Thread(target=follow, daemon=True, name="stop of ranks")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _reason(failures: "dict[int, ProcessFailure]", size: int) -> str:
    """Why the ranks ended: a killed one comes first, since it makes the others fail."""
    goes_on = "Resume goes on after the last saved step."
    for rank, failure in sorted(failures.items()):
        if failure.exitcode < 0 and failure.signal_name() != "SIGTERM":
            return (
                f"Process {rank + 1} of {size} was killed ({failure.signal_name()}), which the "
                f"system also does when memory is exhausted. {goes_on}"
            )
    told = [failure for failure in failures.values() if "known" in failure.error_file_data]
    told.sort(key=lambda failure: (not failure.error_file_data["known"], failure.timestamp))
    if told:
        return str(told[0].message)
    # The agent ends the others with SIGTERM once one has failed.
    rank, failure = min(failures.items(), key=lambda item: (item[1].exitcode == -15, item[0]))
    return (
        f"Process {rank + 1} of {size} ended with exit code {failure.exitcode}; the log has what "
        f"it printed. {goes_on}"
    )
