"""A page without a browser, that drives."""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp

REST = [0.0] * 6
_PERIOD_S = 0.02
_ECHO_EVERY = 10  # periods, of who looks only


class ProtocolPage(threading.Thread):
    """It asks for the controls, and says what `deadman` and `axes` are 50 times a second while it has them.

    `speaks`: whether it says anything.
    """

    def __init__(self, said: Mapping[str, str], port: int | None = None) -> None:
        """`said`: what console.json says. `port`: another one that leads to the console."""
        super().__init__(daemon=True)
        address, _, self._token = said["address"].partition("#t=")
        host, _, own_port = address.rstrip("/").rpartition(":")
        self._address = f"{host}:{port or own_port}"
        self.speaks, self.deadman, self.axes = True, False, REST
        self.state: Mapping[str, Any] | None = None
        self.instance, self.stopped, self._beat, self._seq = "", False, 0, 0
        self._to_say: list[Mapping[str, Any]] = []
        self.start()

    @property
    def ready(self) -> bool:
        """Whether a press would count."""
        lease = {} if self.state is None else self.state["lease"]
        return bool(lease.get("yours")) and lease.get("why") == "press and hold enable"

    def say(self, **said: Any) -> None:
        """Send one more message."""
        self._to_say.append(said)

    def close(self) -> None:
        """End it."""
        self.stopped = True
        self.join(5.0)

    def run(self) -> None:
        """Serve the connection until `close`, or its end."""
        with suppress(aiohttp.ClientError):
            asyncio.run(self._run())

    async def _run(self) -> None:
        own = {"Origin": self._address}
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await session.post(f"{self._address}/api/login", json={"token": self._token}, headers=own)
            async with session.ws_connect(f"{self._address}/ws/ctl", headers=own) as socket:
                listening = asyncio.create_task(self._listen(socket))
                await socket.send_json({"type": "lease", "do": "ask", "name": "Ann"})
                while not self.stopped and not socket.closed:
                    await asyncio.sleep(_PERIOD_S)
                    await self._speak(socket)
                listening.cancel()

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while self._to_say:
            await socket.send_json(self._to_say.pop(0))
        if not self.speaks:
            return
        self._seq += 1
        if self.state is not None and self.state["lease"]["yours"]:
            said = {"type": "input", "seq": self._seq, "beat": self._beat, "deadman": self.deadman}
            rest = {"axes": self.axes, "gripper": 0, "src": "pad 0", "focus": True, "vis": True}
            await socket.send_json(said | rest)
        elif self._seq % _ECHO_EVERY == 0:
            await socket.send_json({"type": "echo", "beat": self._beat})

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            said = message.json()
            if said["type"] == "beat":
                self._beat = said["n"]
            elif said["type"] == "state":
                self.state = said
            elif said["type"] == "hello":
                self.instance = said["instance"]
