"""Overview: results at a glance and what to do next."""

from pages._ui.shell import open_page

open_page("app.py", "Overview")
