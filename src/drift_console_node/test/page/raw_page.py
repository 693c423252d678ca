"""Pages told by the debugging port alone: a hidden tab is hidden, and a frozen page frozen.

Playwright keeps every page focused and visible.
"""

import itertools
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from drift_console_node.testing.real_browser import RunningBrowser

_LIMIT_S = 10.0


@dataclass
class RawPage:
    """One tab."""

    identity: str
    _base: str
    _session: aiohttp.ClientSession
    _socket: aiohttp.ClientWebSocketResponse
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Return the result of a method of the debugging protocol."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            said = await self._socket.receive_json(timeout=_LIMIT_S)
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]

    async def value(self, expression: str) -> Any:
        """Return what an expression is in the page."""
        answer = await self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        return answer["result"].get("value")

    async def key(self, letter: str, down: bool) -> None:
        """Press or let go of the key of a letter."""
        await self.ask(
            "Input.dispatchKeyEvent",
            type="keyDown" if down else "keyUp",
            code=f"Key{letter.upper()}",
            key=letter,
            windowsVirtualKeyCode=ord(letter.upper()),
        )

    async def to_front(self) -> None:
        """Show this tab, and hide the one that was shown."""
        async with self._session.put(f"{self._base}/json/activate/{self.identity}") as answer:
            assert answer.status == 200, await answer.text()
        await self.ask("Page.bringToFront")  # and with the focus


@dataclass
class RawBrowser:
    """Opens tabs; use as `async with`."""

    running: RunningBrowser

    async def __aenter__(self) -> "RawBrowser":
        self._base = f"http://127.0.0.1:{self.running.port}"
        self._session = aiohttp.ClientSession()
        self._opened: list[str] = []
        return self

    async def __aexit__(self, *error: object) -> None:
        for identity in self._opened:
            async with self._session.put(f"{self._base}/json/close/{identity}"):
                pass
        await self._session.close()

    async def open(self, address: str) -> RawPage:
        """Open an address in a new tab, in front."""
        async with self._session.put(f"{self._base}/json/new?about:blank") as answer:
            found = await answer.json()
        self._opened.append(found["id"])
        socket = await self._session.ws_connect(found["webSocketDebuggerUrl"])
        page = RawPage(found["id"], self._base, self._session, socket)
        if address != "about:blank":
            await page.ask("Page.navigate", url=address)
        return page
