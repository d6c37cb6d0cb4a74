"""Guards for our changes to other packages' code: each names the versions it was written for."""

import functools
import importlib.metadata
import logging

from packaging.specifiers import SpecifierSet

_log = logging.getLogger(__name__)


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
