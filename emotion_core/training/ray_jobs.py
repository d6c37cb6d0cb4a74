"""Training jobs on a Ray cluster: the same run folders, on storage that all its machines see.

With ``EMOTION_RAY_ADDRESS`` set, jobs are handed to Ray, which has the queue and finds a machine.
The trainer writes the run's folder there as it does here, so curves, log and results need nothing
else. ``ray.json`` in the folder names the cluster's job; a free lock then says nothing, since the
trainer may hold it on another machine, and Ray is asked whether it lives.
"""

import os
import shlex
import time
from dataclasses import dataclass, replace
from pathlib import Path

from emotion_core.errors import ConfigError, EmotionError, RunError
from emotion_core.files import read_json, write_json
from emotion_core.paths import RAY_STORAGE
from emotion_core.runs.run import RAY_FILE, Run
from emotion_core.runs.status import Status, now
from emotion_core.training.engines import STOP_FILE, device_count
from emotion_core.training.ray_client import ENDED, UNKNOWN, RayClient, RayJob, cluster

_ASK_SECONDS = 1.0  # jobs are asked for at most so often, and for a quarter of the time at most
_NEW_SECONDS = 10.0  # a job that was handed over this shortly before may not be in the answer


def submit(run: Run, client: RayClient) -> None:
    """Hand a queued run to the cluster.

    Raises:
        RunError: the cluster cannot be reached, or refuses. The run is then failed.
    """
    config, folder = run.config(), run.path.resolve()
    stop_path(run).unlink(missing_ok=True)
    command = f"exec python -u -m emotion_core train --run {shlex.quote(str(folder))}"
    gpus = device_count(config) if config.device.startswith("cuda") else 0
    try:
        id = client.submit(
            f"{command} >> {shlex.quote(str(run.log_path.resolve()))} 2>&1",
            environment={
                "EMOTION_CHECKPOINTS": str(folder.parent),
                STOP_FILE: str(stop_path(run).resolve()),
            },
            cpus=max(1, config.threads) * (1 if gpus else device_count(config)),
            gpus=gpus,
        )
    except RunError as error:
        run.write_status(replace(run.status(), state="failed", finished=now(), error=str(error)))
        # So that a resume hands it to the cluster again.
        write_json(run.path / RAY_FILE, {"job": "", "address": client.address})
        raise
    write_json(run.path / RAY_FILE, {"job": id, "address": client.address})


def stop_path(run: Run) -> Path:
    """The file that asks a trainer on another machine to stop."""
    return run.path / "stop"


def stop(run: Run, *, force: bool) -> None:
    """Ask the run's trainer to save and stop; ``force``, or one that waits still, ends its job.

    Raises:
        RunError: the cluster cannot be reached.
    """
    client, id = _job_of(run)
    status = run.status()
    if status.state == "running" and not force:
        stop_path(run).touch()
        return
    client.stop(id)
    if status.state == "queued":
        run.write_status(replace(status, state="stopped", finished=now()))


def followed(run: Run, status: Status) -> Status:
    """A status, corrected by what Ray says: one whose job has ended without a result is failed.

    A cluster that does not answer changes nothing.
    """
    if status.state not in ("queued", "running"):
        return status
    try:
        client, id = _job_of(run)
    except EmotionError:
        return status
    answer = _answer_of(client)
    if answer.jobs is None:
        return status
    job = answer.jobs.get(id, RayJob("", UNKNOWN))
    if not job.state and _age(run) < time.time() - answer.when + _NEW_SECONDS:
        return status
    if (job.state and job.state not in ENDED) or run.status() != status:
        return run.status()
    why = job.message.strip().splitlines()
    failed = replace(
        status,
        state="failed",
        finished=now(),
        pid=0,
        error=f"The job on the Ray cluster ended without a result: {why[-1] if why else job.state}",
    )
    if not run.is_locked():
        run.write_status(failed)
    return failed


@dataclass(frozen=True)
class _Answer:
    """What a cluster said of its jobs; None where it did not answer."""

    when: float  # seconds since the epoch
    again: float  # on the monotonic clock: not asked before
    jobs: dict[str, RayJob] | None


_answers: dict[str, _Answer] = {}


def _answer_of(client: RayClient) -> _Answer:
    """All jobs of a cluster in one request, so that a page of many runs does not ask for each."""
    began, when = time.monotonic(), time.time()
    kept = _answers.get(client.address)
    if kept and began < kept.again:
        return kept
    try:
        jobs = client.jobs()
    except EmotionError:
        jobs = None
    ended = time.monotonic()
    _answers[client.address] = _Answer(when, ended + _ASK_SECONDS + 3 * (ended - began), jobs)
    return _answers[client.address]


def _age(run: Run) -> float:
    """Seconds since a run was handed over."""
    try:
        return time.time() - (run.path / RAY_FILE).stat().st_mtime
    except OSError:
        return 0.0


def is_remote(run: Run) -> bool:
    """Whether the run was handed to a cluster."""
    return (run.path / RAY_FILE).exists()


def _job_of(run: Run) -> tuple[RayClient, str]:
    try:
        values = read_json(run.path / RAY_FILE)
        address, id = str(values["address"]), str(values["job"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RunError(f"Run '{run.name}': {RAY_FILE} cannot be read ({error}).") from error
    now_used = cluster()  # its token, and its address where the head has moved
    return now_used or RayClient(address), id


def storage_of(root: Path) -> Path:
    """The shared folder, in which runs must be.

    Raises:
        ConfigError: it is not named, or the runs are elsewhere.
    """
    named = os.environ.get(RAY_STORAGE, "").strip()
    if not named:
        raise ConfigError(
            f"Jobs go to Ray, so {RAY_STORAGE} must name a folder that all its machines see."
        )
    storage = Path(named).resolve()
    if not root.resolve().is_relative_to(storage):
        raise ConfigError(
            f"Runs are kept in {root}, which is not below {RAY_STORAGE} ({storage}). Leave "
            "EMOTION_CHECKPOINTS out, or name a folder there."
        )
    return storage
