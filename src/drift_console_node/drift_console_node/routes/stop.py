"""Stop, by a second way beside the open connection. It needs no lease, no arm and no mode."""

from aiohttp import web

from drift_console_node.context import CONTEXT
from drift_console_node.json_body import json_body
from drift_console_node.presses import press_id


def add(router: web.UrlDispatcher) -> None:
    """Serve stop."""
    router.add_post("/api/stop", _stop)


async def _stop(request: web.Request) -> web.StreamResponse:
    request.app[CONTEXT].press_stop(press_id((await json_body(request)).get("id")) or "without id")
    return web.json_response({"asked": True})
