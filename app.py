"""``streamlit run app.py``: the dashboard. It opens on the Overview page."""

import streamlit as st
from streamlit.starlette import App

from pages._ui.server import MIDDLEWARE

app = App(__file__, middleware=MIDDLEWARE)


def main() -> None:
    """Results at a glance and what to do next; or the presentation, where the address asks for it."""
    from emotion_core.evaluation.selection import leaderboards
    from pages._ui import overview as parts
    from pages._ui.cache import finished_entries
    from pages._ui.frame import open_page
    from pages._ui.present.stage import is_presenting, show_presentation, show_start
    from pages._ui.widgets import show_empty

    if is_presenting():
        show_presentation()
        return
    open_page("app.py", beside=show_start)
    entries = finished_entries()
    boards = leaderboards(entries)
    parts.show_first_screen(boards, entries)
    if not boards:
        show_empty(
            "No finished run yet. Train a first model: the drawn faces need no download.",
            "pages/training.py",
        )
    parts.show_next_steps(len(entries))
    for index, board in enumerate(boards):
        parts.show_board(board, first=index == 0)
    left, right = st.columns(2)
    with left:
        parts.show_machine()
    with right:
        parts.show_responsible_use()


if __name__ == "__main__":  # as a page; the server imports this file for ``app`` alone
    main()
