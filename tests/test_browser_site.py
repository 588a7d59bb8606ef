"""The site of the stored notebooks in Chromium, from a folder, without a server (`make test-browser`).

Pictures of what was seen are left in build/browser/.
"""

from pathlib import Path

import pytest

from helpers import execution, run
from tests import browser

pytest_plugins = ("fixtures_browser",)
pytestmark = pytest.mark.browser
DARK, LIGHT = "rgb(21, 25, 30)", "rgb(255, 255, 255)"
GROUND = "() => getComputedStyle(document.body).backgroundColor"
FOCUS = "() => document.activeElement.id || document.activeElement.textContent.trim()"
# What is wider than the page and does not scroll by itself.
WIDE = """() => [...document.querySelectorAll('body *')].filter(one => one.getClientRects().length)
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
    .filter(one => !one.closest('.output, table, math, .skip')).map(one => one.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("a site")
    for path in run.find_notebooks([]):
        execution.copy_stored(path, folder)
    execution.write_site(folder)
    return folder


@pytest.fixture
def opened(chrome, site):
    """Opens a page of the site by name, with settings of the browser; nothing but files may be asked for."""
    asked, contexts = [], []

    def open_page(name: str, width: int = 1400, **settings):
        view = {"width": width, "height": 900}
        contexts.append(chrome.new_context(viewport=view, offline=True, **settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.goto((site / name).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("scheme, ground", [("light", LIGHT), ("dark", DARK)])
@pytest.mark.parametrize("width", [390, 900, 1400])
@pytest.mark.parametrize("name", ["index", "03_text_generation", "glossary", "search"])
def test_a_page_fits_its_window(opened, name, width, scheme, ground):
    page = opened(f"{name}.html", width, color_scheme=scheme)
    assert page.evaluate(GROUND) == ground
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    assert page.evaluate(WIDE) == []
    if name == "03_text_generation":
        beside = page.locator(".contents").bounding_box()["x"] < page.locator("main").bounding_box()["x"]
        is_open = page.locator(".contents details").get_attribute("open") is not None
        assert beside == is_open == (width == 1400)
    page.screenshot(path=browser.SHOTS / f"site-{name}-{width}-{scheme}.png")


def test_the_theme_is_chosen_by_keyboard_and_remembered(opened):
    page = opened("index.html", color_scheme="light")
    page.locator("#theme").focus()
    page.keyboard.type("dark")
    assert page.evaluate(GROUND) == DARK
    page.locator("h3 a").first.click()
    assert page.evaluate(GROUND) == DARK
    page.locator("#theme").select_option("auto")
    assert page.evaluate(GROUND) == LIGHT


def test_the_keyboard_reaches_the_text_and_the_search(opened):
    page = opened("03_text_generation.html")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS) == "Skip to the text"
    page.screenshot(path=browser.SHOTS / "site-skip.png")
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUS) == "main-text"
    page.goto(page.url.partition("#")[0])
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.type("lora forgetting")
    page.keyboard.press("Enter")
    page.locator("#found li").first.wait_for()
    assert page.locator("mark").count() > 0


def test_the_search_finds_a_section_and_leads_there(opened):
    page = opened("index.html")
    page.get_by_role("searchbox").fill("어텐션")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Glossary: attention", exact=True).click()
    assert page.url.endswith("glossary.html#attention")
    page.get_by_role("searchbox").fill("TEMPERATURE nine words")
    page.keyboard.press("Enter")
    page.locator("#found li").first.wait_for()
    assert "sections have “temperature nine words”" in page.locator("#said").text_content()
    page.screenshot(path=browser.SHOTS / "site-found.png")
    page.get_by_role("searchbox").fill("nosuchword")
    assert page.locator("#found li").count() == 0 and "0 sections" in page.locator("#said").text_content()
    page.get_by_role("searchbox").fill("<img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 0


def test_without_scripts_only_the_search_is_lost(opened):
    page = opened("03_text_generation.html", width=390, java_script_enabled=False)
    assert page.locator(".contents li a").first.is_visible()
    page.locator("#theme").select_option("dark")
    page.screenshot(path=browser.SHOTS / "site-no-scripts.png")
    page.locator("footer [rel=next]").click()
    assert "04_image_generation" in page.url
    page.get_by_role("searchbox").fill("token")
    page.keyboard.press("Enter")
    assert page.get_by_text("This search needs scripts").is_visible()


def test_own_data_are_two_clicks_from_the_first_page(opened):
    page = opened("index.html")
    page.locator("article", has_text="05 ").locator("summary").click()
    page.get_by_role("link", name="Your own").first.click()
    assert "05_fine_tuning.html#" in page.url


def test_the_whole_can_be_printed(opened):
    page = opened("whole.html", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(GROUND) == LIGHT
    assert not page.locator("header").is_visible()
    assert page.locator("main > article").count() == len(run.find_notebooks([]))
