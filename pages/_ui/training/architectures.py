"""The registered architectures as the Training page needs them."""

from dataclasses import dataclass
from typing import Any

import streamlit as st


@dataclass(frozen=True)
class Architecture:
    """A registered model.

    Attributes:
        summary: One sentence.
        options: Its keyword arguments with their defaults.
    """

    summary: str
    options: dict[str, Any]


@st.cache_resource(show_spinner="Loading the architectures")
def architectures() -> dict[str, Architecture]:
    """All registered models by name."""
    from emotion_core.models.registry import list_models, model_options, model_summary

    return {name: Architecture(model_summary(name), model_options(name)) for name in list_models()}
