"""``train``: train a model here and now, or take a run further."""

import argparse

HELP = "train a model with a progress bar; Ctrl-C saves, --resume goes on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command: where to go on, and one for every training setting."""
    from emotion_core.training.settle import add_flags

    where = parser.add_mutually_exclusive_group()
    where.add_argument("--resume", metavar="RUN", help="go on with this run where it stopped")
    where.add_argument("--run", metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument("--queue", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Train; 0 when finished, 3 when stopped and resumable."""
    from emotion_core.errors import ConfigError
    from emotion_core.processes import stop_on_signals
    from emotion_core.runs.catalog import load_run
    from emotion_core.runs.create import create_run
    from emotion_core.training.engines import stop_from_elsewhere
    from emotion_core.training.settle import given_flags, requested, settled
    from emotion_core.training.turn import wait_for_turn

    name = args.run if args.resume is None else args.resume
    if name is None:
        config, *others = requested(args)
        if others:
            raise ConfigError("train takes one model; 'jobs start' takes several.")
        found = create_run(settled(config))
    else:
        if given := given_flags(args):
            raise ConfigError(
                f"--resume takes the run's own settings; leave out: {', '.join(given)}."
            )
        found = load_run(name)
        if found.status().state == "finished":
            print(f"{found.name} is finished already.")
            return 0
    config = found.config()
    if args.rank:
        from emotion_core.training.terminal import train_rank  # loads torch

        return train_rank(found, config)
    stop = stop_on_signals()
    stop_from_elsewhere(stop)
    if args.queue and not wait_for_turn(found, stop):
        return 3

    from emotion_core.training.terminal import train_in_terminal  # loads torch

    return 0 if train_in_terminal(found, config, stop) else 3
