"""`drift data drop`: episodes taken out of a store, so that nothing trains on them."""

from typing import Annotated

import typer

from drift.data.opening import EpisodesArgument, StoreArgument, check_ids, open_store


def main(
    store: StoreArgument,
    episodes: EpisodesArgument,
    yes: Annotated[bool, typer.Option("--yes", help="without asking")] = False,
) -> None:
    """Take episodes out of a store: nothing trains on them any more. drift data restore puts them back.

    They are moved to the folder .dropped of the store. Training that is running forgets them when it next
    looks for new episodes; what it has learned from them stays. Example: drift data drop runs/mine m000012
    """
    from drift_core.episodes import Dropped
    from drift_core.errors import DataError

    opened = open_store(store)
    check_ids(opened, episodes)
    for name in episodes:
        try:
            meta = opened.meta(name)
            driven = f"{meta.duration_s:.1f} s, {meta.expert_steps} steps by the expert"
            print(f"{name}: {meta.kind}, {meta.outcome}, {driven}")
        except DataError as error:
            print(f"{name}: {error}")
    if not yes:
        typer.confirm(
            f"take {len(episodes)} of {len(opened.ids())} episodes out of {opened.root}?", abort=True
        )
    dropped = Dropped(opened)
    for name in episodes:
        dropped.drop(name)
    print(f"dropped; to put back: drift data restore {store} {' '.join(episodes)}")
