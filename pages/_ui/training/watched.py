"""Runs that this browser tab has seen training; the Training page opens them once they have ended."""

import streamlit as st


def watched() -> set[str]:
    """Names of the runs that trained while this browser tab was open."""
    found: set[str] = st.session_state.setdefault("train-watched", set())
    return found
