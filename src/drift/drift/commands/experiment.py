"""`drift experiment`: tasks of others in environments of their own."""

from typing import Annotated

import typer
from rich.console import Console

from drift.errors import UserError


def main(
    what: Annotated[str, typer.Argument(help="setup")],
    environment: Annotated[str, typer.Argument(help="of setup: pusht, metaworld or robosuite")] = "",
) -> None:
    """Make the environment of others' tasks: `drift experiment setup NAME`."""
    from drift.experiment.foreign import kind_of

    if what != "setup":
        raise UserError(f"experiment={what} must be: setup")
    kind, console = kind_of(environment), Console()
    kind.install(console.print)
    console.print(f"{kind.name} is installed; its tasks: {kind.tasks}")
