"""What every request must be before a route sees it: to our name, from our own page, of somebody we know."""

import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from drift_console_node.access import Role
from drift_console_node.config import ConsoleConfig, is_loopback
from drift_console_node.context import CONTEXT

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BODY_BYTES = 64 * 1024
ROLE: web.RequestKey[Role] = web.RequestKey("role", Role)
_OPEN_PATHS = ("/", "/api/login")  # without a cookie; and the files of the page
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "gamepad=(self), screen-wake-lock=(self), camera=(), microphone=(), geolocation=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the browser what the page may do; nothing is allowed to other origins."""
    response.headers.update(_HEADERS)


@web.middleware
async def check_borders(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what does not come from our own page in a browser that has logged in."""
    context = request.app[CONTEXT]
    host = request.headers.get(hdrs.HOST, "")
    if not host_allowed(context.config, host):
        raise web.HTTPMisdirectedRequest(text=f"host {host[:80]!r} is not a name of this console")
    upgrade = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    if request.method not in ("GET", "HEAD") or upgrade:
        scheme = "https" if context.config.tls_certificate else "http"
        if request.headers.get(hdrs.ORIGIN, "") != f"{scheme}://{host}":
            raise web.HTTPForbidden(text="the request must come from the console's own page")
    if request.method not in ("GET", "HEAD", "POST"):
        raise web.HTTPMethodNotAllowed(request.method, ["GET", "POST"])
    if request.method == "POST" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="the body must be application/json")
    if request.path not in _OPEN_PATHS and not request.path.startswith("/page/"):
        role = context.access.role(request.cookies.get(context.cookie, ""))
        if role is None:
            raise web.HTTPUnauthorized(text="open the address with its token, as it was printed")
        request[ROLE] = role
    return await handler(request)


def need_driver(request: web.Request) -> None:
    """Refuse whoever came with the token for looking only."""
    if request[ROLE] is not Role.DRIVER:
        raise web.HTTPForbidden(
            text="this page may look and stop only: it was opened with the token for that"
        )


def host_allowed(config: ConsoleConfig, host: str) -> bool:
    """Return whether a Host header names us; other names that lead here are somebody's trick (DNS rebinding).

    Loopback names go with any port, for ssh -L.
    """
    try:
        said = urlsplit(f"//{host}")
        name, _ = said.hostname, said.port
    except ValueError:
        return False
    if not name or said.netloc != host or said.username is not None or said.path or said.query:
        return False
    return is_loopback(name) or name in _names(config)


def _names(config: ConsoleConfig) -> set[str]:
    return {config.host.strip("[]").lower(), *filter(None, config.names.lower().replace(" ", "").split(","))}


def now_s() -> float:
    """Return the steady time, by which the console judges everything."""
    return time.monotonic()
