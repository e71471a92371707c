"""A real browser at a real console: server and worker in this process, Debian's Chromium beside it.

Each test has a site and a database of its own. A page that says something to the browser's own console, or sends for
anything from elsewhere, fails its test.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Route,
    ViewportSize,
    expect,
    sync_playwright,
)

from pointport.app import App
from pointport.entrypoints import worker
from pointport.entrypoints.api import server
from pointport.entrypoints.console.server import create_console
from pointport.entrypoints.console.sessions import OneTimeLinks
from tests.conftest import Site

AXE = Path(__file__).with_name("axe.min.js")
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


class Look(NamedTuple):
    """How a page is looked at."""

    viewport: ViewportSize
    color_scheme: Literal["light", "dark"]


LOOKS = {"desktop-light": Look(DESKTOP, "light"), "phone-dark": Look(PHONE, "dark")}
"""On a desk by day, in a pocket by night."""
in_each_look = pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
"""Has a test go its way in each look."""
PATIENCE_MILLISECONDS = 15_000
"""Only a test that fails waits so long."""
EXPECTED_TALK = ("[DOM]", "the server responded with a status of 4", "net::ERR_CONNECTION_RESET")
"""What Chromium says of its own accord: of a form that is as it should be, and of an answer that a test is about."""

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@dataclass(frozen=True)
class Console:
    """A console that is being served, and the one-time links to it."""

    url: str
    links: OneTimeLinks

    @property
    def root(self) -> str:
        """The address of its first page."""
        return f"{self.url}/console/"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, without a window.

    Closed behind the last test of the console: as long as Playwright is open, it has an event loop run in this thread, in
    which no other test can run one of its own.
    """
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "the console's tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        # The pages are our own: root, as on a CI machine, can have no sandbox.
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def works() -> bool:
    """Whether a worker is at work beside the console; without one, a test does its jobs when it wants them done."""
    return True


@pytest.fixture
def console(app: App, works: bool) -> Iterator[Console]:
    """The console of the test's application, with a worker unless it is to do without."""
    with worker.running(app) if works else nullcontext(), served(app) as opened:
        yield opened


@contextmanager
def served(app: App, port: int = 0) -> Iterator[Console]:
    """Serve a console, at a free port or at this one."""
    links = OneTimeLinks(app.clock)

    def is_leaving() -> bool:
        return serving.should_exit

    api = server.create_api(app, beside=("/console", lambda: create_console(app, links, is_leaving)))
    serving = server.configure(api, port=port)
    with server.running(serving):
        host, taken = serving.servers[0].sockets[0].getsockname()[:2]
        yield Console(f"http://{host}:{taken}", links)


@pytest.fixture
def look() -> Look:
    """How the first page is opened: where there is least room. `in_each_look` has a test in each."""
    return LOOKS["phone-dark"]


@pytest.fixture
def open_context(browser: Browser, console: Console) -> Iterator[Callable[..., BrowserContext]]:
    """Opens a browser of its own for somebody, who may want it without scripts or in another language."""
    opened: list[BrowserContext] = []
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        is_expected = any(part in message.text for part in EXPECTED_TALK)
        if message.type in {"error", "warning"} and not is_expected:
            said.append(f"{message.type}: {message.text}")

    def watch(asked: Request) -> None:
        if not asked.url.startswith((console.url, "data:", "blob:")):
            said.append(f"sent for {asked.url}")

    def open_one(**options: Any) -> BrowserContext:
        # Without motion: in the midst of a change colours are no colours of ours.
        usual = {"viewport": DESKTOP, "locale": "en-GB", "reduced_motion": "reduce"}
        context = browser.new_context(**{**usual, **options})
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        context.on("console", listen)
        context.on("request", watch)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()
    assert said == []


@pytest.fixture
def page(open_context: Callable[..., BrowserContext], look: Look, console: Console, site: Site) -> Page:
    """The first page, signed in with the site's key."""
    opened = open_context(**look._asdict()).new_page()
    sign_in(opened, console, site.key)
    return opened


def sign_in(page: Page, console: Console, key: str) -> None:
    """Sign in with a key."""
    page.goto(console.root)
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


@contextmanager
def late_script(page: Page) -> Iterator[None]:
    """Have the console's script come only at the end of the block, as over a slow line."""
    held: list[Route] = []
    page.route("**/static/console.js", lambda route: held.append(route))  # noqa: PLW0108 (a method of C will not do)
    yield
    assert held, "the page has no script"
    for one in held:
        one.continue_()
    page.unroute("**/static/console.js")


def check_page(page: Page) -> None:
    """Hold a page to what every page owes, in each look.

    Nothing for axe to find, nothing wider than the screen, no word of ours.
    """
    # A page that is just being fetched anew may stand there without its style for a moment.
    page.wait_for_load_state("load")
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    before = Look(page.viewport_size or DESKTOP, "dark" if is_dark else "light")
    # Its own comes last, so that it goes on as it was.
    for look in sorted(LOOKS.values(), key=lambda look: look == before):
        page.set_viewport_size(look.viewport)
        page.emulate_media(color_scheme=look.color_scheme)
        found = violations(page)
        assert found == [], (look, found)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            f"the page is wider than the screen: {look}"
        )
        text = page.locator("body").inner_text()
        for code in (
            "null",
            "None",
            "undefined",
            "IMPORTED",
            "INITIATED",
            "PARSED",
            "UNPROCESSED",
            "POINTS_",
            "EMAIL_",
        ):
            assert not re.search(rf"\b{code}", text), f"{code} is no word for a shop owner:\n{text}"


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page, by the rules of WCAG 2.2 AA."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", tags)
    return [
        f"{one['id']}: {one['help']}: {', '.join(node['html'] for node in one['nodes'][:3])}"
        for one in cast("list[dict[str, Any]]", found["violations"])
    ]
