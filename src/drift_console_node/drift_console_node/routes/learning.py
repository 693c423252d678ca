"""What learning has come to: success of each version, its rank and loss, what it has learned from."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web
from drift_core.policy.checkpoint_folder import checkpoint_path, delta_path
from drift_core.review import ReviewShelf, VersionProgress, checkpoint_lines, learned

from drift_console_node.context import CONTEXT
from drift_console_node.reviewing import review_json

_NEWEST = 200  # versions
_NEWEST_EPISODES = 500
_DATES_S = 1e8  # ROS time from which on it is a date; below it is a simulated clock


def add(router: web.UrlDispatcher) -> None:
    """Serve the versions of the run."""
    router.add_get("/api/learning", _learning)


async def _learning(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    folder = context.config.checkpoint_folder
    policy = context.exchange.seen.get("policy")
    running = 0 if policy is None else int(policy.what["version"])

    def look(shelf: ReviewShelf) -> dict[str, Any]:
        return {
            "running": running,
            "progress": [progress_json(row) for row in shelf.progress()[-_NEWEST:]],
            "episodes": [asdict(row) for row in shelf.by_episode()[-_NEWEST_EPISODES:]],
            "checkpoints": [asdict(line) for line in checkpoint_lines(folder)[:_NEWEST]],
            "learned": _learned(folder, running),
        }

    return await review_json(request, look)


def progress_json(row: VersionProgress) -> dict[str, Any]:
    """Return how a version did as plain values."""
    rate = row.unaided
    return asdict(row) | {
        "enough": row.enough,
        "unaided": None if rate is None else asdict(rate) | {"value": rate.value},
    }


def _learned(folder: Path, version: int) -> dict[str, Any] | None:
    """Return which corrections a version in `folder` holds, with the age of the newest; None: not said."""
    for path in (checkpoint_path(folder, version), delta_path(folder, version)):
        found = learned(path) if version else None
        if found is not None:
            return asdict(found) | {"newest_age_s": _age_s(found.newest_ended_s)}
    return None


def _age_s(ended_s: float | None) -> float | None:
    """Return how long ago something ended [s]; None where it is not known, or in simulated time."""
    return None if ended_s is None or ended_s < _DATES_S else round(time.time() - ended_s, 1)
