"""Pages of the console without browsers: each looks at every camera, and says how old pictures were.

Arguments: FILE COUNT SECONDS. A line when all of them look, from when the time counts; then one of JSON: ages
of all pictures when they came [ms], and how often each page was told the state.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import aiohttp
from drift_console_node.routes.cameras import HEADER

ECHO_S = 0.2


async def login(session: aiohttp.ClientSession, said: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Log in as a driver; return the address and the headers of the console's own page."""
    address = said["address"].partition("#")[0]
    own = {"Origin": address.rstrip("/")}
    async with session.post(
        f"{address}api/login", json={"token": said["driver_token"]}, headers=own
    ) as answer:
        answer.raise_for_status()
    return address, own


def new_session() -> aiohttp.ClientSession:
    """Return a browser's session; its cookies hold for an address of numbers, too."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def look(
    said: dict[str, str],
    all_here: asyncio.Barrier,
    duration_s: float,
    ages_ms: list[float],
    states: list[int],
) -> None:
    """Be one page for so long, once all of them are there."""
    async with new_session() as session:
        address, own = await login(session, said)
        async with (
            session.ws_connect(f"{address}ws/ctl", headers=own) as control,
            session.ws_connect(f"{address}ws/cam", headers=own) as cameras,
        ):
            if await all_here.wait() == 0:
                print("looking", flush=True)
            until_s = time.monotonic() + duration_s
            await asyncio.gather(_listen(control, until_s, states), _pictures(cameras, until_s, ages_ms))


async def _listen(socket: aiohttp.ClientWebSocketResponse, until_s: float, states: list[int]) -> None:
    beat, told, echoed_s = 0, 0, 0.0
    while time.monotonic() < until_s:
        said = await socket.receive_json(timeout=5.0)
        beat = said["n"] if said["type"] == "beat" else beat
        told += said["type"] == "state"
        if time.monotonic() - echoed_s > ECHO_S:
            echoed_s = time.monotonic()
            await socket.send_json({"type": "echo", "beat": beat})
    states.append(told)


async def _pictures(socket: aiohttp.ClientWebSocketResponse, until_s: float, ages_ms: list[float]) -> None:
    await socket.send_bytes(bytes([0, 1]))
    while time.monotonic() < until_s:
        data = await socket.receive_bytes(timeout=5.0)
        _, camera, _, _, stamp_s, _, _ = HEADER.unpack_from(data)
        ages_ms.append((time.time() - stamp_s) * 1e3)
        await socket.send_bytes(bytes([camera]))


async def _all(said: dict[str, str], count: int, duration_s: float) -> dict[str, list]:
    all_here = asyncio.Barrier(max(count, 1))
    ages_ms: list[float] = []
    states: list[int] = []
    await asyncio.gather(*(look(said, all_here, duration_s, ages_ms, states) for _ in range(count)))
    return {"ages_ms": ages_ms, "states": states}


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps(asyncio.run(_all(told, int(sys.argv[2]), float(sys.argv[3])))))
