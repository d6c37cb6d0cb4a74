"""On Live: keeping faces in a collection. Consent, collection, rules, and the counter with its bin."""

import time

import streamlit as st

from emotion_core.access import Action, allowed
from emotion_core.collect import store
from emotion_core.collect.capture import CONSENT, Capture
from emotion_core.collect.rules import DAY, Chooser, Rules, kept_by_rules
from emotion_core.errors import EmotionError
from emotion_core.live.keeper import Kept, LiveKeeper
from emotion_core.live.stream import LiveStream
from emotion_core.runs.status import now
from emotion_core.text import plain
from emotion_core.units import faces
from pages._ui.live.sources import DEMO
from pages._ui.widgets import show_error

_ON, _RULES = "live-keep", "live-rules"
_KEEPER = "live-keeper"


def kept_words() -> str:
    """What is kept at present, as the end of a sentence; empty where nothing is."""
    keeper: LiveKeeper | None = st.session_state.get(_KEEPER)
    if keeper is None or not (st.session_state.get(_ON) and keeper.capture.consent):
        return ""
    chosen = ", and those that your rules choose," if st.session_state.get(_RULES) else ""
    name = plain(keeper.capture.collection, "markdown")
    return f"Faces that you correct{chosen} are kept in the collection **{name}**"


def show_keeping(stream: LiveStream, source: str, playing: bool) -> None:
    """Offer to keep faces; off at first, and only for the owner.

    Args:
        stream: This tab's; its keeper becomes the session's, or none.
        source: Where the pictures come from; drawn faces are nobody's.
        playing: Whether the counter changes by itself.
    """
    stream.keeper = None
    if source == DEMO or not allowed(Action.COLLECT):
        return
    if not st.toggle(
        "Correct the model",
        key=_ON,
        help="Label faces that the model gets wrong, and keep them in a collection to learn from.",
    ):
        return
    before: LiveKeeper | None = st.session_state.get(_KEEPER)
    agreed = before is not None and before.capture.consent
    with st.expander("Collection, consent and rules", expanded=not agreed, icon=":material/tune:"):
        keeper = _show_settings(stream)
    stream.keeper = keeper
    if keeper and not playing:  # else it stands beside the picture
        show_counter(keeper)


def _show_settings(stream: LiveStream) -> LiveKeeper | None:
    """Where faces go, consent and rules; None while there is no collection to keep them in."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = _pick_collection()
        rules = _pick_rules(stream)
    if not name:
        st.caption("Choose a collection, or type the name of a new one.")
        return None
    agreed = st.checkbox(
        f"I agree, and everybody who can be seen agrees. {CONSENT}", key=f"live-consent-{name}"
    )
    try:
        keeper = _session(name, agreed)
        _set_rules(keeper, rules)
    except EmotionError as error:
        show_error(error)
        return None
    return keeper


def _pick_collection() -> str:
    names = [item.name for item in store.list_collections()]
    picked = st.session_state.get("live-collection")
    found = st.selectbox(
        "Collection",
        list(dict.fromkeys([*names, *([picked] if picked else [])])),
        index=0 if names else None,
        accept_new_options=True,
        placeholder="Type a name, such as my-face",
        key="live-collection",
        help="Where the faces go. Type a name to make a new one.",
    )
    return (found or "").strip()


def _session(name: str, agreed: bool) -> LiveKeeper:
    """This visit's session of a collection, which is made with the consent where it is new.

    Raises:
        CollectionError: the name breaks its rule, or the disk is full.
    """
    keeper: LiveKeeper | None = st.session_state.get(_KEEPER)
    before = keeper is not None and keeper.capture.consent
    if keeper is None or keeper.capture.collection != name:
        keeper = LiveKeeper(Capture(name, f"live, {now()[:16].replace('T', ' ')}"))
        st.session_state[_KEEPER] = keeper
    if agreed and name not in [item.name for item in store.list_collections()]:
        store.create(name)
    keeper.capture.consent = agreed
    if before != agreed:
        st.rerun()  # the line on privacy stands above
    return keeper


def _pick_rules(stream: LiveStream) -> Rules | None:
    with st.popover("Rules", icon=":material/rule:", key="live-rules-more"):
        if not st.toggle(
            "Keep faces by rules",
            key=_RULES,
            help="They are kept as suggestions: nothing is learned before you confirm them.",
        ):
            return None
        below = st.slider("Confidence below (%)", 0, 100, 50, 5, key="live-rule-below")
        disagree = st.toggle(
            "Two models disagree",
            value=True,
            key="live-rule-disagree",
            disabled=stream.pipeline.second is None,
            help="Needs a second model, chosen under 'Compare with'.",
        )
        share = st.slider(
            "Random share (%)",
            0,
            50,
            5,
            key="live-rule-share",
            help="Share of all other faces, which are checked every two seconds. Uncertain faces "
            "alone are a biased sample.",
        )
        left, right = st.columns(2)
        minute = left.number_input("Most per minute", 1, 60, 4, key="live-rule-minute")
        day = right.number_input("Most per 24 hours", 1, 10_000, 100, key="live-rule-day")
    return Rules(below / 100, disagree, share / 100, int(minute), int(day))


def _set_rules(keeper: LiveKeeper, rules: Rules | None) -> None:
    """Apply rules from the next frame on; those that kept faces before count for the limits."""
    if rules is None or not keeper.capture.consent:
        keeper.chooser = None
    elif keeper.chooser is None:
        since = time.time() - DAY
        kept = kept_by_rules(keeper.capture.collection, since=since)
        keeper.chooser = Chooser(rules, kept=kept)
    else:
        keeper.chooser.rules = rules


def show_counter(keeper: LiveKeeper) -> None:
    """How many faces are kept and refused, and the bin."""
    state = keeper.state()
    with st.container(horizontal=True, vertical_alignment="center", key="live-kept"):
        if keeper.capture.consent:
            st.markdown(_words(state), width="stretch")
        else:
            st.caption(":material/block: Nothing is kept before you agree.", width="stretch")
        _show_bin(keeper, state)
    if keeper.chooser and state.used:
        rules, (minute, day) = keeper.chooser.rules, state.used
        st.caption(
            f":material/rule: By rules: {minute} in the last minute (at most {rules.per_minute}), "
            f"{day} in 24 hours (at most {rules.per_day})."
        )
    if state.problem:
        st.error(plain(state.problem, "markdown"), icon=":material/error:")
        st.button("Try again", key="live-keep-again", on_click=keeper.go_on)


def _words(state: Kept) -> str:
    """``3 faces kept, 2 refused: 2 blurred``."""
    refused = sum(state.refused.values())
    reasons = ", ".join(f"{count} {reason}" for reason, count in state.refused.items())
    return f"**{faces(state.kept)} kept**, {refused} refused" + (f": {reasons}" if reasons else "")


def _show_bin(keeper: LiveKeeper, state: Kept) -> None:
    with st.container(horizontal=True, width="content", key="live-bin"):
        st.button(
            "Last",
            icon=":material/backspace:",
            key="live-bin-last",
            disabled=not state.kept,
            on_click=_try,
            args=(keeper, "last"),
            help="Delete the last face.",
        )
        st.button(
            "All",
            icon=":material/delete:",
            key="live-bin-all",
            disabled=not state.kept,
            on_click=_try,
            args=(keeper, "all"),
            help="Delete all faces of this session. Undo is offered for an hour.",
        )
        if state.gone:
            st.button(
                f"Undo: {state.gone} back",
                icon=":material/undo:",
                key="live-bin-undo",
                on_click=_try,
                args=(keeper, "undo"),
            )
    if problem := st.session_state.pop("live-bin-problem", None):
        show_error(problem)


def _try(keeper: LiveKeeper, what: str) -> None:
    try:
        if what == "undo":
            keeper.bring_back()
        else:
            keeper.discard(last=1 if what == "last" else 0)
    except EmotionError as error:
        st.session_state["live-bin-problem"] = error
