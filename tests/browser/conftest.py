"""A browser without a window, and pages of each kind; skipped where there is none."""

import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(sys.prefix) / "share" / "fmriprod-tests" / "axe.min.js"


@pytest.fixture(scope="session")
def browser():
    """Start chromium."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: bash tests/support/install_browser.sh PYTHON"
    )
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no chromium: bash tests/support/install_browser.sh PYTHON")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe():
    """Give the text of axe-core."""
    if not AXE.is_file():
        pytest.skip("no axe-core: bash tests/support/install_browser.sh PYTHON")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Make each page once, when it is first asked for."""
    kept = {}

    def page(name):
        from support import browser_pages

        if name not in kept:
            kept[name] = getattr(browser_pages, name)(tmp_path_factory.mktemp(name))
        return kept[name]

    return page


@pytest.fixture
def opened(browser, made):
    """Open a page by name; errors and requests that it makes are in ``page.heard``."""

    @contextmanager
    def open_page(name, *, width=1280, scheme="light", script=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme,
            java_script_enabled=script,
        )  # fmt: skip
        page = context.new_page()
        page.heard = {"errors": [], "requests": []}
        page.on("console", lambda message: page.heard["errors"].append(message.text))
        page.on("pageerror", lambda error: page.heard["errors"].append(str(error)))
        page.on("request", lambda request: page.heard["requests"].append(request.url))
        path = made(name)
        path = path if isinstance(path, str) else path[0]
        page.goto(f"file://{path}")
        try:
            yield page
        finally:
            context.close()

    return open_page
