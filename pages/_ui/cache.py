"""Cached loaders, keyed by what is on disk: a changed file is read again, in every session.

A function whose arguments are runs, data sets or classifiers is cached with ``hash_funcs=hashes(...)``:
a run counts as the files of it that are named there.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from emotion_core.data.collected import collected_stamp
from emotion_core.data.faces import FaceData, is_synthetic
from emotion_core.data.fer2013 import FER2013_SPEC, find_fer2013, source_path
from emotion_core.data.specs import is_made, lasting, sources_of
from emotion_core.errors import DataError, EmotionError
from emotion_core.evaluation.selection import Entry
from emotion_core.runs.catalog import known_as, list_runs
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run

if TYPE_CHECKING:  # a page loads torch only when it uses a model
    from emotion_core.models.checkpoint import Classifier

LOOK_AGAIN = 30.0  # seconds; reading the dates of 35,887 files takes a quarter of one


_SCAN = "runs-of-this-page"


def look_again() -> None:
    """Have ``runs`` look at the folders once more; each run of a page begins with it."""
    st.session_state.pop(_SCAN, None)


def runs() -> list[Run]:
    """All runs, newest first, broken ones included (``run.problem``).

    The folders are looked through once per run of a page, and each time a fragment is redrawn.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or context.fragment_ids_this_run:
        return list_runs()
    if _SCAN not in st.session_state:
        st.session_state[_SCAN] = list_runs()
    found: list[Run] = st.session_state[_SCAN]
    return found


def finished_entries() -> list[Entry]:
    """Runs with a report, newest first, each with it."""
    found = ((run, report_of(run)) for run in runs() if not run.problem)
    return [(run, report) for run, report in found if report is not None]


def finished_runs() -> list[Run]:
    """Runs with a report, newest first."""
    return [run for run, _ in finished_entries()]


def hashes(*files: str) -> dict[Any, Callable[[Any], Any]]:
    """``hash_funcs`` for a cache.

    Args:
        files: Of a run's folder; a change of one makes the run another argument.
    """
    return {
        Run: lambda run: (str(run.path), stamp(*(run.path / name for name in files))),
        FaceData: lambda data: data.fingerprint,
        "emotion_core.models.checkpoint.Classifier": id,
    }


HASHES = hashes()
MODEL_FILES = ("model.safetensors", "model.json")  # weights and calibration


def update_links(key: str) -> None:
    """Put the names that runs have now into the page's address, so that old links stay good.

    Args:
        key: Query parameter that names one or several runs.
    """
    given = st.query_params.get_all(key)
    if given:
        found = runs()
        present = {run.name for run in found}
        named = [name if name in present else known_as(name, runs=found) for name in given]
        if named != given:
            st.query_params[key] = named


def report_of(run: Run) -> Report | None:
    """A run's ``report.json``, which is read once; None before it is finished."""
    try:
        return run.report()
    except EmotionError:
        return None  # list_runs tells the problem


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=hashes("predictions.npz"))
def predictions_of(run: Run) -> dict[str, np.ndarray] | None:
    """A run's ``predictions.npz`` as arrays; do not write to them. None before it is finished."""
    return run.predictions()


@st.cache_resource(
    show_spinner="Loading the model", max_entries=8, hash_funcs=hashes(*MODEL_FILES, "config.json")
)
def classifier(run: Run) -> "Classifier":
    """A run's model, ready to classify on this machine; shared by all sessions."""
    from emotion_core.models.checkpoint import load_classifier

    return load_classifier(run.path)


def dataset(spec: str) -> FaceData:
    """A loaded data set; shared by all sessions.

    The first load of a large source takes seconds: call ``load_data`` with ``progress`` before.
    """
    return _dataset(spec, _source_stamp(spec))


def find_test_data(runs: Sequence[Run]) -> FaceData | None:
    """The data set that runs were tested on, wherever it is on this machine; None if it is not.

    Args:
        runs: Finished ones that share a test set. What they were trained from is looked at first;
            for photographs also FER-2013 and the chosen data set.
    """
    report = next(report for run in runs if (report := report_of(run)))
    test_fingerprint = report.data.test_fingerprint
    specs = [run.config().data for run in runs]
    further = [] if report.data.synthetic else [FER2013_SPEC, chosen_data()]
    for spec in dict.fromkeys([*specs, *further]):
        if spec not in specs and is_synthetic(spec):
            continue  # drawing other faces only to find that they are others takes seconds
        try:
            data = dataset(spec)
        except (EmotionError, OSError):
            continue  # what is not there under one name may be under another
        if data.test_fingerprint == test_fingerprint:
            return data
    return None


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=hashes())
def test_faces(data: FaceData) -> tuple[np.ndarray, np.ndarray]:
    """Test faces ``(n, 48, 48)`` uint8 and labels ``(n,)`` int64 in the order of predictions."""
    rows = data.indices("test")
    return np.ascontiguousarray(data.images[rows]), data.labels[rows]


def chosen_data() -> str:
    """The data set chosen on the Dataset page, in this browser tab."""
    return str(st.session_state.get("data", default_data()))


def choose_data(spec: str) -> None:
    """Choose the data set for the Dataset and Training pages."""
    st.session_state["data"] = spec


def default_data() -> str:
    """FER-2013 where it is on this machine, else the drawn faces."""
    try:
        find_fer2013()
    except DataError:
        return "synthetic"
    return FER2013_SPEC


def _source_stamp(spec: str) -> str:
    """Changes when a data set does; a collection or overlay with each label event."""
    if is_made(spec):
        stamps = [_source_stamp(source) for source in sources_of(spec) if not is_made(source)]
        return " ".join([lasting(spec, str), collected_stamp(), *stamps])
    if is_synthetic(spec):
        return ""
    place = source_path(spec)
    return _folder_stamp(place) if place.is_dir() else str(stamp(place))


@st.cache_resource(show_spinner="Loading the faces", max_entries=2)
def _dataset(spec: str, stamp: str) -> FaceData:
    from emotion_core.data.sources import load_data

    return load_data(spec)


@st.cache_data(show_spinner=False, max_entries=8, ttl=LOOK_AGAIN)
def _folder_stamp(path: Path) -> str:
    """Changes when anything below a folder does, seen within half a minute."""
    from emotion_core.data.sources import data_signature

    return data_signature(path)


def stamp(*paths: Path) -> tuple[int, ...]:
    """Changes when one of the files does, comes or goes."""
    found: list[int] = []
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            found.append(0)
        else:
            found += [stat.st_mtime_ns, stat.st_size, stat.st_ino]
    return tuple(found)
