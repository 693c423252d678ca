"""A network between page and console that is slow, or loses everything without telling anybody."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SLICE = 4096  # bytes that wait their turn on a slow network, of each connection
_UP, _DOWN = 0, 1


class Hole:
    """Hand bytes on both ways; what is swallowed comes all at once when it is let go.

    `mbit_s`: no more than that each way, for all connections together; None: as fast as it comes.
    """

    def __init__(self, port: int, mbit_s: float | None = None) -> None:
        self._to, self._mbit_s, self._passes = port, mbit_s, threading.Event()
        self._free_s = [0.0, 0.0]  # when each way is free again
        self._passes.set()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    def swallow(self, everything: bool) -> None:
        """Begin to keep everything back, or let it all go."""
        self._passes.clear() if everything else self._passes.set()

    def close(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        server.close()
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(self._copy(reader, far_writer, _UP), self._copy(far_reader, writer, _DOWN))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: int) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536 if self._mbit_s is None else _SLICE):
                await self._wait_for_turn(way, len(data))
                while not self._passes.is_set():
                    await asyncio.sleep(0.002)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _wait_for_turn(self, way: int, size: int) -> None:
        if self._mbit_s is None:
            return
        now_s = self._loop.time()
        self._free_s[way] = max(self._free_s[way], now_s) + 8e-6 * size / self._mbit_s
        await asyncio.sleep(self._free_s[way] - now_s)


@contextmanager
def hole_before(port: int, mbit_s: float | None = None) -> Iterator[Hole]:
    """A port that leads to `port`, at a rate or not, until it is made to swallow everything."""
    hole = Hole(port, mbit_s)
    try:
        yield hole
    finally:
        hole.close()
