"""Settings of a run, found once: flags become a config, and a config's names become lasting ones.

Does not load torch, except to check a model that flags ask for.
"""

import argparse
from typing import Any

from emotion_core.data.faces import is_synthetic
from emotion_core.data.fer2013 import FER2013_SPEC, find_fer2013, source_path
from emotion_core.data.label_tables import HELP, split_labels, with_labels
from emotion_core.data.specs import lasting
from emotion_core.errors import ConfigError, RunError
from emotion_core.models.options import without_pretrained
from emotion_core.paths import checkpoints_dir
from emotion_core.recipes import TrainConfig, listed, recipe_config
from emotion_core.runs.catalog import load_run, pick_run
from emotion_core.runs.run import Run
from emotion_core.training.final import require_chosen


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what ``requested`` reads: one flag per setting, and two more."""
    TrainConfig.add_arguments(parser)
    parser.add_argument("--labels", metavar="TABLE", help=HELP)
    parser.add_argument(
        "--like",
        metavar="RUN",
        help="take the settings of this run, but for its machine's, where no flag says otherwise",
    )


def given_flags(args: argparse.Namespace) -> list[str]:
    """Names of those that the user gave."""
    return [*TrainConfig.given(args), *(name for name in ("labels", "like") if vars(args)[name])]


def requested(args: argparse.Namespace) -> list[TrainConfig]:
    """The settings that a command line asks for.

    Returns:
        One config per model of ``--model a,b``, not yet settled.

    Raises:
        ConfigError: a setting is unknown or out of range.
        ModelError: a model or an option is unknown, or the model cannot be built.
        RunError: there is no run of the name that a flag gives.
    """
    from emotion_core.models.registry import create_model

    given = TrainConfig.given(args)
    if args.like:
        if "recipe" in given:
            raise ConfigError("--like takes the recipe of that run: leave out --recipe.")
        run = load_run(args.like)
        if given.get("train_on") == "train+val":
            given.setdefault("chosen_by", run.id)
        configs = [run.config().for_another_run().replace(**given)]
    else:
        given = _like_its_start(given)
        recipe = given.pop("recipe", "ours")
        models = listed(given.pop("model", "sequential"))
        configs = [recipe_config(recipe, model, **given) for model in models]
    if args.labels:
        configs = [one.replace(data=with_labels(one.data, args.labels)) for one in configs]
    for config in configs:  # what cannot be built leaves no run behind
        create_model(config.model, **config.options)
    return configs


def _like_its_start(given: dict[str, Any]) -> dict[str, Any]:
    """Flags with the model and options of the run that the weights come from, unless given."""
    starts = listed(given.get("start_from", ""))
    if not starts or "model" in given:
        return given
    earlier = pick_run(starts[0], final=False).config()
    options = without_pretrained(earlier.options)
    return given | {"model": earlier.model, "options": options | given.get("options", {})}


def settled(config: TrainConfig) -> TrainConfig:
    """The config with what it names found: a resume may run in another folder, or much later.

    Returns:
        Its data's path made absolute, and earlier runs by their ids, which never change.

    Raises:
        DataError: there is no data set at the path.
        RunError: there is no such earlier run, or it has no weights.
        TrainingError: a final training has other settings than the run that it repeats, or an
            earlier run has learned the faces that would validate this one.
    """
    data = lasting(config.data, settled_source)
    chosen = _lasting_name(require_chosen(config)) if config.final else ""
    return config.with_earlier(_run_with_weights).replace(data=data, chosen_by=chosen)


def settled_source(spec: str) -> str:
    """A data set that is not made of others, by its absolute path.

    Raises:
        DataError: it is not there.
    """
    from emotion_core.data.forms import recognise
    from emotion_core.data.sources import synthetic_count

    place, labels = split_labels(spec)
    if place == FER2013_SPEC:
        find_fer2013()
    elif is_synthetic(place):
        synthetic_count(place)
    else:
        source = source_path(place)
        recognise(source)
        return with_labels(str(source), labels)
    return spec


def _run_with_weights(name: str) -> str:
    run = pick_run(name, final=False)
    if not run.weights_path.exists():
        raise RunError(f"Run '{run.name}' has no weights, so nothing can be taken from it.")
    return _lasting_name(run)


def _lasting_name(run: Run) -> str:
    return run.id if run.path.parent.resolve() == checkpoints_dir().resolve() else str(run.path)


def as_flags(config: TrainConfig) -> list[str]:
    """The flags that ask for a config's settings; its name, note and tag are left out."""
    recipe = recipe_config(config.recipe, config.model)
    flags = ["--recipe", config.recipe, "--model", config.model]
    for item in TrainConfig.settings():
        value = getattr(config, item.name)
        if item.group == "identity" or item.name in ("recipe", "model"):
            continue
        if item.name == "options":
            for key, part in config.options.items():
                flags += [
                    item.flag,
                    f"{key}={str(part).lower() if isinstance(part, bool) else part}",
                ]
        elif value != getattr(recipe, item.name):
            if item.type is bool:
                flags.append(item.flag if value else item.flag.replace("--", "--no-", 1))
            else:
                flags += [item.flag, str(value)]
    return flags
