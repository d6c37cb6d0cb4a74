"""``train``: train a model here and now, or take a run further."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from emotion_core.runs.run import Run

HELP = "train a model with a progress bar; Ctrl-C saves, --resume goes on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command: where to go on, and one for every training setting."""
    from emotion_core.data.label_tables import HELP as LABELS_HELP
    from emotion_core.recipes import TrainConfig

    where = parser.add_mutually_exclusive_group()
    where.add_argument("--resume", metavar="RUN", help="go on with this run where it stopped")
    where.add_argument("--run", metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument("--queue", action="store_true", help=argparse.SUPPRESS)
    TrainConfig.add_arguments(parser)
    parser.add_argument("--labels", metavar="TABLE", help=LABELS_HELP)


def run(args: argparse.Namespace) -> int:
    """Train; 0 when finished, 3 when stopped and resumable."""
    import threading

    from emotion_core.data.label_tables import with_labels
    from emotion_core.errors import ConfigError
    from emotion_core.recipes import TrainConfig, listed, recipe_config
    from emotion_core.runs.catalog import load_run, pick_run
    from emotion_core.runs.create import create_run
    from emotion_core.training import jobs

    given = TrainConfig.given(args)
    if args.labels:
        given["data"] = with_labels(given.get("data", TrainConfig().data), args.labels)
    name = args.run if args.resume is None else args.resume
    if name is not None:
        if given:
            raise ConfigError(
                f"--resume takes the run's own settings; leave out: {', '.join(given)}."
            )
        found = load_run(name)
        if found.status().state == "finished":
            print(f"{found.name} is finished already.")
            return 0
    else:
        from emotion_core.models.registry import create_model
        from emotion_core.training.refit import refit_config

        starts = listed(given.get("start_from", ""))
        if starts and "model" not in given:
            earlier = pick_run(starts[0], refits=False).config()
            given["model"] = earlier.model
            options = {k: v for k, v in earlier.options.items() if k != "pretrained"}
            given["options"] = options | given.get("options", {})
        if "refit" in given:
            config = refit_config(load_run(given.pop("refit"))).replace(**given)
        else:
            recipe, model = given.pop("recipe", "ours"), given.pop("model", "sequential")
            config = recipe_config(recipe, model, **given)
        config = jobs.settled(config)
        create_model(config.model, **config.options)  # what cannot be built leaves no run behind
        found = create_run(config)
    stop = threading.Event()
    _stop_on_signals(stop)
    if args.queue and not jobs.wait_for_turn(found, found.config().device, stop):
        return 3

    return 0 if train_in_terminal(found, stop) else 3


def _stop_on_signals(stop: "threading.Event") -> None:
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())


def train_in_terminal(run: "Run", stop: "threading.Event | None" = None) -> bool:
    """Train a run with a progress bar and a line an epoch; False if it was stopped and saved.

    Args:
        run: A run made by ``create_run``, new or stopped.
        stop: Set to stop; by default Ctrl-C and SIGTERM do.
    """
    import logging
    import sys
    import threading

    from tqdm import tqdm

    from emotion_core.runs.catalog import known_as
    from emotion_core.text import plain
    from emotion_core.training.loop import Progress, Stopped, train

    if stop is None:
        stop = threading.Event()
        _stop_on_signals(stop)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    config = run.config()
    course = f"refit of {known_as(config.refit)}" if config.refit else f"{config.epochs} epochs"
    print(plain(f"{run.name}: {config.model} on {config.data}, {course}"), flush=True)
    bar = tqdm(total=None, unit="img", dynamic_ncols=True, disable=not sys.stderr.isatty())

    def show(progress: Progress) -> None:
        status = progress.status
        if not status.steps:
            bar.set_postfix_str(f"teachers asked: {status.teachers_asked:.0%}")
            return
        if bar.total is None:
            bar.reset(total=status.epochs * status.steps * config.batch_size)
        bar.n = (status.epoch * status.steps + status.step) * config.batch_size
        bar.set_postfix_str(
            f"epoch {min(status.epoch + 1, status.epochs)}, loss {status.train_loss:.3f}, "
            f"accuracy {status.train_accuracy:.1%}",
            refresh=False,
        )
        bar.update(0)
        if progress.row:
            row = progress.row
            validation = (
                f"val accuracy {row['val_accuracy']:.2%}  val macro-F1 {row['val_macro_f1']:.3f}"
                if "val_accuracy" in row
                else f"train accuracy {row['train_accuracy']:.2%}"
            )
            tqdm.write(
                f"epoch {row['epoch']:3d}  loss {row['train_loss']:.3f}  {validation}  "
                f"{row['images_per_second']:.0f} images/s"
            )
            sys.stdout.flush()

    try:
        train(run, stop=stop, on_progress=show)
    except Stopped:
        bar.close()
        print(f"Stopped and saved. Go on with: python -m emotion_core train --resume {run.name}")
        return False
    bar.close()
    test = run.require_report().test
    low, high = test.accuracy_ci95
    print(
        f"Finished: test accuracy {test.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), "
        f"macro-F1 {test.macro_f1:.3f}. Results in {run.path}"
    )
    return True
