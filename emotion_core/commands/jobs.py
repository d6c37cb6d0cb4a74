"""``jobs``: training in the background, one at a time per device."""

import argparse
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emotion_core.training.jobs import Job

HELP = "train in the background: list, start, stop, resume, rename, delete, restore"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action a sub-command; without one, the jobs are listed."""
    from emotion_core.training.settle import add_flags

    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="show all runs, those at work first")
    listing.add_argument("--json", action="store_true", help="machine-readable, one list")
    start = actions.add_parser("start", help="queue a run for each of the models given")
    add_flags(start)
    stop = actions.add_parser("stop", help="finish the step, save and stop; or leave the queue")
    stop.add_argument("--force", action="store_true", help="kill a trainer that does not answer")
    resume = actions.add_parser("resume", help="go on with a stopped or failed run")
    rename = actions.add_parser("rename", help="call a run otherwise")
    rename.add_argument("run", metavar="RUN", help="name or a part of it")
    rename.add_argument("name", metavar="NAME", help="lower-case letters, digits, '-', '_' and '.'")
    delete = actions.add_parser("delete", help="take runs away; restore brings them back")
    delete.add_argument("--purge", action="store_true", help="for good, earlier deleted ones too")
    restore = actions.add_parser("restore", help="bring deleted runs back")
    for action in (stop, resume, restore):
        action.add_argument("runs", nargs="+", metavar="RUN", help="name or a part of it")
    delete.add_argument("runs", nargs="*", metavar="RUN", help="name or a part of it")


def run(args: argparse.Namespace) -> int:
    """Do the action; 0 when it is done."""
    import json
    from dataclasses import asdict

    from emotion_core.errors import RunError
    from emotion_core.paths import checkpoints_dir
    from emotion_core.runs.catalog import load_run
    from emotion_core.runs.create import rename_run
    from emotion_core.runs.trash import purge_deleted, restore_run
    from emotion_core.text import plain
    from emotion_core.training import jobs
    from emotion_core.training.settle import requested

    action = args.action or "list"
    if action == "list":
        found = jobs.list_jobs()
        if getattr(args, "json", False):
            rows = [
                asdict(job.status)
                | {"run": job.run.name, "id": job.run.id, "position": job.position}
                for job in found
            ]
            print(json.dumps(rows, indent=1))
            return 0
        for job in found:
            print(plain(f"{job.run.name}  {_describe(job)}"))
        if not found:
            print("No runs yet. Start one: python -m emotion_core jobs start --model sequential")
        return 0
    if action == "start":
        for config in requested(args):
            name = jobs.start(config).name
            print(f"Queued {name}. Watch it: python -m emotion_core jobs list")
        return 0
    if action == "restore":
        for name in args.runs:
            print(f"{restore_run(name).name} is back.")
        return 0
    if action == "rename":
        renamed = load_run(args.run)
        before = renamed.name
        rename_run(renamed, args.name)
        print(f"{before} is called {renamed.name} now.")
        return 0
    if action == "delete" and not args.runs and not args.purge:
        raise RunError("jobs delete needs the name of a run, or --purge.")
    folders = {checkpoints_dir().resolve()}
    for given in args.runs:
        chosen = load_run(given)
        folders.add(chosen.path.parent.resolve())
        if action == "stop":
            jobs.stop(chosen, force=args.force)
            print(f"{chosen.name}: killed." if args.force else f"{chosen.name}: asked to stop.")
        elif action == "resume":
            jobs.resume(chosen)
            print(f"{chosen.name}: queued again.")
        else:
            name = chosen.name
            jobs.delete(chosen)
            known = chosen.path.parent == checkpoints_dir().resolve()
            again = name if known else shlex.quote(str(chosen.path))
            undo = f" Undo: python -m emotion_core jobs restore {again}"
            print(f"{name}: deleted." + ("" if args.purge else undo))
    if action == "delete" and args.purge:
        count = sum(purge_deleted(folder) for folder in folders)
        print(f"{count} removed for good.")
    return 0


def _describe(job: "Job") -> str:
    """State and progress of a job in one line."""
    status = job.status
    if status.state == "queued":
        return f"queued, number {job.position} for {job.queue}"
    text = f"{status.state}, epoch {status.epoch} of {status.epochs}"
    if status.state == "running" and not status.steps:
        text += f", teachers asked: {status.teachers_asked:.0%}" if status.teachers_asked else ""
    elif status.state == "running":
        text += f", {status.images_per_second:.0f} images/s, {status.seconds_left:.0f} s left"
    return f"{text}: {status.error}" if status.error else text
