"""On Live: whose model answers, everybody's or one with a personal profile."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.errors import EmotionError
from emotion_core.models.titles import model_title
from emotion_core.personal.profile import Profile, apply_profile
from emotion_core.personal.profile_files import list_profiles, load_profile
from emotion_core.runs.run import Run
from emotion_core.text import plain
from pages._ui import cache

if TYPE_CHECKING:
    from emotion_core.models.checkpoint import Classifier

EVERYBODY = ""
_CHOICE, _WANTED = "live-profile", "live-profile-wanted"


def own_profiles() -> list[Profile]:
    """The owner's profiles; none for a visitor."""
    return list_profiles() if allowed(Action.READ_DIARY) else []


def use_profile(name: str) -> None:
    """Have the next run of the page choose a profile, or ``EVERYBODY``."""
    st.session_state[_WANTED] = name


def chosen_profile(profiles: list[Profile], in_use: str) -> str:
    """The chosen profile, or ``EVERYBODY``; a deleted one is let go.

    Args:
        profiles: Those there are.
        in_use: The profile of the running model, which a visit of another page has not ended.
    """
    state, names = st.session_state, [item.name for item in profiles]
    state[_CHOICE] = state.pop(_WANTED, state.get(_CHOICE, in_use))
    if state[_CHOICE] not in names:
        state[_CHOICE] = EVERYBODY
    return str(state[_CHOICE])


def pick_profile(profiles: list[Profile], run: Run) -> None:
    """The picker; ``chosen_profile`` was called before it in the same run of the page.

    Args:
        profiles: Those there are, at least one.
        run: The chosen model's; profiles of other runs say whose they are.
    """
    of = {item.name: item.run for item in profiles}

    def words(name: str) -> str:
        if name == EVERYBODY:
            return "everybody"
        return name if of[name] == run.name else f"{name} (made for {of[name]})"

    st.selectbox(
        "Model for",
        [EVERYBODY, *of],
        format_func=words,
        key=_CHOICE,
        help="A profile changes the model's last layer for one face. It was made for one run.",
    )


def model_for(profile: str, run: Run) -> "Classifier":
    """A run's model for one person; everybody's, and the reason on the page, if that fails.

    Args:
        profile: Name of a profile, or ``EVERYBODY``.
        run: The chosen model's.

    Raises:
        CheckpointError: the run cannot be used.
    """
    general = cache.classifier(run)
    if profile == EVERYBODY:
        return general
    try:
        return _personal(run, profile, load_profile(profile).created)
    except EmotionError as error:
        text = f"{plain(error, 'markdown')} Until then the general model answers."
        st.warning(text, icon=":material/person_off:")
        return general


def short_names(classifiers: Sequence[Any]) -> tuple[str, ...]:
    """Architectures with the person they are for, or letters where two are of the same.

    None counts for nothing.
    """
    names = [
        model_title(item.architecture) + (f" for {item.profile}" if item.profile else "")
        for item in classifiers
        if item is not None
    ]
    if len(set(names)) < len(names):
        names = [f"{name} {letter}" for name, letter in zip(names, "AB", strict=False)]
    return tuple(names)


def forget_models() -> None:
    """Let go of this session's personal models, so that a deleted profile is nowhere."""
    _personal.clear()


# Of this session alone; ``created`` tells a profile from a later one with its name.
@st.cache_resource(
    show_spinner="Adding the profile to the model",
    max_entries=2,
    scope="session",
    hash_funcs=cache.hashes(*cache.MODEL_FILES),
)
def _personal(run: Run, profile: str, created: str) -> "Classifier":
    return apply_profile(load_profile(profile), run, cache.classifier(run))
