"""Training jobs on a Ray cluster: the same run folders, on storage that all its machines see.

With ``EMOTION_RAY_ADDRESS`` set, jobs are handed to Ray, which has the queue and finds a machine.
The trainer writes the run's folder there as it does here, so curves, log and results need nothing
else. ``ray.json`` in the folder names the cluster's job; a free lock then says nothing, since the
trainer may hold it on another machine, and Ray is asked whether it lives.
"""

import json
import os
import shlex
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

from emotion_core import __version__
from emotion_core.data.faces import is_synthetic
from emotion_core.data.fer2013 import FER2013_SPEC
from emotion_core.data.label_tables import split_labels
from emotion_core.data.specs import is_made
from emotion_core.errors import ConfigError, EmotionError, RunError
from emotion_core.files import read_json, write_json
from emotion_core.paths import RAY_STORAGE
from emotion_core.recipes import TrainConfig
from emotion_core.runs.run import RAY_FILE, Run
from emotion_core.runs.status import Status, now
from emotion_core.training.engines import STOP_FILE, device_count
from emotion_core.training.ray_client import ENDED, RayClient, RayJob, cluster

_CHECK_SECONDS = 120.0  # for a cluster to start a small job
_CHECKED_FOR = 600.0
_ASK_SECONDS = 1.0  # a job's state is asked for at most so often
_checked: dict[tuple[str, str], float] = {}
_asked: dict[str, tuple[float, RayJob]] = {}
_silent: dict[str, float] = {}  # until when a cluster that did not answer is not asked again

# Prints what a trainer would miss there, as one line of JSON.
_CHECK = """
import json, os, sys
found = {"python": "%d.%d" % sys.version_info[:2], "code": "", "problem": ""}
try:
    import emotion_core
    found["code"] = emotion_core.__version__
    from importlib.util import find_spec
    found["problem"] = "" if find_spec("torch") else "PyTorch is not installed"
except Exception as error:
    found["problem"] = f"{type(error).__name__}: {error}"
found["storage"] = os.path.exists(sys.argv[1])
found["data"] = not sys.argv[2] or os.path.exists(sys.argv[2])
if sys.argv[3] and found["code"]:
    try:
        from emotion_core.data.fer2013 import find_fer2013
        find_fer2013()
    except Exception:
        found["data"] = False
print("EMOTION-CHECK " + json.dumps(found))
"""


def require_cluster(config: TrainConfig, client: RayClient, storage: Path) -> None:
    """Refuse a run for which the cluster lacks something; asked once in ten minutes per data set.

    Raises:
        RunError: the cluster cannot be reached, or lacks code, data, storage or a Python like ours.
        ConfigError: the storage is not there, or runs are kept elsewhere.
    """
    key = (client.address, config.data)
    if time.monotonic() - _checked.get(key, -_CHECKED_FOR) < _CHECKED_FOR:
        return
    probe = storage / f".probe-{uuid.uuid4().hex}"
    place = split_labels(config.data)[0]
    fer2013 = place == FER2013_SPEC
    path = "" if fer2013 or is_synthetic(place) or is_made(place) else place
    try:
        probe.touch()
        found = _ask_cluster(client, str(probe), path, "1" if fer2013 else "")
    except OSError as error:
        raise ConfigError(
            f"{RAY_STORAGE} is {storage}, which cannot be written ({error.strerror}). Name a "
            "folder that all machines of the cluster see."
        ) from error
    finally:
        probe.unlink(missing_ok=True)
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    lacks = []
    if found["python"] != ours:
        lacks.append(f"Python {ours} (it has {found['python']})")
    if found["code"] != __version__:
        has = f"it has {found['code']}" if found["code"] else found["problem"]
        lacks.append(f"emotion_core {__version__} ({has})")
    elif found["problem"]:
        lacks.append(str(found["problem"]))
    if not found["storage"]:
        lacks.append(f"the shared folder {storage}")
    if not found["data"]:
        lacks.append(f"the data {config.data}")
    if lacks:
        raise RunError(f"The Ray cluster at {client.address} lacks {'; '.join(lacks)}.")
    _checked[key] = time.monotonic()


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
    began = time.monotonic()
    when, job = _asked.get(id, (-_ASK_SECONDS, RayJob("")))
    if began - when >= _ASK_SECONDS:
        if began < _silent.get(client.address, 0.0):
            return status
        try:
            job = client.job(id)
        except EmotionError:  # a page of a hundred runs must not wait for each
            waited = time.monotonic() - began
            _silent[client.address] = time.monotonic() + _ASK_SECONDS + 3 * waited
            return status
        _asked[id] = (time.monotonic(), job)
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


def _ask_cluster(client: RayClient, *arguments: str) -> dict[str, str | bool]:
    """What the check prints on the cluster."""
    id = client.submit(shlex.join(["python", "-c", _CHECK, *arguments]), environment={}, cpus=0)
    until = time.monotonic() + _CHECK_SECONDS
    while (job := client.job(id)).state not in ENDED:
        if time.monotonic() > until:
            client.stop(id)
            raise RunError(
                f"The Ray cluster at {client.address} did not start a small job within "
                f"{_CHECK_SECONDS:.0f} s. Look at it: ray status."
            )
        time.sleep(0.2)
    for line in client.output(id).splitlines():
        if line.startswith("EMOTION-CHECK "):
            found: dict[str, str | bool] = json.loads(line.partition(" ")[2])
            return found
    raise RunError(
        f"The Ray cluster at {client.address} cannot run Python: {job.message or job.state}."
    )


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
