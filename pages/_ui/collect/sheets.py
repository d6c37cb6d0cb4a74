"""Sample sheets of a generator: its learning curve as pictures, a row per class."""

from pathlib import Path

import streamlit as st

from emotion_core.data.generated import GENERATED
from emotion_core.generate.folder import GanRun
from emotion_core.labels import EMOTIONS
from emotion_core.plots.pictures import data_uri
from pages._ui.widgets import show_empty


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
    rows = "".join(
        f'<li><span>{emotion}</span><img alt="ten {GENERATED} faces, {emotion}" src="{uri}"></li>'
        for emotion, uri in zip(EMOTIONS, _strips(sheets[epoch], epoch), strict=True)
    )
    st.html(f'<ul class="sheet">{rows}</ul>')
    st.caption(
        f":material/auto_awesome: All faces above are {GENERATED}. Each column begins with the same "
        f"random numbers, in every row and after every epoch; these are of epoch {epoch}."
    )


@st.cache_data(show_spinner=False, max_entries=64)
def _strips(path: Path, epoch: int) -> list[str]:
    import cv2
    import numpy as np

    sheet = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    height = (sheet.shape[0] + 2) // len(EMOTIONS)
    return [
        data_uri(np.ascontiguousarray(sheet[at * height : at * height + height - 2]))
        for at in range(len(EMOTIONS))
    ]
