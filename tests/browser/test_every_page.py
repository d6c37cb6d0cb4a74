"""Each page on the shipped runs in a real Chromium: what axe finds, headings, and its width."""

from pathlib import Path

import axe_playwright_python
import pytest

from pages._ui.present.steps import STEPS
from tests.browser.server import problems, start_shipped

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES = (
    "",
    "dataset",
    "collect",
    "training",
    "comparison?preset=study",
    "comparison?preset=study&tab=Confusion",
    "predictions",
    "live",
    "diary",
    "run?run=sequential",
    *(f"?present=1&step={number + 1}" for number in range(len(STEPS))),
)
_PATIENCE = 60_000  # ms; the machine may be busy


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    found = start_shipped(tmp_path_factory.mktemp("every"))
    yield found
    found.stop()
    assert not problems(found), found.log()


@pytest.fixture(scope="module", params=["light", "dark"])
def window(request, browser):
    context = browser.new_context(
        color_scheme=request.param, viewport={"width": 390, "height": 844}
    )
    made = context.new_page()
    made.set_default_timeout(_PATIENCE)
    yield made
    context.close()


@pytest.mark.parametrize("address", PAGES)
def test_a_page_can_be_used_by_everybody(window, shipped, address):
    window.goto(f"{shipped.url}/{address}")
    window.get_by_role("heading", level=1).wait_for()
    window.wait_for_function(
        """() => !document.querySelector('[data-testid="stStatusWidget"]')
            && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')"""
    )
    main = "document.querySelector('.stMain')"
    assert window.evaluate(f"{main}.scrollWidth - {main}.clientWidth") <= 0, "wider than a phone"
    window.evaluate(AXE)
    found = window.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    told = [
        f"{item['impact']} {item['id']}: {item['help']} at {item['nodes'][0]['html'][:200]}"
        for item in found
    ]
    assert not told


@pytest.mark.parametrize("width", [390, 768, 1000])
def test_a_closed_menus_button_does_not_lie_over_the_title(browser, shipped, width):
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.set_default_timeout(_PATIENCE)
    page.goto(f"{shipped.url}/diary")
    title = page.get_by_role("heading", name="Diary", level=1)
    title.wait_for()
    if width > 768:  # narrower windows begin with a closed menu
        page.get_by_test_id("stSidebar").hover()  # which shows its button
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    opening = page.get_by_test_id("stExpandSidebarButton")
    opening.wait_for()
    page.wait_for_timeout(500)  # the menu slides
    button, text = opening.bounding_box(), title.bounding_box()
    assert button["y"] + button["height"] <= text["y"] + 4
    page.close()
