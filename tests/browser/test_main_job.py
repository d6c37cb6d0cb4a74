"""The main job in a real browser: choose faces, train two architectures, compare them."""

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from emotion_core.data.synthetic import draw_face
from emotion_core.labels import EMOTIONS
from emotion_core.models.titles import TITLES
from emotion_core.paths import PROJECT
from emotion_core.runs.catalog import list_runs
from emotion_core.training import jobs
from tests.browser.server import problems, start_server

ARTIFACTS = PROJECT / "artifacts" / "browser"
MODELS = ("sequential", "mobilenet_v3_small")
PER_EMOTION = {"train": 30, "test": 10}
EPOCHS = 8
WAIT_MS = 180_000
TRAINED_MS = 420_000  # trainers are niced: on a busy machine they wait long


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    """A folder tree as Kaggle's, with drawn faces that nothing marks as drawn."""
    root = tmp_path_factory.mktemp("faces") / "my-faces"
    for split, count in PER_EMOTION.items():
        for emotion in EMOTIONS:
            folder = root / split / emotion
            folder.mkdir(parents=True)
            for i in range(count):
                face = draw_face(emotion, (len(split), i), clean=True)
                cv2.imwrite(str(folder / f"{i}.png"), face)
    return root


@pytest.fixture
def place(tmp_path, monkeypatch) -> Iterator[Path]:
    """Where the runs of the test go; no trainer outlives it."""
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FER2013_DIR", raising=False)
    root = tmp_path / "checkpoints"
    yield root
    for job in jobs.list_jobs(root):
        if job.active:
            jobs.stop(job.run, force=True)


class Tab:
    """A browser tab on the dashboard, which keeps a picture of each step."""

    def __init__(self, browser, url: str) -> None:
        self.url = url
        self.page = browser.new_page(viewport={"width": 1280, "height": 1000})
        self.page.set_default_timeout(WAIT_MS)
        self.foreign: list[str] = []
        self.page.on("request", self._watch)
        self.main = self.page.get_by_test_id("stMain")
        ARTIFACTS.mkdir(parents=True, exist_ok=True)

    def _watch(self, request) -> None:
        # Any port: an open page still asks for the server that was stopped.
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            self.foreign.append(request.url)

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.url}/{path}")
        self.page.get_by_role("heading", level=1).wait_for()
        self.settle()

    def menu(self, title: str) -> None:
        """Go to a page by the menu."""
        sidebar = self.page.get_by_test_id("stSidebar")
        sidebar.get_by_role("link", name=title).click()
        self.page.get_by_role("heading", level=1, name=title).wait_for()
        self.settle()

    def settle(self) -> None:
        """Wait until the page is drawn and has no error on it."""
        self.page.wait_for_timeout(500)  # until the server has heard of the last click
        self.page.locator('[data-test-script-state="notRunning"]').wait_for()
        assert self.page.get_by_test_id("stException").count() == 0

    def picture(self, name: str) -> None:
        self.page.screenshot(path=ARTIFACTS / f"main-job-{name}.png", full_page=True)

    def text(self) -> str:
        return self.main.inner_text()


@pytest.mark.timeout(1200)
def test_faces_are_chosen_two_models_trained_and_compared(browser, faces, place):
    server = start_server(place)
    tab = Tab(browser, server.url)
    try:
        tab.open()
        assert "No finished run yet" in tab.text()
        choose_faces(tab, faces)
        start_training(tab)
        watch_curves_grow(tab, place)
        # The jobs outlive the dashboard, and a new one finds them.
        server.stop()
        # On a fast machine they may be through already.
        states = {run.status().state for run in list_runs(place)}
        assert states <= {"running", "queued", "finished"}, (
            f"trainers ended with the server: {states}"
        )
        assert not problems(server), server.log()
        server = start_server(place)
        tab.url = server.url
        tab.open("training")
        wait_until_trained(tab, place)
        compare(tab)
        overview(tab)
        assert not tab.foreign, "requests left this machine"
    finally:
        tab.page.context.close()
        server.stop()
    assert not problems(server), server.log()


def choose_faces(tab: Tab, faces: Path) -> None:
    tab.menu("Dataset")
    tab.main.get_by_text("Folder or file", exact=True).click()
    tab.settle()
    field = tab.main.get_by_label(re.compile("Folder, zip, CSV"))
    field.fill(str(faces))
    field.press("Enter")
    total = len(EMOTIONS) * sum(PER_EMOTION.values())
    metric = tab.main.get_by_test_id("stMetric").filter(has_text="Faces")
    metric.get_by_text(str(total), exact=True).wait_for()
    tab.main.locator(".faces img").first.wait_for()
    tab.main.get_by_test_id("stPlotlyChart").first.wait_for()
    tab.settle()
    tab.picture("1-dataset")


def start_training(tab: Tab) -> None:
    tab.menu("Training")
    models = tab.main.get_by_test_id("stMultiSelect").filter(has_text="Architectures")
    models.get_by_role("combobox").fill(MODELS[1])
    tab.page.get_by_role("option", name=MODELS[1]).click()
    tab.page.keyboard.press("Escape")
    tab.settle()
    for label, value in (("Epochs", EPOCHS), ("Batch size", 16)):
        field = tab.main.get_by_label(label, exact=True)
        field.fill(str(value))
        field.press("Enter")
        tab.settle()
    tab.main.get_by_role("button", name="Start 2 runs").click()


def watch_curves_grow(tab: Tab, place: Path) -> None:
    """The first run draws its curves while it trains, the second waits."""
    chart = tab.main.get_by_test_id("stVegaLiteChart").first
    chart.wait_for(timeout=TRAINED_MS)
    tab.main.get_by_text(re.compile(rf"Epoch [2-{EPOCHS}] of {EPOCHS}")).first.wait_for(
        timeout=TRAINED_MS
    )
    tab.picture("2-training")
    runs = list_runs(place)
    assert {run.config().model for run in runs} == set(MODELS)
    assert all(run.config().epochs == EPOCHS for run in runs)


def wait_until_trained(tab: Tab, place: Path) -> None:
    done = tab.main.get_by_text(re.compile(r"· \d+\.\d % ·"))
    done.nth(len(MODELS) - 1).wait_for(timeout=TRAINED_MS)
    tab.settle()
    tab.picture("3-trained")
    for run in list_runs(place):
        assert run.status().state == "finished", run.log_tail()
        assert [row["epoch"] for row in run.metrics()] == list(range(1, EPOCHS + 1))
        assert run.report().test.n == len(EMOTIONS) * PER_EMOTION["test"]


def compare(tab: Tab) -> None:
    tab.menu("Comparison")
    tab.main.get_by_test_id("stPlotlyChart").first.wait_for()
    tab.settle()
    assert all(TITLES[model] in tab.text() for model in MODELS)
    tab.picture("4-comparison")
    tab.main.get_by_text("Confusion", exact=True).click()
    tab.settle()
    tab.main.get_by_test_id("stPlotlyChart").first.wait_for()
    assert all(TITLES[model] in tab.text() for model in MODELS)
    tab.picture("5-confusion")


def overview(tab: Tab) -> None:
    tab.menu("Overview")
    tab.main.get_by_test_id("stDataFrame").wait_for()
    tab.main.get_by_text(re.compile("^Best result: ")).wait_for()
    assert "2 finished runs" in tab.text()
    tab.picture("6-overview")
