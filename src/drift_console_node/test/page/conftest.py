"""A console for a real browser to look at: the web server over a store of recorded episodes."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from drift_config.loader import parse
from drift_console_node.access import Access, Tokens
from drift_console_node.address import listen
from drift_console_node.config import ConsoleConfig
from drift_console_node.context import Context
from drift_console_node.exchange import Exchange
from drift_console_node.server import Server
from drift_console_node.testing.real_browser import RunningBrowser, start_browser
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    sync_playwright,
)

from ..conftest import console_parameters

_PAGE_MS = 15_000


@pytest.fixture(scope="module")
def running_browser() -> Iterator[RunningBrowser]:
    """One browser for the tests of a module."""
    with tempfile.TemporaryDirectory(prefix="drift-browser-", ignore_cleanup_errors=True) as folder:
        profile = Path(folder) / "profile"
        profile.mkdir()
        running = start_browser(profile)
        yield running
        running.end()


@pytest.fixture(scope="module")
def browser(running_browser: RunningBrowser) -> Iterator[Browser]:
    """The same, told by Playwright."""
    with sync_playwright() as playwright:
        joined = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{running_browser.port}")
        yield joined
        joined.close()


@dataclass
class Served:
    """A console that a browser can look at; `exchange` is where its node would put what it hears."""

    exchange: Exchange
    tokens: Tokens
    store: Path
    checkpoints: Path
    port: int
    scheme: str = "http"
    _said: dict[str, dict[str, Any]] = field(default_factory=dict)

    def address(self, token: str | None = None) -> str:
        """Return the address of the page, for whoever may drive unless another token is given."""
        return f"{self.scheme}://127.0.0.1:{self.port}/#t={self.tokens.driver if token is None else token}"

    def hear(self, name: str, **said: Any) -> None:
        """Let the console hear something, now and from then on five times a second."""
        self._said[name] = {**self._said.get(name, {}), **said, "since_s": time.monotonic()}
        self.repeat()

    def repeat(self) -> None:
        """Let it hear the same again."""
        for name, said in list(self._said.items()):
            self.exchange.saw(name, said, time.monotonic())


@contextmanager
def serve(run: Path, **changes: Any) -> Iterator[Served]:
    """Serve a console of the run in the folder `run`; further arguments are parameters of the console."""
    config = parse(console_parameters(run, **changes), ConsoleConfig, "console")
    listening, tokens, exchange = listen("127.0.0.1", 0), Tokens.new(), Exchange()
    port = listening.getsockname()[1]
    context, failures = Context(config, Access(tokens), exchange, ["front", "wrist"], port=port), []
    server = Server(context, listening, failures.append)
    scheme = "https" if config.tls_certificate else "http"
    found = Served(exchange, tokens, config.episode_folder, config.checkpoint_folder, port, scheme)
    found.hear("gate", state="HOLD", reason="NOT_ARMED", text="", armed=False, dry_run=False, intervention=0)
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(0.2):
            found.repeat()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        server.close()  # while pages are open
    left = [thread.name for thread in threading.enumerate()]
    assert "console" not in left, "the server's thread lives on"
    assert not failures


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A console of a run in `tmp_path`, with nothing in it."""
    with serve(tmp_path) as found:
        yield found


@dataclass
class Opened:
    """Pages of one test, and what they asked and complained of."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # addresses
    complaints: list[str] = field(default_factory=list)  # errors, and what the policy of the page forbade

    def page(
        self,
        served: Served,
        width: int = 1280,
        height: int = 800,
        token: str | None = None,
        touch: bool = False,
    ) -> Page:
        """Open the console in a window of this size, as a browser of its own, until it shows a state."""
        page = self.blank(width, height, touch=touch)
        page.goto(served.address(token))
        page.wait_for_selector('body:not([data-state="none"])')
        return page

    def blank(
        self, width: int = 1280, height: int = 800, trusting: bool = False, touch: bool = False
    ) -> Page:
        """Open an empty page, as a browser of its own.

        `trusting`: whatever signs a certificate. `touch`: on a screen that is touched.
        """
        size: ViewportSize = {"width": width, "height": height}
        context = self.browser.new_context(
            viewport=size, ignore_https_errors=trusting, has_touch=touch, is_mobile=touch
        )
        self.contexts.append(context)
        context.add_init_script(_TELL)
        page = context.new_page()
        page.set_default_timeout(_PAGE_MS)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._on_console)
        return page

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


_TELL = """addEventListener("securitypolicyviolation", (event) =>
  console.error("forbidden by the page's policy: " + event.violatedDirective + " " + event.blockedURI));"""


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Open pages in the browser of the module, each as a visitor of its own."""
    found = Opened(browser)
    yield found
    for context in found.contexts:
        context.close()
