"""What a cluster lacks for a run is found out by a small job on it, before the run is made."""

import json
import shlex
import sys
import time
import uuid
from pathlib import Path

from emotion_core import __version__
from emotion_core.data.faces import is_synthetic
from emotion_core.data.fer2013 import FER2013_SPEC
from emotion_core.data.label_tables import split_labels
from emotion_core.data.specs import is_made
from emotion_core.errors import ConfigError, RunError
from emotion_core.paths import RAY_STORAGE
from emotion_core.recipes import TrainConfig
from emotion_core.training.ray_client import ENDED, RayClient

_CHECK_SECONDS = 120.0  # for a cluster to start a small job
_CHECKED_FOR = 600.0
_checked: dict[tuple[str, str], float] = {}

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
