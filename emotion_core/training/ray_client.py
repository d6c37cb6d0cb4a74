"""Ray Jobs through its REST interface: submit, state, output, stop. Needs nothing of Ray's here.

Ray's own client would bring the whole of Ray. The interface is that of Ray 2.x's dashboard
(https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html).
"""

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from emotion_core.errors import ConfigError, RunError

ADDRESS, TOKEN = "EMOTION_RAY_ADDRESS", "EMOTION_RAY_TOKEN"
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
UNKNOWN = "the cluster does not know the job; it was restarted"
_SECONDS = {"GET": 10.0, "POST": 60.0}  # for an answer; a cluster that comes up takes a job late


@dataclass(frozen=True)
class RayJob:
    """A job as the cluster sees it.

    Attributes:
        state: PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED; empty if the cluster does not know it.
        message: Why.
    """

    state: str
    message: str = ""


@dataclass(frozen=True)
class RayClient:
    """One cluster.

    Attributes:
        address: Such as ``http://head:8265``.
        token: Sent as a bearer token; none if empty.
    """

    address: str
    token: str = ""

    def __post_init__(self) -> None:
        """Raises ConfigError."""
        parts = urllib.parse.urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(
                f"{ADDRESS} is the address of Ray's dashboard, such as http://head:8265; got "
                f"'{self.address}'."
            )

    def submit(
        self, command: str, *, environment: dict[str, str], cpus: int = 1, gpus: int = 0
    ) -> str:
        """Have a shell command run on the cluster; its id.

        Raises:
            RunError: the cluster cannot be reached, or refuses.
        """
        answer = self._ask_record(
            "POST",
            "/api/jobs/",
            {
                "entrypoint": command,
                "runtime_env": {"env_vars": environment},
                "entrypoint_num_cpus": cpus,
                "entrypoint_num_gpus": gpus,
            },
        )
        return str(answer["submission_id"])

    def jobs(self) -> dict[str, RayJob]:
        """All jobs that the cluster knows, by their ids, in one request.

        Raises:
            RunError: the cluster cannot be reached.
        """
        found = self._ask("GET", "/api/jobs/")
        rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
        return {
            str(row["submission_id"]): RayJob(
                str(row.get("status", "")), str(row.get("message") or "")
            )
            for row in rows
            if row.get("submission_id")
        }

    def job(self, id: str) -> RayJob:
        """How a job is.

        Raises:
            RunError: the cluster cannot be reached.
        """
        try:
            answer = self._ask_record("GET", f"/api/jobs/{urllib.parse.quote(id)}")
        except _UnknownJobError:
            return RayJob("", UNKNOWN)
        return RayJob(str(answer.get("status", "")), str(answer.get("message") or ""))

    def output(self, id: str) -> str:
        """What a job has printed.

        Raises:
            RunError: the cluster cannot be reached.
        """
        answer = self._ask_record("GET", f"/api/jobs/{urllib.parse.quote(id)}/logs")
        return str(answer.get("logs") or "")

    def stop(self, id: str) -> None:
        """End a job: SIGTERM, and SIGKILL some seconds later.

        Raises:
            RunError: the cluster cannot be reached.
        """
        self._ask("POST", f"/api/jobs/{urllib.parse.quote(id)}/stop")

    def _ask_record(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        found = self._ask(method, path, body)
        return found if isinstance(found, dict) else {}

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> object:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(
            self.address.rstrip("/") + path,
            method=method,
            headers=headers,
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS[method]) as answer:
                found: object = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise _UnknownJobError(f"Ray at {self.address} does not know {path}.") from error
            lines = error.read().decode(errors="replace").strip().splitlines()
            hint = f" Set {TOKEN}." if error.code in (401, 403) else ""
            raise RunError(
                f"Ray at {self.address} refuses ({error.code}): {(lines or [''])[-1][:300]}.{hint}"
            ) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise RunError(
                f"Ray at {self.address} cannot be reached ({error}). Check {ADDRESS} and the "
                "cluster: ray status."
            ) from error
        return found


class _UnknownJobError(RunError):
    """The cluster does not know a job."""


def cluster() -> RayClient | None:
    """The cluster that jobs go to; None where they run on this machine.

    Raises:
        ConfigError: the address is none.
    """
    address = os.environ.get(ADDRESS, "").strip()
    return RayClient(address, os.environ.get(TOKEN, "")) if address else None
