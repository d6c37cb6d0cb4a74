"""``train``: train a model here and now, or take a run further."""

import argparse

HELP = "train a model with a progress bar; Ctrl-C saves, --resume goes on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command: where to go on, and one for every training setting."""
    from emotion_core.config import TrainConfig

    where = parser.add_mutually_exclusive_group()
    where.add_argument("--resume", metavar="RUN", help="go on with this run where it stopped")
    where.add_argument("--run", metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument("--queue", action="store_true", help=argparse.SUPPRESS)
    TrainConfig.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Train; 0 when finished, 3 when stopped and resumable."""
    import logging
    import signal
    import sys
    import threading

    from tqdm import tqdm

    from emotion_core.config import TrainConfig, recipe_config
    from emotion_core.errors import ConfigError
    from emotion_core.runs import create_run, load_run

    given = TrainConfig.given(args)
    name = args.resume or args.run
    if name:
        if given:
            raise ConfigError(
                f"--resume takes the run's own settings; leave out: {', '.join(given)}."
            )
        run = load_run(name)
        if run.status().state == "finished":
            print(f"{run.name} is finished already.")
            return 0
    else:
        recipe, model = given.pop("recipe", "best"), given.pop("model", "sequential")
        run = create_run(recipe_config(recipe, model, **given))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if args.queue:
        from emotion_core.training import jobs

        if not jobs.wait_for_turn(run, run.config().device, stop):
            return 3

    from emotion_core.training.loop import Progress, Stopped, train

    config = run.config()
    print(f"{run.name}: {config.model} on {config.data}, {config.epochs} epochs", flush=True)
    bar = tqdm(total=None, unit="img", dynamic_ncols=True, disable=not sys.stderr.isatty())

    def show(progress: Progress) -> None:
        status = progress.status
        if bar.total is None:
            bar.reset(total=config.epochs * status.steps * config.batch_size)
        bar.n = (status.epoch * status.steps + status.step) * config.batch_size
        bar.set_postfix_str(
            f"epoch {min(status.epoch + 1, config.epochs)}, loss {status.train_loss:.3f}, "
            f"accuracy {status.train_accuracy:.1%}",
            refresh=False,
        )
        bar.update(0)
        if progress.row:
            row = progress.row
            tqdm.write(
                f"epoch {row['epoch']:3d}  loss {row['train_loss']:.3f}  "
                f"val accuracy {row['val_accuracy']:.2%}  val macro-F1 {row['val_macro_f1']:.3f}  "
                f"{row['images_per_second']:.0f} images/s"
            )
            sys.stdout.flush()

    try:
        train(run, stop=stop, on_progress=show)
    except Stopped:
        bar.close()
        print(f"Stopped and saved. Go on with: python -m emotion_core train --resume {run.name}")
        return 3
    bar.close()
    test = (run.report() or {})["test"]
    low, high = test["accuracy_ci95"]
    print(
        f"Finished: test accuracy {test['accuracy']:.2%} (95 % interval {low:.2%} to {high:.2%}), "
        f"macro-F1 {test['macro_f1']:.3f}. Results in {run.path}"
    )
    return 0
