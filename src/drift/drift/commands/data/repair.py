"""`drift data repair`: make whole what was broken off or damaged."""

from typing import Annotated

import typer

from drift.data.broken_bags import bags_to_repair, repair_bags
from drift.data.opening import StoreArgument, open_store
from drift.errors import UserError


def main(
    store: StoreArgument,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be done, change nothing")
    ] = False,
) -> None:
    """Make episodes whole up to what can be read of them: broken off ones, those in quarantine, broken ones.

    What was broken off has the outcome `unknown` then. The original of what was damaged, and what cannot be
    mended, lies in `.quarantine` with the reason, until you delete it. Not while something records there.
    Bags of the run that were broken off are made whole as well; a bag may also be named by itself.
    Example: drift data repair runs/mine --dry-run
    """
    from drift_core.episodes.repair import repair_store
    from drift_core.errors import DataError

    bags = bags_to_repair(store)
    number = mended = 0
    try:
        if store in bags:
            for line in repair_bags(bags, dry_run):
                typer.echo(line)
            return
        opened = open_store(store)
        with opened.claim():
            for repair in repair_store(opened, dry_run):
                number += 1
                mended += repair.whole
                done = "would be made whole" if dry_run else "made whole"
                if not repair.whole:
                    done = "would go to quarantine" if dry_run else "in quarantine"
                typer.echo(f"{repair.name}: {done} as {repair.place}: {repair.text}")
            for line in repair_bags(bags, dry_run):
                number, mended = number + 1, mended + 1
                typer.echo(line)
    except DataError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"cannot be written: {error}") from None
    typer.echo(f"{mended} of {number} made whole" if number else "nothing to repair")
    if mended < number:
        raise typer.Exit(1)
