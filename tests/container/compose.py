"""What compose.yaml says about a service: its command, environment and secrets."""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from emotion_core.paths import PROJECT


@dataclass(frozen=True)
class Service:
    """A service of compose.yaml.

    Attributes:
        command: What the image's entry point is given.
        environment: Its variables.
        secrets: Places in the container, by file of the project's folder.
    """

    command: list[str]
    environment: dict[str, str]
    secrets: dict[str, str]


def read_service(name: str, **variables: str) -> Service:
    """One service, with the variables of the shell that ``docker compose up`` runs in."""
    document = yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))
    found = document["services"][name]
    secrets = {}
    for entry in found.get("secrets", []):
        source = entry if isinstance(entry, str) else entry["source"]
        target = f"/run/secrets/{source}" if isinstance(entry, str) else entry["target"]
        secrets[document["secrets"][source]["file"]] = target
    return Service(
        [_filled(word, variables) for word in found.get("command", [])],
        {key: _filled(value, variables) for key, value in found.get("environment", {}).items()},
        secrets,
    )


def _filled(text: Any, variables: dict[str, str]) -> str:
    """With the values of ``${NAME}`` and ``${NAME:?...}``."""
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda match: variables[match[1]], str(text))
