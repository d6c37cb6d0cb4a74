"""A generator's folder: settings, status, curve, sample sheets and weights.

``EMOTION_HOME/generators/NAME`` holds ``settings.json``, ``status.json``, ``metrics.jsonl`` (a row an
epoch), ``sheets/``, ``model.safetensors`` (the averaged generator) and, until it is finished,
``resume.safetensors``. Lock, log and status are those of a run. Nothing here loads torch.
"""

import shutil
import tempfile
from pathlib import Path

from emotion_core.access import Action, require
from emotion_core.errors import RunError, unknown
from emotion_core.files import read_json, read_once, write_json
from emotion_core.generate.settings import GanSettings
from emotion_core.paths import home_dir
from emotion_core.runs.run import Run
from emotion_core.runs.status import Status, now
from emotion_core.train_settings import check_name

_SETTINGS = "settings.json"


class GanRun(Run):
    """One generator's folder, which is no run of a classifier and is listed nowhere among them."""

    @property
    def resume_path(self) -> Path:
        """Networks, optimizers and counters, to go on from."""
        return self.path / "resume.safetensors"

    @property
    def quality_path(self) -> Path:
        """What was measured of its samples."""
        return self.path / "quality.json"

    @property
    def neighbours_path(self) -> Path:
        """Some samples above their nearest training faces, by pixels and by features."""
        return self.path / "neighbors.png"

    @property
    def kept_path(self) -> Path:
        """What became of the samples when some were kept last."""
        return self.path / "kept.json"

    def sheet_path(self, epoch: int) -> Path:
        """The sample sheet of an epoch."""
        return self.path / "sheets" / f"{epoch:05d}.png"

    def sheets(self) -> dict[int, Path]:
        """Sample sheets by epoch, ascending."""
        found = sorted((self.path / "sheets").glob("[0-9]*.png"))
        return {int(path.stem): path for path in found}

    def settings(self) -> GanSettings:
        """The generator's settings.

        Raises:
            RunError: the file is missing or malformed.
        """
        try:
            return read_once(self.path / _SETTINGS, _read_settings)
        except (OSError, ValueError) as error:
            raise RunError(
                f"Generator '{self.name}': {_SETTINGS} cannot be read ({error}). Delete the folder "
                f"{self.path}, or bring the file back."
            ) from error


def generators_dir() -> Path:
    """Where generators lie."""
    return home_dir() / "generators"


def create_generator_run(name: str, settings: GanSettings) -> GanRun:
    """Make a generator's folder in state queued; it appears with all its files or not at all.

    Raises:
        ConfigError: the name breaks its rule.
        RunError: a generator has the name.
    """
    require(Action.TRAIN)
    check_name(name)
    root = generators_dir()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    try:
        (new / "sheets").mkdir()
        write_json(new / _SETTINGS, settings.to_json())
        GanRun(new).write_status(Status(created=now(), queued=now(), epochs=settings.epochs))
        new.rename(root / name)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        if (root / name).exists():
            raise RunError(
                f"A generator is called '{name}' already. Choose another name, or go on with it."
            ) from error
        raise
    return GanRun(root / name)


def list_generators() -> list[GanRun]:
    """All generators, by name."""
    return [GanRun(path.parent) for path in sorted(generators_dir().glob(f"[!.]*/{_SETTINGS}"))]


def load_generator_run(name: str) -> GanRun:
    """A generator by its name, or by the path of its folder.

    Raises:
        RunError: there is none.
    """
    known = {run.id: run for run in list_generators()}
    if name in known:
        return known[name]
    if (Path(name) / _SETTINGS).exists():
        return GanRun(Path(name))
    if not known:
        raise RunError(
            f"There is no generator '{name}': there is none yet. Train one: "
            "python -m emotion_core generate start NAME"
        )
    raise RunError(unknown("generator", name, known))


def delete_generator(run: GanRun) -> None:
    """Remove a generator for good; collections of faces that it made stay.

    Raises:
        RunError: it is at work.
    """
    require(Action.CHANGE_RUN)
    with run.locked("deleted"):
        if (state := run.status().state) in ("queued", "running"):
            raise RunError(f"Generator '{run.name}' is {state}. Stop it first.")
        shutil.rmtree(run.path)


def _read_settings(path: Path) -> GanSettings:
    return GanSettings.from_json(read_json(path))
