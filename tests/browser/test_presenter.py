"""A presenter's path over the shipped runs, by clicks and by keys, in a real Chromium."""

import pytest

from pages._ui.present.steps import STEPS
from tests.browser.server import problems, start_shipped

_PATIENCE = 60_000  # ms; the machine may be busy


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The dashboard on the shipped runs, without FER-2013 and without a network."""
    found = start_shipped(tmp_path_factory.mktemp("presenter"))
    yield found
    found.stop()
    assert not problems(found), found.log()


@pytest.fixture
def page(browser, shipped):
    made = browser.new_page(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(_PATIENCE)
    made.goto(shipped.url)
    made.get_by_text("Best result: MobileNet").wait_for()
    yield made
    made.close()


def heading(page, name: str) -> None:
    page.get_by_role("heading", name=name, level=1, exact=True).wait_for()


def settled(page) -> None:
    """Wait until the page's script has ended and nothing is about to be replaced."""
    page.wait_for_function(
        """() => !document.querySelector('[data-testid="stStatusWidget"]')
            && !document.querySelector('[data-stale="true"]')"""
    )


def test_the_presenters_path_by_clicks(page):
    page.get_by_role("link", name="Dataset").first.click()
    heading(page, "Dataset")
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="The study's five").click()
    heading(page, "Comparison")
    page.get_by_role("button", name="5 runs · change").wait_for()
    first = page.locator(".stDataFrame").first
    first.wait_for()
    assert first.bounding_box()["y"] < 300, "the first table is on the first third of a screen"
    page.get_by_role("radio", name="Confusion").click()
    page.get_by_role("heading", name="Confusion matrices, best model first").wait_for()
    figure = page.locator(".js-plotly-plot").first
    figure.locator(".scatterlayer .point").first.wait_for(state="attached")
    settled(page)
    box = figure.bounding_box()
    assert figure.locator(".annotation").count() == 5
    assert box["y"] + box["height"] <= 900, "five matrices are on one screen"
    # The third row's first cell of the last matrix: fear classified as angry.
    cell = figure.locator(".scatterlayer").last.locator(".point").nth(2 * 7)
    place = cell.bounding_box()
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.get_by_text("Fear faces classified as angry: ResNet-50").wait_for()
    assert "cell_run=study-resnet50" in page.url
    page.get_by_role("link", name="Live", exact=True).first.click()
    heading(page, "Live")
    page.frame_locator("iframe").get_by_role("button", name="Start").wait_for()


def test_the_presentation_by_keys(page):
    page.get_by_role("button", name="Present").click()
    for step in STEPS:
        heading(page, step.title)
        settled(page)
        assert not page.locator('section[data-testid="stSidebar"]').is_visible()
        if step is not STEPS[-1]:
            page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    heading(page, STEPS[-2].title)
    page.keyboard.press("Escape")
    heading(page, "Overview")
    assert "present" not in page.url


def test_a_swipe_over_a_figure_scrolls_the_page_of_a_phone(browser, shipped):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    phone = context.new_page()
    phone.set_default_timeout(_PATIENCE)
    phone.goto(f"{shipped.url}/comparison?preset=study")
    first = phone.locator(".stDataFrame").first
    first.wait_for()
    assert first.bounding_box()["y"] < 300
    plot = phone.locator(".js-plotly-plot .nsewdrag").first
    plot.wait_for()
    settled(phone)
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    before = phone.evaluate("document.querySelector('.stMain').scrollTop")
    touch, x, y = context.new_cdp_session(phone), box["x"] + 60, box["y"] + box["height"] / 2
    for kind, up in [("touchStart", 0), *(("touchMove", step) for step in range(20, 260, 20))]:
        points = [{"x": x, "y": y - up}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.wait_for_timeout(500)
    assert phone.evaluate("document.querySelector('.stMain').scrollTop") > before + 100
    context.close()
