"""The web server: an aiohttp application in a thread of its own."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from aiohttp import web

from drift_console_node.borders import BODY_BYTES, add_headers, check_borders
from drift_console_node.context import CONTEXT, Context
from drift_console_node.reviewing import reviewing
from drift_console_node.routes import MODULES, cameras, control

_STOP_S = 0.25  # for what is being answered
_LEAVE_S = 0.15  # for pages to take note
TASKS: web.AppKey[list["asyncio.Task[None]"]] = web.AppKey("tasks", list)  # that run for ever


def make_app(context: Context) -> web.Application:
    """Return the application with all its routes."""
    app = web.Application(middlewares=[check_borders], client_max_size=BODY_BYTES)
    app[CONTEXT] = context
    app[TASKS] = []
    app.on_response_prepare.append(add_headers)
    for module in MODULES:
        module.add(app.router)
    app.on_startup.append(cameras.begin)
    app.cleanup_ctx.append(_background)
    app.cleanup_ctx.append(reviewing)
    app.on_shutdown.append(_close_connections)
    return app


async def _background(app: web.Application) -> AsyncIterator[None]:
    context, loop = app[CONTEXT], asyncio.get_running_loop()
    context.exchange.wake_web = lambda: _wake(loop, context)
    tasks = app[TASKS]
    tasks += [asyncio.create_task(control.beat(app)), asyncio.create_task(cameras.watch(app))]
    yield
    context.exchange.wake_web = lambda: None
    context.exchange.on_frame = lambda camera: None
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _wake(loop: asyncio.AbstractEventLoop, context: Context) -> None:
    loop.call_soon_threadsafe(context.changed.set)


async def _close_connections(app: web.Application) -> None:
    leaving = [connection.close() for connection in app[CONTEXT].connections]
    leaving += [viewer.close() for viewer in app[cameras.VIEWERS]]
    with suppress(TimeoutError):  # a page that does not answer is not waited for
        await asyncio.wait_for(asyncio.gather(*leaving, return_exceptions=True), _LEAVE_S)


class Server:
    """Serve `context` at a socket that listens, until `close`. OSError for an unreadable certificate."""

    def __init__(
        self, context: Context, listening: socket.socket, on_failure: Callable[[Exception], None]
    ) -> None:
        """`on_failure` is called from the server's thread, which then ends."""
        self._on_failure = on_failure
        self._context, self._listening = context, listening
        self._tls = _tls(context)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="console", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it within a second or so."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_LEAVE_S + 2 * _STOP_S)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._run())
        except Exception as error:  # told to the node, which ends by it
            self._on_failure(error)
        finally:
            self._loop.close()

    async def _run(self) -> None:
        app = make_app(self._context)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_STOP_S)
        await runner.setup()
        site = web.SockSite(runner, self._listening, ssl_context=self._tls)
        await site.start()
        stopping = asyncio.create_task(self._stopping.wait())
        ended, _ = await asyncio.wait({stopping, *app[TASKS]}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await runner.cleanup()
        for task in ended - {stopping}:
            task.result()  # raises what has ended one that runs for ever


def _tls(context: Context) -> ssl.SSLContext | None:
    config = context.config
    if not config.tls_certificate:
        return None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(config.tls_certificate, config.tls_key)
    return tls
