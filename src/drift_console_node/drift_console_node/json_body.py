"""The body of a request as a JSON object."""

import json
from typing import Any

from aiohttp import web


async def json_body(request: web.Request) -> dict[str, Any]:
    """Return the object; 400 for anything else. Its size is limited by the server."""
    try:
        said = json.loads(await request.text())
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="the body must be JSON") from None
    if not isinstance(said, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return said
