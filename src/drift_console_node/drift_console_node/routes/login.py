"""A token for a cookie, and what a page may do with it."""

from aiohttp import web

from drift_console_node.borders import ROLE, now_s
from drift_console_node.context import CONTEXT
from drift_console_node.json_body import json_body


def add(router: web.UrlDispatcher) -> None:
    """Serve the login, and who is logged in."""
    router.add_post("/api/login", _login)
    router.add_get("/api/me", _me)


async def _login(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    if context.access.barred(now_s()):
        raise web.HTTPTooManyRequests(text="too many wrong tokens; wait a minute")
    token = (await json_body(request)).get("token")
    found = context.access.login(token, now_s()) if isinstance(token, str) else None
    if found is None:
        raise web.HTTPUnauthorized(text="wrong token")
    role, cookie = found
    answer = web.json_response({"role": role.value})
    secure = bool(context.config.tls_certificate)
    answer.set_cookie(context.cookie, cookie, httponly=True, samesite="Strict", secure=secure, path="/")
    return answer


async def _me(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    return web.json_response(
        {"role": request[ROLE].value, "instance": context.instance, "insecure": context.config.insecure_lan}
    )
