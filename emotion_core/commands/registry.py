"""``registry``: which run is the champion, and how it came to be."""

import argparse

HELP = "show the champion, other aliases and their history; name a run with an alias"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--set", nargs=2, metavar=("@ALIAS", "RUN"), help="name a run")
    parser.add_argument("--remove", metavar="@ALIAS", help="take a name away")


def run(args: argparse.Namespace) -> int:
    """Change an alias, or print all."""
    import json
    from dataclasses import asdict

    from emotion_core.runs import registry
    from emotion_core.runs.catalog import champion, known_as, load_run
    from emotion_core.text import plain

    if args.set:
        entry = registry.set_alias(args.set[0], load_run(args.set[1]))
        print(plain(f"{entry.alias} is {known_as(entry.run)} now."))
        return 0
    if args.remove:
        registry.set_alias(args.remove, None)
        print(plain(f"{args.remove} is removed."))
        return 0
    found = registry.read_registry()
    aliases = {registry.CHAMPION: champion().id} | dict(found.aliases)
    if args.json:
        print(
            json.dumps({"aliases": aliases, "history": list(map(asdict, found.history))}, indent=1)
        )
        return 0
    for alias, reference in aliases.items():
        chosen = "" if alias in found.aliases else "  (by validation and transfer)"
        print(plain(f"{alias}  {known_as(reference)}{chosen}"))
    for entry in found.history:
        forced = f" although the gate refused: {entry.forced}" if entry.forced else ""
        why = f" ({entry.why})" if entry.why else ""
        name = known_as(entry.run) if entry.run else "nothing"
        print(
            plain(f"{entry.when}  {entry.who}: {entry.action} {entry.alias} = {name}{why}{forced}")
        )
    return 0
