"""The command line `drift`. Each command is a module of drift.commands with a function `main`."""

import gc
import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption

from drift.commands import (
    demo,
    diagnose,
    doctor,
    eval,
    experiment,
    goto,
    joystick,
    prefer,
    session,
    teleop,
    train,
    up,
    watch,
)
from drift.commands.calibrate import board, camera_latency, hand_eye
from drift.commands.data import (
    check,
    drop,
    export,
    import_,
    ls,
    merge,
    relabel,
    repair,
    replay,
    restore,
    show,
    split,
    stats,
    sync,
)
from drift.commands.policy import import_ as import_policy
from drift.errors import UserError, run


class OnceCommand(TyperCommand):
    """A command whose options are said once: of two values, one would be dropped without a word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an option that is said twice."""
        said = self.make_parser(ctx).parse_args(list(args))[2]
        for option in said:
            if isinstance(option, TyperOption) and said.count(option) > 1:
                raise UserError(f"{'/'.join(option.opts + option.secondary_opts)} must be said once only")
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="Train and run a diffusion policy on a robot arm that learns from your corrections.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    up,
    demo,
    session,
    watch,
    goto,
    teleop,
    joystick,
    train,
    eval,
    experiment,
    prefer,
    diagnose,
    doctor,
):
    app.command(command.__name__.rpartition(".")[2], cls=OnceCommand)(command.main)
calibrate = typer.Typer(
    no_args_is_help=True, help="Measure how late the cameras are and where they are mounted."
)
data = typer.Typer(no_args_is_help=True, help="Look at recorded episodes, and bring them to others and back.")
policy = typer.Typer(no_args_is_help=True, help="Policies that were trained elsewhere.")
app.command("replay", cls=OnceCommand)(replay.main)  # under both names
groups = {
    "calibrate": (calibrate, (board, camera_latency, hand_eye)),
    "data": (
        data,
        (ls, show, stats, check, repair, replay, drop, restore, relabel, merge, split, sync, export, import_),
    ),
    "policy": (policy, (import_policy,)),
}
for group, (commands, members) in groups.items():
    for command in members:
        name = command.__name__.rpartition(".")[2].rstrip("_").replace("_", "-")  # import_
        commands.command(name, cls=OnceCommand)(command.main)
    app.add_typer(commands, name=group)


def main() -> None:
    """Run the command."""
    try:
        run(app)
    finally:
        if "ruckig" in sys.modules:  # whose binding complains of what is left at the end
            gc.collect()
        gc.freeze()  # Python would end with a search for garbage in all imports: 0.7 s of a core with torch
