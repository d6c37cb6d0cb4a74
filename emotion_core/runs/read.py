"""What the files of a run folder say, checked."""

from pathlib import Path
from typing import Any

from emotion_core.errors import ConfigError
from emotion_core.files import read_json
from emotion_core.recipes import TrainConfig
from emotion_core.runs.report import Report
from emotion_core.runs.status import FORMAT, Status


class MalformedError(Exception):
    """What a file says cannot be used; the message completes "status.json ..."."""


def _read_object(path: Path) -> dict[str, Any]:
    values = read_json(path)
    if not isinstance(values, dict):
        raise MalformedError("must hold a JSON object.")
    return values


def read_config(path: Path) -> TrainConfig:
    """``config.json``; MalformedError says why it cannot be used."""
    try:
        return TrainConfig.from_dict(_read_object(path))
    except ConfigError as error:
        raise MalformedError(f"is malformed. {error}") from error


def read_report(path: Path) -> Report:
    """``report.json``; RecordError names the value that breaks a rule."""
    return Report.from_json(_read_object(path))


def read_status(path: Path) -> Status:
    """``status.json``; MalformedError says why it cannot be used."""
    values = _read_object(path)
    version = values.get("format", 0)
    if isinstance(version, int) and version > FORMAT:
        raise MalformedError(
            f"has format {version}, this version reads up to {FORMAT}. Update emotion_core."
        )
    try:
        return Status(**values)
    except (TypeError, ValueError) as error:
        raise MalformedError(f"is malformed ({error}).") from error
