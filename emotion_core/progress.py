"""Progress bars of the command line: on terminals alone, so that no log holds half a bar."""

from typing import Any


def progress_bar(**options: Any) -> Any:
    """A ``tqdm`` bar on stderr that shows nothing where stderr is a file or a pipe.

    Args:
        options: As tqdm's.
    """
    from tqdm import tqdm

    return tqdm(disable=None, **options)
