"""Recorded episodes: the list, one over time, its pictures; dropping, putting back and relabelling them."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar, get_args

from aiohttp import web
from drift_core.episodes import OutcomeName
from drift_core.review import EpisodeLine, ReviewShelf

from drift_console_node.borders import need_driver
from drift_console_node.json_body import json_body
from drift_console_node.reviewing import review, review_json

T = TypeVar("T")
_NEWEST = 200  # in a list, unless another number is asked for
_MOST = 5000
_OUTCOMES: dict[str, OutcomeName] = {name: name for name in get_args(OutcomeName)}


def add(router: web.UrlDispatcher) -> None:
    """Serve the episodes of the run."""
    router.add_get("/api/episodes", _list)
    router.add_get("/api/episodes/{id}", _one)
    router.add_get("/api/episodes/{id}/frame", _frame)
    router.add_post("/api/episodes/{id}/drop", _drop)
    router.add_post("/api/episodes/{id}/restore", _restore)
    router.add_post("/api/episodes/{id}/relabel", _relabel)


async def _list(request: web.Request) -> web.StreamResponse:
    newest = number(request, "newest", _NEWEST)
    if not 1 <= newest <= _MOST:
        raise web.HTTPBadRequest(text=f"newest={newest} must lie in [1, {_MOST}]")

    def look(shelf: ReviewShelf) -> dict[str, Any]:
        lines, broken = shelf.lines()
        return {
            "episodes": [line_json(line) for line in lines[::-1][:newest]],
            "in_all": len(lines),
            "broken": broken,
            "dropped": [line_json(line) for line in shelf.dropped_lines()[::-1][:newest]],
        }

    return await review_json(request, look)


async def _one(request: web.Request) -> web.StreamResponse:
    name = request.match_info["id"]
    return await review_json(
        request,
        lambda shelf: {"episode": line_json(shelf.line(name)), "timeline": shelf.timeline(name)},
    )


async def _frame(request: web.Request) -> web.StreamResponse:
    name, camera, step = request.match_info["id"], request.query.get("camera", ""), number(request, "step")
    jpeg = await review(request, lambda shelf: shelf.frame(name, camera, step))
    return web.Response(body=jpeg, content_type="image/jpeg")


async def _drop(request: web.Request) -> web.StreamResponse:
    need_driver(request)
    await json_body(request)
    await review(request, lambda shelf: shelf.drop(request.match_info["id"]), refused=409)
    return web.json_response({"dropped": request.match_info["id"]})


async def _restore(request: web.Request) -> web.StreamResponse:
    need_driver(request)
    await json_body(request)
    await review(request, lambda shelf: shelf.restore(request.match_info["id"]), refused=409)
    return web.json_response({"restored": request.match_info["id"]})


async def _relabel(request: web.Request) -> web.StreamResponse:
    need_driver(request)
    said = await json_body(request)
    score = said.get("score")
    outcome = one_of(_OUTCOMES, said, "outcome")
    known = score is None or (type(score) in (int, float) and math.isfinite(score))
    if "score" not in said or not known:
        raise web.HTTPBadRequest(text="score must be a number from 0 to 1, or null")
    line = await review(
        request, lambda shelf: shelf.relabel(request.match_info["id"], outcome, score), refused=409
    )
    return web.json_response({"episode": line_json(line)})


def line_json(line: EpisodeLine) -> dict[str, Any]:
    """Return an episode of a list as plain values."""
    return asdict(line) | {"expert_s": line.expert_s, "driven_s": line.driven_s}


def one_of(allowed: Mapping[str, T], said: Mapping[str, Any], name: str) -> T:
    """Return what `said` names of `allowed`; 400 for anything else."""
    value = said.get(name)
    if not isinstance(value, str) or value not in allowed:
        raise web.HTTPBadRequest(text=f"{name}={str(value)[:40]!r} must be one of {', '.join(allowed)}")
    return allowed[value]


def number(request: web.Request, name: str, otherwise: int | None = None) -> int:
    """Return a whole number of the query; 400 where it is none, or is missing and must not be."""
    text = request.query.get(name)
    if text is None and otherwise is not None:
        return otherwise
    digits = (text or "").removeprefix("-")
    if text is None or not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        raise web.HTTPBadRequest(text=f"{name}={(text or '')[:40]!r} must be a whole number")
    return int(text)
