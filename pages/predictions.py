"""What a model gets right and wrong, why, and what it says to your own pictures."""

from pages._ui import prediction_parts as parts
from pages._ui.shell import open_page

open_page("pages/predictions.py", "Predictions")

run, report = parts.pick_run()
parts.VIEWS[parts.pick_view()](run, report)
