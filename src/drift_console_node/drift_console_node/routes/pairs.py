"""Which of two recorded attempts was better: the next pairs to ask about, and the answers of a person."""

import time
from dataclasses import asdict
from typing import Any, get_args

from aiohttp import web
from drift_core.preferences import Answer
from drift_core.review import ReviewShelf

from drift_console_node.borders import need_driver
from drift_console_node.json_body import json_body
from drift_console_node.reviewing import review, review_json
from drift_console_node.routes.episodes import line_json, one_of

_AT_ONCE = 20
_ANSWERS: dict[str, Answer] = {name: name for name in get_args(Answer)}


def add(router: web.UrlDispatcher) -> None:
    """Serve pairs, and take answers."""
    router.add_get("/api/pairs", _pairs)
    router.add_post("/api/pairs", _answer)


async def _pairs(request: web.Request) -> web.StreamResponse:
    def look(shelf: ReviewShelf) -> dict[str, Any]:
        pairs = shelf.pairs(_AT_ONCE)
        return {
            "pairs": [[line_json(shelf.line(name)) for name in pair] for pair in pairs],
            "marks": [asdict(mark) for mark in shelf.marks()],
        }

    return await review_json(request, look)


async def _answer(request: web.Request) -> web.StreamResponse:
    need_driver(request)
    said = await json_body(request)
    a, b = said.get("a"), said.get("b")
    if not isinstance(a, str) or not isinstance(b, str):
        raise web.HTTPBadRequest(text="a and b must be the ids of two episodes")
    answer = one_of(_ANSWERS, said, "answer")
    mark = await review(request, lambda shelf: shelf.prefer(a, b, answer, time.time()), refused=409)
    return web.json_response({"mark": asdict(mark)})
