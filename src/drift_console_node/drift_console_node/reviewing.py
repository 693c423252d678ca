"""Looking at episodes and versions beside the live state: in one thread of its own, so that no beat waits."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from drift_core.episodes import EpisodeStore
from drift_core.errors import CheckpointError, DataError
from drift_core.review import ReviewShelf

from drift_console_node.context import CONTEXT

T = TypeVar("T")
_WAITING = 64  # questions at once; more are refused


@dataclass(eq=False)
class Reviewing:
    """The shelf of one console, and the thread that looks at it."""

    shelf: ReviewShelf
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "review"))
    waiting: int = 0


REVIEWING: web.AppKey[Reviewing] = web.AppKey("reviewing", Reviewing)


async def reviewing(app: web.Application) -> AsyncIterator[None]:
    """Open the shelf, and end its thread with the server."""
    app[REVIEWING] = found = Reviewing(ReviewShelf(EpisodeStore(app[CONTEXT].config.episode_folder)))
    yield
    found.thread.shutdown(wait=False, cancel_futures=True)


async def review(request: web.Request, look: Callable[[ReviewShelf], T], refused: int = 404) -> T:
    """Return what `look` finds; what it refuses is answered in its words, with the status `refused`."""
    found = request.app[REVIEWING]
    if found.waiting >= _WAITING:
        raise web.HTTPServiceUnavailable(text=f"{_WAITING} questions wait already")
    found.waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(found.thread, look, found.shelf)
    except (DataError, CheckpointError) as error:
        kind = {404: web.HTTPNotFound, 409: web.HTTPConflict}[refused]
        raise kind(text=str(error)) from None
    except OSError as error:
        raise web.HTTPInternalServerError(text=f"{error.filename}: {error.strerror}") from None
    finally:
        found.waiting -= 1


async def review_json(request: web.Request, look: Callable[[ReviewShelf], Any]) -> web.Response:
    """Answer what `look` finds, dataclasses among it, as JSON, which is written in that thread, too."""
    text = await review(request, lambda shelf: json.dumps(look(shelf), allow_nan=False, default=vars))
    return web.Response(text=text, content_type="application/json")
