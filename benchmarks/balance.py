"""Does it help a rare class to train on generated faces? The same network, trained in seven ways.

From fresh weights, with the same epochs and seeds: as it is; with class weights (square root of the
inverse frequency); with over-sampling, whose repeated faces are augmented anew; with generated faces
that fill each class to 25, 50 and 100 % of the largest; and with the best of these shares and class
weights together. That share, and the way that is called best, are chosen by macro-F1 on validation;
the test faces are read once, when all runs are there.

Each run is kept, so a second call goes on where the first one ended. ``--publish`` writes the result
into the package and its table into the documentation.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.balance_figures import figures_of, table
from benchmarks.command import Figures, measure
from emotion_core.paths import PROJECT

if TYPE_CHECKING:
    from emotion_core.recipes import TrainConfig
    from emotion_core.runs.run import Run

HELP = "train with class weights, over-sampling and generated faces; hours, resumable"

SHARES = (25, 50, 100)  # % of the largest class
DOCUMENT = PROJECT / "docs" / "generated.md"
_BEGIN, _END = "<!-- result -->", "<!-- end of result -->"


@dataclass(frozen=True)
class Plan:
    """One way of training: what differs from the plain one.

    Attributes:
        title: For people.
        changes: Settings.
        share: Generated faces fill each class to this % of the largest; 0 for none.
    """

    title: str
    changes: dict[str, str] = field(default_factory=dict)
    share: int = 0


PLANS = {
    "plain": Plan("As it is"),
    "weights": Plan("Class weights", {"class_weights": "sqrt"}),
    "over": Plan("Over-sampling", {"sampling": "over"}),
    **{f"generated-{s}": Plan(f"Generated, to {s} %", share=s) for s in SHARES},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the faces and the generator are, how long each run is."""
    parser.add_argument("--generator", required=True, metavar="NAME", help="a trained generator")
    parser.add_argument("--data", default="fer2013", help="data set (default: fer2013)")
    parser.add_argument("--model", default="sequential", help="architecture (default: sequential)")
    parser.add_argument("--width", type=int, help="of the architecture, for a trial")
    parser.add_argument("--epochs", type=int, default=30, help="of each run (default: 30)")
    parser.add_argument("--seeds", type=int, default=3, help="runs per way (default: 3)")
    parser.add_argument("--judge", default="@champion", help="run that chooses among the samples")
    parser.add_argument("--publish", action="store_true", help="write the result into the project")


def run(args: argparse.Namespace) -> Figures:
    """Do what is not done yet, then print the table."""
    from emotion_core.errors import ConfigError

    if args.seeds < 1 or args.epochs < 1:
        raise ConfigError("--seeds and --epochs must be at least 1.")
    found = {name: _runs(name, plan, args) for name, plan in PLANS.items()}
    best = max(SHARES, key=lambda share: _validation(found[f"generated-{share}"]))
    plan = Plan(f"Generated, to {best} %, and class weights", {"class_weights": "sqrt"}, best)
    found["both"] = _runs("both", plan, args)
    titles = {name: item.title for name, item in (PLANS | {"both": plan}).items()}
    result = figures_of(
        {titles[name]: (name, runs) for name, runs in found.items()},
        chosen=max(found, key=lambda name: _validation(found[name])),
        generator=args.generator,
        judge=args.judge,
    )
    print(table(result))
    if args.publish:
        _publish(result.to_json(), table(result))
    return {"experiment": result.to_json()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run this benchmark from the command line."""
    return measure("balance", HELP, add_arguments, run, argv)


def _runs(name: str, plan: Plan, args: argparse.Namespace) -> "list[Run]":
    """The finished runs of one way, one per seed; what is missing is trained now."""
    from emotion_core.recipes import recipe_config

    data = args.data
    if plan.share:
        data += f"+collection:{_collection(plan.share, args)}"
    runs = []
    for seed in range(args.seeds):
        config = recipe_config(
            "ours",
            args.model,
            data=data,
            epochs=args.epochs,
            seed=seed,
            name=f"balance-{name}-e{args.epochs}-s{seed}",
            note=f"Experiment on balance: {plan.title}.",
            options={"width": args.width} if args.width else {},
            **plan.changes,
        )
        runs.append(_trained(config))
    return runs


def _trained(config: "TrainConfig") -> "Run":
    """The run of these settings, trained to its end.

    Raises:
        RunError: it was stopped, or a run of its name has other settings.
    """
    from emotion_core.errors import RunError
    from emotion_core.runs.catalog import list_runs
    from emotion_core.runs.create import create_run
    from emotion_core.training.settle import settled
    from emotion_core.training.terminal import train_in_terminal

    config = settled(config)
    found = next((item for item in list_runs() if item.name == config.name), None)
    if found and (found.config().difference(config) or found.config().data != config.data):
        raise RunError(
            f"Run '{config.name}' was made with other settings or other faces. Rename or delete it."
        )
    found = found or create_run(config)
    if found.status().state != "finished" and not train_in_terminal(found, found.config()):
        raise RunError("Stopped and saved. Go on by the same command.")
    return found


def _collection(share: int, args: argparse.Namespace) -> str:
    """The collection that fills the classes to a share; made once, then left as it is."""
    from emotion_core.collect.store import list_collections
    from emotion_core.data.sources import load_data
    from emotion_core.generate.folder import load_generator_run
    from emotion_core.generate.keep import keep_samples, wanted_to_fill
    from emotion_core.generate.words import kept_words
    from emotion_core.models.checkpoint import load_classifier

    name = f"{args.generator}-{share}"
    done = f"{name}.part"
    known = {item.name for item in list_collections()}
    if name in known:
        return name
    from emotion_core.collect.store import create, rename

    if done not in known:
        create(done, note=f"Generated by {args.generator}, to {share} % of the largest class.")
    data = load_data(args.data)
    wanted = wanted_to_fill(data, share / 100)
    found = load_generator_run(args.generator)
    kept = keep_samples(found, done, wanted, load_classifier(args.judge), data=data)
    print("\n".join([f"{name}:", *kept_words(kept)]), flush=True)
    rename(done, name)
    return name


def _validation(runs: "list[Run]") -> float:
    """Mean macro-F1 on validation."""
    return sum(item.require_report().val.macro_f1 for item in runs) / len(runs)


def _publish(values: dict[str, object], text: str) -> None:
    from emotion_core.errors import DataError
    from emotion_core.files import write_bytes, write_json
    from emotion_core.generate.experiment import RESULT

    document = Path(DOCUMENT).read_text(encoding="utf-8")
    if _BEGIN not in document or _END not in document:
        raise DataError(f"{DOCUMENT} has no place for the result: {_BEGIN} and {_END}.")
    before, after = document.split(_BEGIN)[0], document.split(_END)[1]
    write_bytes(DOCUMENT, f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}".encode())
    write_json(RESULT, values)


if __name__ == "__main__":
    sys.exit(main())
