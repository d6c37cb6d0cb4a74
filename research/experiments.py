"""The runs that were made for this project, as settings: shipped ones and those in the archive."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emotion_core.data.sources import same_source
from emotion_core.errors import ConfigError, unknown
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.runs.catalog import list_runs
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.runs.shipped import is_shipped

Line = dict[str, Any]  # settings of a run, its parents and its figures
_RUNS = Path(__file__).with_name("runs.jsonl")
_AS_SETTING = {
    "repeats": "refit"
}  # what a run's line calls a parent that a setting calls otherwise


def experiments() -> dict[str, Line]:
    """The lines of ``runs.jsonl`` by name, in the order in which the runs were made."""
    lines = _RUNS.read_text(encoding="utf-8").splitlines()
    return {line["name"]: line for line in map(json.loads, lines)}


def experiment_config(
    name: str, data: str = "fer2013", known: Mapping[str, Line] | None = None
) -> TrainConfig:
    """Settings of a run that was made for this project; parents by their names.

    Args:
        name: Its name in ``known``.
        data: Where FER-2013 is, as for ``load_data``.
        known: Lines by name; by default those of ``runs.jsonl``.

    Raises:
        ConfigError: there is no such run, or it is not a network.
    """
    known = experiments() if known is None else known
    if name not in known:
        raise ConfigError(unknown("run", name, known))
    line = known[name]
    parents = {_AS_SETTING.get(key, key): ", ".join(runs) for key, runs in line["parents"].items()}
    final = {"train_on": "train+val"} if "chosen_by" in parents else {}
    settings = line["differs"] | parents | final
    return recipe_config(line["recipe"], line["model"], **settings, data=data)


def find_run(config: TrainConfig, *, finished: bool) -> Run | None:
    """The newest run of an experiment that is not shipped; None if there is none.

    Args:
        config: The experiment.
        finished: Whether a finished run is wanted, or one to go on with.
    """
    for run in list_runs():
        if run.problem or is_shipped(run) or run.config().difference(config):
            continue
        ended = run.status().state == "finished"
        if ended == finished and same_source(run.config().data, config.data):
            return run
    return None


def run_of(config: TrainConfig) -> Run:
    """The run of an experiment: a finished one, else one to go on with, else a new one."""
    found = find_run(config, finished=True) or find_run(config, finished=False)
    return found or create_run(config)
