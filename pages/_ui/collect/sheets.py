"""Sample sheets of a generator: its learning curve as pictures, a row per class."""

from pathlib import Path

import streamlit as st

from emotion_core.data.generated import GENERATED
from emotion_core.errors import EmotionError, RunError
from emotion_core.generate.folder import GanRun
from emotion_core.labels import EMOTIONS
from emotion_core.plots.pictures import data_uri
from pages._ui.widgets import show_empty, show_error

_GAP = 2  # pixels between the rows of a sheet


def show_sheets(run: GanRun, state: str) -> None:
    """The newest sheet, or that of a chosen epoch.

    Args:
        run: The generator.
        state: Of its training.
    """
    sheets = run.sheets()
    if not sheets:
        if state in ("queued", "running"):
            show_empty("The first samples come after the first epoch.")
        else:
            show_empty("No epoch is finished yet, so there are no samples.")
        return
    epochs = list(sheets)
    epoch = epochs[-1]
    if len(epochs) > 1:
        # A key per number of sheets: a new sheet moves the slider to itself.
        epoch = st.select_slider(
            "Samples after epoch", epochs, value=epoch, key=f"generate-epoch-{len(epochs)}"
        )
    told = [f"ten {GENERATED} faces, {emotion}" for emotion in EMOTIONS]
    _show_strips(sheets[epoch], list(EMOTIONS), told, gap=_GAP)
    st.caption(
        f":material/auto_awesome: All faces above are {GENERATED}. Each column begins with the same "
        f"random numbers, in every row and after every epoch; these are of epoch {epoch}."
    )


def show_neighbours(run: GanRun) -> None:
    """Samples above their nearest training faces, by pixels and by features."""
    names = [GENERATED, "nearest by pixels", "nearest by features"]
    _show_strips(run.neighbours_path, names, [f"seven faces: {name}" for name in names])


def _show_strips(path: Path, names: list[str], told: list[str], gap: int = 0) -> None:
    """Rows of faces with their names; ``told`` is what screen readers say."""
    try:
        strips = _strips(path, len(names), gap, path.stat().st_mtime_ns)
    except (OSError, EmotionError) as error:
        show_error(error)
        return
    rows = "".join(
        f'<li><span>{name}</span><img alt="{text}" src="{uri}"></li>'
        for name, text, uri in zip(names, told, strips, strict=True)
    )
    st.html(f'<ul class="sheet">{rows}</ul>')


@st.cache_data(show_spinner=False, max_entries=64)
def _strips(path: Path, count: int, gap: int, stamp: int) -> list[str]:
    """Each row of a picture; ``stamp`` changes when the picture does."""
    import cv2
    import numpy as np

    sheet = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if sheet is None:
        raise RunError(f"The picture {path} is damaged. Delete it, and go on.")
    height = (sheet.shape[0] + gap) // count
    return [
        data_uri(np.ascontiguousarray(sheet[at * height : (at + 1) * height - gap]))
        for at in range(count)
    ]
