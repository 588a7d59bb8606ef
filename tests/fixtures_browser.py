"""Chromium for tests; a test module takes it as pytest_plugins = ("fixtures_browser",)."""

import importlib.util

import pytest

from tests import browser


@pytest.fixture(scope="session")
def chrome():
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("Playwright is missing: make test-browser installs it")
    if browser.chromium() is None:
        pytest.skip("Chromium is missing: apt install chromium, or set WORKBOOK_CHROMIUM to its path")
    from playwright.sync_api import sync_playwright

    browser.SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=browser.chromium(), args=browser.FLAGS)
        yield program
        program.close()
