"""`drift data relabel`: how an episode ended, said afterwards."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from drift.data.opening import EpisodesArgument, StoreArgument, check_ids, open_store
from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.episodes import EpisodeMeta

_NO_SCORE = "none"


def main(
    store: StoreArgument,
    episodes: EpisodesArgument,
    outcome: Annotated[
        Literal["success", "failure", "unknown"] | None, typer.Option(help="how they ended")
    ] = None,
    score: Annotated[
        str | None, typer.Option(help="how well they went: a number from 0 to 1, or none", metavar="SCORE")
    ] = None,
    weight: Annotated[
        float | None, typer.Option(min=0.0, help="how often training draws of them; 1: as of the others")
    ] = None,
) -> None:
    """Change outcome, score or weight of episodes; nothing else changes, and none is ever half written.

    Another outcome without a score takes away the score, which was of the old one.
    Training reads them when it reads the episode: one that is running, or was paused, keeps what it has read.
    Example: drift data relabel runs/mine m000012 --outcome success --score 0.7
    """
    from drift_core.episodes import relabel

    if outcome is None and score is None and weight is None:
        raise UserError("say what to change: --outcome, --score or --weight")
    opened = open_store(store)
    check_ids(opened, episodes)
    wanted = {name: opened.meta(name) for name in episodes}  # all can be read before the first is written
    for name, meta in wanted.items():
        ended = meta.outcome if outcome is None else outcome
        kept = meta.score if ended == meta.outcome else None
        new = relabel(opened.root / name, ended, kept if score is None else _score(score), weight)
        print(f"{name}: {_label(meta)} → {_label(new)}")


def _score(text: str) -> float | None:
    if text == _NO_SCORE:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise UserError(f"score={text} must be a number from 0 to 1, or {_NO_SCORE}")
    return value


def _label(meta: "EpisodeMeta") -> str:
    weight = "" if meta.weight == 1.0 else f", weight {meta.weight:g}"
    return f"{meta.outcome}, score {_said(meta.score)}{weight}"


def _said(score: float | None) -> str:
    return _NO_SCORE if score is None else f"{score:g}"
