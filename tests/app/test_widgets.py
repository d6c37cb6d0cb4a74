"""Shared pieces, drawn in a script of their own."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.samples import random_faces, write_random_run
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from emotion_core.text import csv_text
from pages._ui.cache import report_of
from pages._ui.widgets import run_label
from tests.samples import write_report


def draw_grid():
    import numpy as np

    from pages._ui.widgets import show_faces_grid

    gray = np.full((48, 48), 200, np.uint8)
    color = np.zeros((48, 48, 3), np.uint8)
    color[..., 0] = 255
    show_faces_grid(
        np.stack([gray] * 2), ["happy\nright", "<b>&\"'"], ["#00ff00", "red"], columns=3
    )
    show_faces_grid(color[None], ["red"], columns=1)


def draw_figure():
    import plotly.graph_objects as go

    from pages._ui.widgets import show_figure

    show_figure(go.Figure(), "counts", "All are equal.", [{"a": 1, "b": "x,y"}])
    show_figure(go.Figure(), "plain")


def test_a_grid_is_read_aloud_by_its_captions():
    grid = AppTest.from_function(draw_grid).run().get("html")[0].proto.body
    assert re.findall('alt="(.*?)"', grid) == ["happy, right", "&lt;b&gt;&amp;&quot;&#x27;"]
    assert "--columns:3" in grid and "--face:#00ff00" in grid
    assert "<b>" not in grid


def test_a_grid_keeps_pixels_and_colours():
    import base64

    import cv2

    gray, color = (item.proto.body for item in AppTest.from_function(draw_grid).run().get("html"))

    def pixels(html):
        data = base64.b64decode(re.search('base64,(.*?)"', html).group(1))
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)

    assert (pixels(gray) == 200).all() and pixels(gray).shape == (48, 48)
    assert pixels(color)[0, 0].tolist() == [0, 0, 255], "OpenCV's order: red is last"


def test_a_figure_has_its_reading_and_its_data():
    page = AppTest.from_function(draw_figure).run()
    assert not page.exception
    assert [item.value for item in page.caption] == ["All are equal."]
    assert len(page.get("plotly_chart")) == 2
    (button,) = page.get("download_button")
    assert button.proto.label == "CSV"


def test_csv_has_the_columns_of_all_rows():
    rows = [{"emotion": "sad", "f1": 0.5}, {"emotion": 'a,"b"', "note": "x"}]
    assert csv_text(rows) == 'emotion,f1,note\nsad,0.5,\n"a,""b""",,x\n'


def test_a_runs_label_says_model_recipe_accuracy_and_name(tmp_path):
    run = create_run(TrainConfig(model="resnet18"), tmp_path)
    assert run_label(run) == f"ResNet-18 · our recipe · {run.name}"
    write_report(run, {"test.accuracy": 0.6543})
    assert run_label(run) == f"ResNet-18 · our recipe · 65.4 % · {run.name}"
    assert run_label(Run(run.path, problem="status.json is missing")) == f"{run.name} (broken)"


@pytest.mark.filterwarnings("ignore:No runtime found")
def test_a_changed_report_is_read_again(tmp_path):
    faces = random_faces(100)
    run = write_random_run(tmp_path, faces, model="sequential", seed=0, skill=1.0)
    first = report_of(run)
    assert first == run.report()
    text = (run.path / "report.json").read_text()
    (run.path / "report.json").write_text(text.replace('"sequential"', '"resnet18"'))
    assert report_of(run).model == "resnet18"
    (run.path / "report.json").unlink()
    assert report_of(run) is None


def test_an_error_keeps_its_asterisks():
    def page():
        from emotion_core.errors import DataError
        from pages._ui.widgets import show_error

        show_error(DataError("Expected train/<emotion>/*.jpg or test/<emotion>/*.jpg"))

    shown = AppTest.from_function(page).run().error[0].value
    assert shown == r"Expected train/\<emotion>/\*.jpg or test/\<emotion>/\*.jpg"
