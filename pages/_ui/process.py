"""What the dashboard's process needs once, however many pages and people it serves."""

import functools
import gc
import sys

from starlette.formparsers import MultiPartParser

_MOST_UPLOADED = 2**31  # bytes, more than any page takes


def prepare_process() -> None:
    """Adjust the process; cheap to call at the start of every page run.

    PyTorch and aiortc are loaded by the pages that need them, so memory is looked at again once
    each of them has come.
    """
    # By default an upload larger than 1 MB passes through a file on disk.
    MultiPartParser.spool_max_size = _MOST_UPLOADED
    _spare_modules("torch" in sys.modules, "aiortc" in sys.modules)


@functools.cache
def _spare_modules(*loaded: bool) -> None:
    """Leave what is loaded for good out of garbage collection, once for each state of ``loaded``.

    Streamlit collects after each run of a page or fragment. With PyTorch loaded that took 0.2 s in
    which every thread stood still, once a second for each viewer of the Live page.
    """
    gc.collect()
    gc.freeze()
