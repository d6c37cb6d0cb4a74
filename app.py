"""``streamlit run app.py``: the dashboard. It opens on the Overview page."""

import streamlit as st
from streamlit.starlette import App

from pages._ui.server import MIDDLEWARE

app = App(__file__, middleware=MIDDLEWARE)


def main() -> None:
    """Results at a glance, and what to do next."""
    from pages._ui import overview as parts
    from pages._ui.cache import finished_runs
    from pages._ui.frame import open_page
    from pages._ui.widgets import show_empty

    open_page("app.py")
    parts.draw_introduction()

    finished = finished_runs()
    boards = parts.leaderboards(finished)
    if boards:
        parts.draw_best(boards[0])
    else:
        show_empty(
            "No finished run yet. Train a first model: the drawn faces need no download.",
            "pages/training.py",
        )

    parts.draw_next_steps(len(finished))
    for board in boards:
        parts.draw_board(board)

    left, right = st.columns(2)
    with left:
        parts.draw_machine()
    with right:
        parts.draw_responsible_use()


if __name__ == "__main__":  # as a page; the server imports this file for ``app`` alone
    main()
