"""The page itself: a handful of files that ship with the package."""

from aiohttp import web

from drift_console_node.context import PAGE

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def add(router: web.UrlDispatcher) -> None:
    """Serve index.html, and each of its files by name."""
    router.add_get("/", _index)
    router.add_get("/page/{name}", _file)


async def _index(request: web.Request) -> web.StreamResponse:
    return _answer("index.html")


async def _file(request: web.Request) -> web.StreamResponse:
    return _answer(request.match_info["name"])


def _answer(name: str) -> web.Response:
    path = PAGE / name
    if path.parent != PAGE or path.suffix not in _KINDS or not path.is_file():
        raise web.HTTPNotFound(text="no such file")
    return web.Response(body=path.read_bytes(), content_type=_KINDS[path.suffix], charset="utf-8")
