"""``password``: make the hash of the owner's password for a dashboard that others can reach."""

import argparse
import getpass
import sys

HELP = "hash the owner's password for a dashboard that others can reach"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none: a password on the command line would stay in the shell's history."""


def run(args: argparse.Namespace) -> int:
    """Ask twice on a terminal, or read one line of a pipe, and print the line to store."""
    from emotion_core.errors import AccessError
    from emotion_core.passwords import hash_password

    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise AccessError("The two passwords differ. Start again.")
    else:
        password = sys.stdin.readline().rstrip("\n")
    print(hash_password(password))
    return 0
