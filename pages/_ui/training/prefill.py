"""Settings that another page, or a run that is cloned, puts into the Training page's form."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

_KEY = "train-prefill"


def prefill(settings: Mapping[str, Any]) -> None:
    """Have the form open with these settings; all others are the recipe's.

    Args:
        settings: Values by the names of ``TrainConfig``.
    """
    st.session_state[_KEY] = dict(settings)


def take_prefill() -> dict[str, Any]:
    """What ``prefill`` was given since the form was last shown; empty if nothing."""
    given: dict[str, Any] = st.session_state.pop(_KEY, {})
    return given
