"""Versions: the least patch of Python, and guards for our changes to other packages' code."""

import functools
import importlib.metadata
import logging
import sys

from packaging.specifiers import SpecifierSet

# The first of each version whose zipfile refuses entries that overlap (CVE-2024-0450).
_LEAST_PATCH = {(3, 11): 8, (3, 12): 2}
_log = logging.getLogger(__name__)


def warn_of_old_python(version: tuple[int, int, int] = sys.version_info[:3]) -> None:
    """Say it where Python's own reader of zips lacks a fix; our limits still bound what is read."""
    least = _LEAST_PATCH.get(version[:2], 0)
    if version[2] < least:
        found, wanted = ".".join(map(str, version)), ".".join(map(str, (*version[:2], least)))
        _log.warning(
            "Python %s reads zips whose entries overlap (CVE-2024-0450). Install Python %s or later.",
            found,
            wanted,
        )


@functools.cache
def patch_fits(package: str, versions: str, without: str) -> bool:
    """Whether the installed version of a package is one that our patch was written for.

    Outside the range the patch must not be applied: it may rely on internals that have changed.
    A warning says so once per process.

    Args:
        package: Name of the package for pip.
        versions: Tested versions, such as ``>=1.16,<1.17``.
        without: What happens without the patch, as a sentence for the warning.
    """
    try:
        found = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        found = "of an unknown version"
    else:
        if SpecifierSet(versions).contains(found, prereleases=True):
            return True
    _log.warning(
        "%s %s is installed; our patch was written for %s and is not applied. %s",
        package,
        found,
        versions,
        without,
    )
    return False
