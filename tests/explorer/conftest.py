"""A made-up experiment's page, and a real browser to open it in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer import made
from explorer.browser import ARGUMENTS, CHROMIUM, Opened


@pytest.fixture(scope="session")
def made_up(tmp_path_factory) -> made.Made:
    return made.make(tmp_path_factory.mktemp("explorer"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser; its own ways to the network are shut."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, made_up) -> Iterator[Callable[..., Opened]]:
    """Opens a page from the disk, without network; at the end nothing may have been complained of or asked for."""
    contexts, pages = [], []

    def open_page(hash: str = "", path: Path = made_up.page, width: int = 1280, **options: Any) -> Opened:
        context = chromium.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        contexts.append(context)
        one = Opened(context.new_page())
        pages.append(one)
        one.page.on("console", lambda message: one.said.append(message.text))
        one.page.on("pageerror", lambda error: one.said.append(str(error)))
        one.page.on("request", lambda request: one.asked.append(request.url))
        one.page.goto(path.as_uri() + (f"#{hash}" if hash else ""))
        one.drawn()
        return one

    yield open_page
    for one in pages:
        assert one.said == []
        assert all(url.startswith(("data:", "blob:")) for url in one.asked[1:]), one.asked
    for context in contexts:
        context.close()
