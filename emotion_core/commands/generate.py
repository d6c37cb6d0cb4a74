"""``generate``: faces made by a small network, for classes that a data set has few of."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from emotion_core.errors import ConfigError, RunError, unknown

if TYPE_CHECKING:
    from emotion_core.generate.settings import GanSettings

HELP = "train a small generator of faces, measure its samples, keep some as training faces"
_FLAGS = {
    "data": "data set whose training faces are learned (default: fer2013)",
    "seed": "of weights and draws (default: 0)",
    "epochs": "length (default: 20)",
    "batch_size": "real faces per step (default: 64)",
    "width": "channels of the widest maps (default: 32)",
    "latent": "numbers that a face is made from (default: 64)",
    "lr_generator": "its learning rate (default: 0.0002)",
    "lr_discriminator": "its learning rate (default: 0.0004)",
    "ema": "decay of the averaged weights (default: 0.999)",
    "sheet_epochs": "epochs between sample sheets (default: 1)",
    "device": "auto, cpu or cuda:N (default: auto)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command an action; without one, the generators are listed."""
    from emotion_core.generate.settings import GanSettings

    parser.set_defaults(act=_list)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")

    def add(
        name: str, act: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text, description=text)
        action.set_defaults(act=act)
        return action

    add("list", _list, "show all generators")
    for name, act, text in (
        ("train", _train, "train a generator here and now; Ctrl-C saves, the same command goes on"),
        ("start", _start, "train a generator in the background"),
    ):
        action = add(name, act, text)
        action.add_argument("name", metavar="NAME")
        for flag, told in _FLAGS.items():
            kind = type(getattr(GanSettings(), flag))
            action.add_argument(f"--{flag.replace('_', '-')}", type=kind, help=told)
    for name, act, text in (
        ("stop", _stop, "finish the step, save and stop"),
        ("resume", _resume, "go on in the background"),
        ("delete", _delete, "delete a generator; kept faces stay"),
    ):
        add(name, act, text).add_argument("name", metavar="NAME")
    quality = add("quality", _quality, "measure the samples: FID, KID, agreement, copying")
    keep = add("keep", _keep, "keep samples that may train, in a collection that is marked")
    for action in (quality, keep):
        action.add_argument("name", metavar="NAME")
        action.add_argument(
            "--judge", default="@champion", metavar="RUN", help="whose features and answers count"
        )
    quality.add_argument("--faces", type=int, default=2000, help="samples (default: 2000)")
    quality.add_argument(
        "--reference", type=int, default=10_000, help="training faces by features (default: 10000)"
    )
    keep.add_argument("collection", metavar="COLLECTION", help="is made where there is none")
    many = keep.add_mutually_exclusive_group(required=True)
    many.add_argument("--per-class", type=int, metavar="N", help="faces of each class in all")
    many.add_argument(
        "--fill", type=float, metavar="SHARE", help="fill each class to this share of the largest"
    )
    keep.add_argument("--classes", metavar="NAMES", help="only these, such as disgust,fear")
    work = actions.add_parser("work")  # what ``start`` and ``resume`` run
    work.add_argument("folder")
    work.set_defaults(act=_work)


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 when it is done, 3 when it was stopped and can go on."""
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)


def _list(args: argparse.Namespace) -> int:
    from emotion_core.generate.folder import list_generators

    found = list_generators()
    for item in found:
        status = item.status()
        left = f", {status.seconds_left / 60:.0f} min left" if status.state == "running" else ""
        error = f": {status.error}" if status.error else ""
        print(f"{item.name}  {status.state}, epoch {status.epoch} of {status.epochs}{left}{error}")
    if not found:
        print("No generator yet. Train one: python -m emotion_core generate start NAME")
    return 0


def _train(args: argparse.Namespace) -> int:
    from emotion_core.generate import jobs
    from emotion_core.generate.folder import list_generators
    from emotion_core.generate.terminal import train_in_terminal

    known = {item.id: item for item in list_generators()}
    if args.name not in known:
        return 0 if train_in_terminal(jobs.create(args.name, _settings(args))) else 3
    if given := [flag for flag in _FLAGS if getattr(args, flag) is not None]:
        raise RunError(
            f"Generator '{args.name}' is there already and goes on with its own settings; leave out: "
            f"{', '.join('--' + flag.replace('_', '-') for flag in given)}."
        )
    if known[args.name].status().state == "finished":
        print(f"{args.name} is finished already.")
        return 0
    return 0 if train_in_terminal(known[args.name]) else 3


def _start(args: argparse.Namespace) -> int:
    from emotion_core.generate import jobs

    jobs.start(args.name, _settings(args))
    print(f"Started {args.name}. Watch it: python -m emotion_core generate list")
    return 0


def _stop(args: argparse.Namespace) -> int:
    from emotion_core.generate import jobs
    from emotion_core.generate.folder import load_generator_run

    jobs.stop(load_generator_run(args.name))
    print(f"{args.name}: asked to stop.")
    return 0


def _resume(args: argparse.Namespace) -> int:
    from emotion_core.generate import jobs
    from emotion_core.generate.folder import load_generator_run

    jobs.resume(load_generator_run(args.name))
    print(f"{args.name}: goes on in the background.")
    return 0


def _delete(args: argparse.Namespace) -> int:
    from emotion_core.generate.folder import delete_generator, load_generator_run

    delete_generator(load_generator_run(args.name))
    print(f"{args.name}: removed.")
    return 0


def _quality(args: argparse.Namespace) -> int:
    from emotion_core.generate.folder import load_generator_run
    from emotion_core.generate.quality import measure_quality
    from emotion_core.generate.results import quality_task
    from emotion_core.generate.words import quality_words
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.progress import progress_bar

    if min(args.faces, args.reference) < 8:
        raise ConfigError("--faces and --reference must be at least 8.")
    found = load_generator_run(args.name)
    task = quality_task(found)
    with task.hold(), progress_bar(total=1.0, bar_format="{percentage:3.0f} % |{bar}|") as bar:

        def tell(share: float) -> None:
            bar.update(share - bar.n)
            task.tell(share)

        judge = load_classifier(args.judge, backend="torch")
        measured = measure_quality(
            found, judge, faces=args.faces, reference=args.reference, progress=tell
        )
    print("\n".join(quality_words(measured)))
    return 0


def _keep(args: argparse.Namespace) -> int:
    from emotion_core.data.sources import load_data
    from emotion_core.files import write_json
    from emotion_core.generate.folder import load_generator_run
    from emotion_core.generate.keep import keep_samples, wanted_to_fill
    from emotion_core.generate.results import KeptFaces, keep_task
    from emotion_core.generate.words import kept_words
    from emotion_core.labels import EMOTIONS
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.progress import progress_bar

    found = load_generator_run(args.name)
    data = load_data(found.settings().data)
    if args.fill is None:
        if args.per_class < 1:
            raise ConfigError(f"--per-class must be at least 1, got {args.per_class}.")
        wanted = dict.fromkeys(EMOTIONS, args.per_class)
    else:
        if not 0 < args.fill <= 1:
            raise ConfigError(f"--fill must be above 0 and at most 1, got {args.fill:g}.")
        wanted = wanted_to_fill(data, args.fill)
    names = [name.strip() for name in (args.classes or ",".join(wanted)).split(",")]
    if unknown_names := [name for name in names if name not in EMOTIONS]:
        raise ConfigError(unknown("class", unknown_names[0], EMOTIONS))
    wanted = {name: wanted[name] for name in names if name in wanted}
    task = keep_task(found)
    layout = "{desc} {percentage:3.0f} % |{bar}|"
    with task.hold(), progress_bar(total=1.0, bar_format=layout) as bar:

        def tell(emotion: str, share: float) -> None:
            bar.set_description_str(emotion)
            bar.update(share - bar.n)
            task.tell(share)

        judge = load_classifier(args.judge)
        kept = keep_samples(found, args.collection, wanted, judge, data=data, progress=tell)
    told = KeptFaces(args.collection, tuple(kept_words(kept)))
    write_json(found.kept_path, told.to_json())
    print("\n".join(told.words))
    print(f"They are the data set collection:{args.collection}, and only ever train.")
    return 0


def _work(args: argparse.Namespace) -> int:
    from emotion_core.generate.folder import load_generator_run
    from emotion_core.generate.jobs import wait_for_device
    from emotion_core.processes import stop_on_signals

    found = load_generator_run(args.folder)
    stop = stop_on_signals()
    if not wait_for_device(found, stop):
        return 3
    from emotion_core.generate.terminal import train_in_terminal  # loads torch

    return 0 if train_in_terminal(found, stop) else 3


def _settings(args: argparse.Namespace) -> "GanSettings":
    from emotion_core.generate.settings import GanSettings
    from emotion_core.records import RecordError

    given = {flag: value for flag in _FLAGS if (value := getattr(args, flag)) is not None}
    try:
        return GanSettings.from_json(given)
    except RecordError as error:
        raise ConfigError(f"{error}.") from error
