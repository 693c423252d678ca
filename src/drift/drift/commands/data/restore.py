"""`drift data restore`: dropped episodes put back."""

from typing import Annotated

import typer

from drift.data.opening import StoreArgument, open_store


def main(
    store: StoreArgument,
    episodes: Annotated[
        list[str] | None, typer.Argument(help="their ids; without one, what can be put back is listed")
    ] = None,
) -> None:
    """Put episodes back that drift data drop has taken out. Example: drift data restore runs/mine m000012"""
    from drift_core.episodes import Dropped

    dropped = Dropped(open_store(store))
    if not episodes:
        print("\n".join(dropped.ids()) or f"nothing was dropped from {store}")
    for name in episodes or []:
        print(dropped.restore(name))
