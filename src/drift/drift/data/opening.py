"""Which store and which episode a person means."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.episodes import EpisodeStore

StoreArgument = Annotated[Path, typer.Argument(help="a folder of episodes, or a run", metavar="STORE")]
EpisodesArgument = Annotated[list[str], typer.Argument(help="their ids", metavar="EPISODE…")]
JsonOption = Annotated[bool, typer.Option("--json", help="print it as JSON")]
_FIGURES = (".png", ".pdf", ".svg")


def open_store(path: Path) -> "EpisodeStore":
    """Return the store at `path`, a folder of episodes or a run; UserError where there is no such folder."""
    from drift_core.episodes import EpisodeStore

    root = store_root(path)
    if not root.is_dir():
        raise UserError(f"store={path} must be a folder of episodes, or a run with a folder episodes")
    return EpisodeStore(root)


def check_figure(out: Path | None) -> None:
    """Refuse a file that no figure can be written to."""
    if out is not None and (out.suffix not in _FIGURES or not out.resolve().parent.is_dir()):
        raise UserError(f"out={out} must end in {', '.join(_FIGURES)} and lie in a folder that exists")


def store_root(path: Path) -> Path:
    """Return the folder of episodes that `path` means, whether it is there or not."""
    return path / "episodes" if (path / "episodes").is_dir() else path


def chosen(store: "EpisodeStore", episode_id: str | None) -> str:
    """Return `episode_id`, or without one the newest; UserError for an unknown one and an empty store."""
    ids = store.ids()
    if not ids:
        raise UserError(f"store={store.root} must hold a finished episode, and has none")
    if episode_id is None:
        from drift_core.episodes.age import age_key

        return max(ids, key=lambda name: age_key(store, name))
    check_ids(store, [episode_id], ids)
    return episode_id


def check_ids(store: "EpisodeStore", wanted: list[str], ids: list[str] | None = None) -> None:
    """Refuse episodes that are not in `store`, that are still open, or that are named twice."""
    known = set(store.ids() if ids is None else ids)
    still_open = set(store.open_ids())
    for name in wanted:
        if name in still_open and name not in known:
            raise UserError(f"episode={name} is being recorded, or was broken off: {store.root}")
        if name not in known:
            raise UserError(f"episode={name} must be one of the {len(known)} in {store.root}: drift data ls")
    if twice := sorted({name for name in wanted if wanted.count(name) > 1}):
        raise UserError(f"episode={twice[0]} must be named once only")
