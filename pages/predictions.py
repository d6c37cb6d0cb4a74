"""What a model gets right and wrong, why, and what it says to your own pictures."""

from pages._ui.frame import open_page
from pages._ui.predictions import parts

open_page("pages/predictions.py")

run, report = parts.pick_run()
parts.VIEWS[parts.pick_view()](run, report)
