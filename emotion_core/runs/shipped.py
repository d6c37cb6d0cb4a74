"""Which runs came with the product: ``catalog.toml`` of a folder of runs."""

import logging
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion_core.files import MAX_JSON, read_once, read_regular
from emotion_core.paths import checkpoints_dir
from emotion_core.runs.run import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Catalog:
    """``catalog.toml`` of a folder of runs: what came with the product.

    Attributes:
        groups: Folders of the shipped runs by the heading that they stand under.
        shown: Folders of those that are shown before anybody asks for more.
        ensemble: Folders of the members of the ensemble that validation chose.
        former: Folders by the names that these runs had in earlier versions.
    """

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    ensemble: tuple[str, ...] = ()
    former: Mapping[str, str] = field(default_factory=dict)

    @property
    def shipped(self) -> tuple[str, ...]:
        """Folders of all shipped runs, in the order of the file."""
        return tuple(name for group in self.groups.values() for name in group)


def read_catalog(root: Path | None = None) -> Catalog:
    """The catalogue of a folder of runs; an empty one where there is none."""
    try:
        return read_once((root or checkpoints_dir()) / "catalog.toml", _read_catalog)
    except FileNotFoundError:
        return Catalog()
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        log.warning("catalog.toml cannot be read (%s): no run counts as shipped.", error)
        return Catalog()


def is_shipped(run: Run) -> bool:
    """Whether a run came with the product."""
    return run.id in read_catalog(run.path.parent).shipped


def _read_catalog(path: Path) -> Catalog:
    values: dict[str, Any] = tomllib.loads(read_regular(path, MAX_JSON).decode())
    return Catalog(
        groups={str(title): tuple(map(str, names)) for title, names in values["groups"].items()},
        shown=tuple(map(str, values.get("shown", ()))),
        ensemble=tuple(map(str, values.get("ensemble", ()))),
        former={str(old): str(new) for old, new in values.get("former", {}).items()},
    )
