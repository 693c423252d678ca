"""A console without ROS: the tests play the node at its exchange."""

import asyncio
from pathlib import Path

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from drift_console_node.access import Access, Tokens
from drift_console_node.config import ConsoleConfig
from drift_console_node.context import Context
from drift_console_node.exchange import Exchange
from drift_console_node.server import make_app

CONFIG = Path(__file__).resolve().parents[3] / "config"
TOKENS = Tokens("d" * 32, "e" * 32)
LIMIT_S = 10.0


def console_parameters(folder, **changes):
    """Return the console's parameters as config/nodes.yaml has them, with what launch adds."""
    values = yaml.safe_load((CONFIG / "nodes.yaml").read_text())["/**/console"]["ros__parameters"]
    files = {
        "task_file": str(CONFIG / "tasks" / "place.yaml"),
        "joystick_file": str(CONFIG / "joysticks" / "keyboard.yaml"),
        "run_folder": str(folder),
        "episode_folder": str(folder / "episodes"),
        "checkpoint_folder": str(folder / "checkpoints"),
    }
    return values | files | {"port": 0, "niceness": 0} | changes


class Desk:
    """A server that listens, and browsers at it."""

    def __init__(self, context):
        self.context, self._clients = context, []
        self.server = TestServer(make_app(context))

    async def start(self):
        await self.server.start_server()
        self.context.port = self.server.port
        self.origin = f"http://127.0.0.1:{self.server.port}"
        return self

    async def browser(self, token=TOKENS.driver):
        """Return a client that has logged in; None: one that has not."""
        client = TestClient(self.server)
        self._clients.append(client)
        if token is not None:
            answer = await client.post("/api/login", json={"token": token}, headers=self.own)
            assert answer.status == 200, await answer.text()
        return client

    @property
    def own(self):
        """The header of a request from the console's own page."""
        return {"Origin": self.origin}

    async def close(self):
        for client in self._clients:
            await client.close()
        await self.server.close()


@pytest.fixture
def console(tmp_path):
    """Run a coroutine function with a Desk; further arguments are parameters of the console."""

    def run(play, **changes):
        async def whole():
            given = console_parameters(tmp_path, **changes)
            paths = {name: Path(given[name]) for name in given if name.endswith(("_file", "_folder"))}
            config = ConsoleConfig(**{**given, **paths})
            desk = Desk(Context(config, Access(TOKENS), Exchange(), ["front", "wrist"]))
            try:
                await asyncio.wait_for(play(await desk.start()), LIMIT_S)
            finally:
                await desk.close()

        asyncio.run(whole())

    return run


async def until(condition, what):
    """Wait until `condition()` holds."""
    for _ in range(int(LIMIT_S / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"no {what} within {LIMIT_S} s")
