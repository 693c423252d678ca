"""`drift data merge`: several stores in one."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from drift.data.opening import open_store, store_root
from drift.errors import UserError


def main(
    stores: Annotated[list[Path], typer.Argument(help="folders of episodes, or runs", metavar="STORE…")],
    into: Annotated[Path, typer.Argument(help="where they go: a new folder, a store or a run")],
    mixed: Annotated[
        bool, typer.Option("--mixed", help="though robots, tasks or cameras differ: training takes one each")
    ] = False,
) -> None:
    """Put the episodes of stores into one; the stores stay as they are, and ids and held-out episodes, too.

    An episode that is in several is taken once; one id with different content is refused. All are there at
    the end, or, where it is broken off, none. Example: drift data merge runs/monday runs/tuesday runs/both
    """
    from drift_core.episodes import EpisodeStore

    from drift.data.copying import Incoming, Origin, refuse_mixture, without_repeats

    root = store_root(into)
    target, sources = EpisodeStore(root), [open_store(path) for path in stores]
    if any(source.root.resolve() == root.resolve() for source in sources):
        raise UserError(f"into={into} must be another store than those that are merged")
    coming = [Origin(name, source) for source in sources for name in source.ids()]
    if not coming:
        raise UserError(f"stores={', '.join(map(str, stores))} must hold a finished episode, and have none")
    is_new = not root.exists()
    try:
        with target.claim(), Progress(console=Console(stderr=True), transient=True) as progress:
            have = [Origin(name, target) for name in target.ids()]
            bar = progress.add_task("compare", total=2 * len(coming) + len(have))
            if not mixed:
                refuse_mixture([*have, *coming])
            found = without_repeats([*have, *coming], lambda: progress.advance(bar))
            new = [origin for origin in found if origin.store is not target]
            progress.update(bar, description="copy")
            with Incoming(target) as incoming:
                for origin in new:
                    incoming.add(origin)
                    progress.advance(bar)
                incoming.show()
    except BaseException:
        if is_new and root.exists() and not any(root.iterdir()):
            root.rmdir()
        raise
    twice = len(coming) - len(new)
    print(f"{len(new)} episodes to {root}" + f", {twice} were there already" * bool(twice))
    print(f"{len(target.ids())} episodes, {sum(map(target.held_out, target.ids()))} held out of training")
