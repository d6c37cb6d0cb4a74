"""``jobs``: training in the background, one at a time per device."""

import argparse
import json
import shlex
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from emotion_core.errors import RunError
from emotion_core.paths import checkpoints_dir
from emotion_core.runs.catalog import load_run
from emotion_core.runs.create import rename_run
from emotion_core.runs.trash import purge_deleted, restore_run
from emotion_core.text import plain
from emotion_core.units import percent

if TYPE_CHECKING:
    from emotion_core.training.queue import Job

Act = Callable[[argparse.Namespace], None]
HELP = "train in the background: list, start, stop, resume, rename, delete, restore"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action per sub-command; without one, the jobs are listed."""
    from emotion_core.training.settle import add_flags

    parser.set_defaults(act=_list, json=False)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")

    def add(name: str, act: Act, text: str, runs: str = "") -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text)
        action.set_defaults(act=act)
        if runs:
            action.add_argument("runs", nargs=runs, metavar="RUN", help="name or a part of it")
        return action

    listing = add("list", _list, "show all runs, running ones first")
    listing.add_argument("--json", action="store_true", help="machine-readable, one list")
    start = add("start", _start, "queue a run for each of the models given")
    start.add_argument(
        "--here", action="store_true", help="on this machine, also where there is a cluster"
    )
    add_flags(start)
    stop = add("stop", _stop, "finish the step, save and stop; or remove from the queue", "+")
    stop.add_argument("--force", action="store_true", help="kill a trainer that does not answer")
    add("resume", _resume, "go on with a stopped or failed run", "+")
    rename = add("rename", _rename, "give a run another name")
    rename.add_argument("run", metavar="RUN", help="name or a part of it")
    rename.add_argument("name", metavar="NAME", help="lower-case letters, digits, '-', '_' and '.'")
    delete = add("delete", _delete, "delete runs; restore brings them back", "*")
    delete.add_argument(
        "--purge", action="store_true", help="permanently, earlier deleted ones too"
    )
    add("restore", _restore, "bring deleted runs back", "+")


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 when it is done."""
    act: Act = args.act
    act(args)
    return 0


def _list(args: argparse.Namespace) -> None:
    from emotion_core.training import jobs

    jobs.wake()
    found = jobs.list_jobs()
    if args.json:
        rows = [
            asdict(job.status) | {"run": job.run.name, "id": job.run.id, "position": job.position}
            for job in found
        ]
        print(json.dumps(rows, indent=1))
        return
    for job in found:
        print(plain(f"{job.run.name}  {_describe(job)}"))
    if not found:
        print("No runs yet. Start one: python -m emotion_core jobs start --model sequential")


def _start(args: argparse.Namespace) -> None:
    from emotion_core.training import jobs
    from emotion_core.training.settle import requested

    for config in requested(args):
        name = jobs.start(config, here=args.here).name
        print(f"Queued {name}. Watch it: python -m emotion_core jobs list")


def _stop(args: argparse.Namespace) -> None:
    from emotion_core.training import jobs

    for chosen in map(load_run, args.runs):
        jobs.stop(chosen, force=args.force)
        print(f"{chosen.name}: killed." if args.force else f"{chosen.name}: asked to stop.")


def _resume(args: argparse.Namespace) -> None:
    from emotion_core.training import jobs

    for chosen in map(load_run, args.runs):
        jobs.resume(chosen)
        print(f"{chosen.name}: queued again.")


def _rename(args: argparse.Namespace) -> None:
    renamed = load_run(args.run)
    before = renamed.name
    rename_run(renamed, args.name)
    print(f"{before} is called {renamed.name} now.")


def _delete(args: argparse.Namespace) -> None:
    from emotion_core.training import jobs

    if not args.runs and not args.purge:
        raise RunError("jobs delete needs the name of a run, or --purge.")
    usual = checkpoints_dir().resolve()
    folders = {usual}
    for chosen in map(load_run, args.runs):
        folders.add(chosen.path.parent.resolve())
        name = chosen.name
        jobs.delete(chosen)
        again = name if chosen.path.parent == usual else shlex.quote(str(chosen.path))
        undo = f" Undo: python -m emotion_core jobs restore {again}"
        print(f"{name}: deleted." + ("" if args.purge else undo))
    if args.purge:
        count = sum(purge_deleted(folder) for folder in folders)
        print(f"{count} removed permanently.")


def _restore(args: argparse.Namespace) -> None:
    for name in args.runs:
        print(f"{restore_run(name).name} is back.")


def _describe(job: "Job") -> str:
    """State and progress of a job in one line."""
    status = job.status
    if status.state == "queued":
        return f"queued, number {job.position} for {' and '.join(job.queues)}"
    text = f"{status.state}, epoch {status.epoch} of {status.epochs}"
    if status.state == "running" and not status.steps:
        text += (
            f", teachers asked: {percent(status.teachers_asked, 0)}"
            if status.teachers_asked
            else ""
        )
    elif status.state == "running":
        text += f", {status.images_per_second:.0f} images/s, {status.seconds_left:.0f} s left"
    return f"{text}: {status.error}" if status.error else text
