"""What came of the guided minute: before and after on the second takes, and why it is wrong."""

import html
from collections.abc import Callable, Sequence

import streamlit as st

from emotion_core.labels import EMOTIONS
from emotion_core.personal.conclude import Conclusion
from emotion_core.personal.diagnose import Finding
from emotion_core.personal.takes import Outcome
from emotion_core.plots import live as plots
from emotion_core.text import plain
from emotion_core.units import number, percent, percent_range, points


def show_result(found: Conclusion, put_away: Callable[[], None]) -> None:
    """The result of a minute.

    Args:
        found: What came of it.
        put_away: Called when the person is done with it.
    """
    with st.container(key="my-face-result"):
        st.subheader("My face", anchor=False)
        _show_verdict(found)
        if found.outcome:
            st.html(_bars(found.outcome))
        st.subheader("Why is it wrong for me?", anchor=False)
        _show_reasons(found)
        st.button(
            "Back to the readout",
            key="my-face-close",
            icon=":material/arrow_back:",
            on_click=put_away,
        )


def _show_verdict(found: Conclusion) -> None:
    outcome = found.outcome
    if outcome is None:
        text = f"{plain(found.problem, 'markdown')} Nothing is kept."
        st.warning(text, icon=":material/person_off:")
        return
    text = (
        f"On your second take: before **{percent(outcome.before, 0)}**, after "
        f"**{percent(outcome.after, 0)}** of the frames correct. Gain "
        f"{points(outcome.gain, sign=True)} (90 % interval "
        f"{percent_range((outcome.low, outcome.high), sign=True)})."
    )
    if found.kept:
        text += f" Profile '{found.name}' is kept and in use, for you alone."
        st.success(text, icon=":material/check_circle:")
        return
    why = (
        "It does not help on takes that it has not learned"
        if outcome.gain <= 0
        else "The interval does not exclude a loss on takes that it has not learned"
    )
    st.warning(
        f"{text} {why}, so the profile is **not kept**. The general model stays in use.",
        icon=":material/person_off:",
    )


def _bars(outcome: Outcome) -> str:
    rows = []
    for label, before, after in zip(
        outcome.expressions, outcome.before_each, outcome.after_each, strict=True
    ):
        name = EMOTIONS[label]
        tone = plots.emotion_color(name)
        tracks = "".join(
            f'<u style="--tone:{tone};--share:{share:.1%}"></u>' for share in (after, before)
        )
        rows.append(
            f'<span>{name}</span><span class="live-track">{tracks}</span>'
            f'<span class="live-value">{number(100 * before, 0)} → {percent(after, 0)}</span>'
        )
    return (
        f'<div class="live"><div><div class="live-bars">{"".join(rows)}</div>'
        '<small class="live-note">second takes classified correctly; upper bar with the profile, '
        "lower bar the general model</small></div></div>"
    )


def _show_reasons(found: Conclusion) -> None:
    wrong = [item for item in (*found.seen, *found.answers) if item.problem]
    if not wrong:
        st.markdown(
            "Nothing that can be measured is wrong: light, size, sharpness and pose are in the "
            "usual range, and no expression is mostly classified as another one."
        )
    st.html(_findings(wrong))
    fine = [item for item in (*found.seen, *found.answers) if not item.problem]
    if fine:
        st.caption("In order: " + "; ".join(f"{item.name} {item.measured}" for item in fine) + ".")
    st.caption(
        "Measured on both takes with the general model. Glasses, masks and hair are not measured."
    )


def _findings(items: Sequence[Finding]) -> str:
    rows = "".join(
        f"<p><b>{html.escape(item.name)}</b> {html.escape(item.problem)} "
        f"<small>({html.escape(item.measured)})</small><br>{html.escape(item.change)}</p>"
        for item in items
    )
    return f'<div class="my-face-why">{rows}</div>' if rows else ""
