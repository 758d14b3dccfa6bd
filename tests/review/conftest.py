"""A browser on the review page over a desk in memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.review.fake_desk import FakeDesk, drawn_picture, sighting

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1280, "height": 720}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"no browser is installed here; looked for {', '.join(BROWSERS)}")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def desk() -> FakeDesk:
    """Four drawn pictures, one of them large; two looks saw something in `b`."""
    sizes = {"a.jpg": (900, 600), "b.jpg": (800, 1000), "c.jpg": (3000, 2000), "d.jpg": (640, 640)}
    pictures = {name: drawn_picture(number, size) for number, (name, size) in enumerate(sizes.items())}
    seen = [sighting((100, 100, 200, 240), "first"), sighting((500, 600, 620, 760), "second")]
    return FakeDesk(pictures, {"b.jpg": seen})


class Visit:
    """A page on a desk, and what it did. Places are of the picture, in its own pixels."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        # The browser itself notes each answer that is no success.
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.errors.append(message.text)

    def open(self, path: str, filter: str = "todo") -> Visit:
        self.page.goto(f"{self.url}#f={filter}")
        self.page.wait_for_selector(f'[data-filter="{filter}"][aria-pressed=true]', timeout=60_000)
        self.page.click(f'#list [data-path="{path}"]', timeout=60_000)
        return self.shown(path)

    def shown(self, path: str) -> Visit:
        self.page.wait_for_selector(f'#canvas[data-ready=true][data-path="{path}"]', timeout=60_000)
        return self

    def screen(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the picture is on the screen."""
        box = self.page.locator("#canvas").bounding_box()
        view = self.page.locator("#canvas").evaluate("({dataset: d}) => [d.scale, d.x, d.y].map(Number)")
        return box["x"] + (x - view[1]) * view[0], box["y"] + (y - view[2]) * view[0]

    def picture(self, x: float, y: float) -> tuple[float, float]:
        """Which place of the picture is at a place of the screen."""
        box = self.page.locator("#canvas").bounding_box()
        view = self.page.locator("#canvas").evaluate("({dataset: d}) => [d.scale, d.x, d.y].map(Number)")
        return (x - box["x"]) / view[0] + view[1], (y - box["y"]) / view[0] + view[2]

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.screen(x, y))

    def drag(self, *way: tuple[float, float]) -> None:
        self.page.mouse.move(*self.screen(*way[0]))
        self.page.mouse.down()
        for place in way[1:]:
            self.page.mouse.move(*self.screen(*place), steps=4)
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def shapes(self) -> int:
        return int(self.page.get_attribute("#canvas", "data-shapes"))

    def toast(self, text: str) -> None:
        self.page.wait_for_selector(f"#toast >> text={text}", timeout=60_000)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that the server does; an older message on the page says nothing about it."""
        for _ in range(1200):
            if holds():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not happen within a minute")


@pytest.fixture
def visit(browser: Any, desk: FakeDesk) -> Iterator[Visit]:
    """The page, nothing opened yet; at the end it has asked nobody else and complained of nothing."""
    server = pytest.importorskip("p3m_anon.review.server", reason="the extra [review] is not installed")
    with server.running(desk) as (url, _):
        page = browser.new_page(viewport=SIZE)
        visit = Visit(page, url)
        yield visit
        page.close(run_before_unload=False)
    assert visit.errors == []
    assert [asked for asked in visit.requests if not asked.startswith((url, "data:", "blob:"))] == []
